import type { User } from '../server/server.ts'
import { openWire, type Wire } from './wire.ts'

async function ok(wire: Wire): Promise<string> {
  const line = await wire.line()
  if (!line.startsWith('+OK')) throw new Error(`POP3: ${line}`)
  return line
}

/** Port 995, signed in. */
export async function openPop3(port: number, user: User): Promise<Wire> {
  const wire = await openWire({ port, tls: true })
  await ok(wire)
  wire.write(`USER ${user.address}\r\n`)
  await ok(wire)
  wire.write(`PASS ${user.password}\r\n`)
  await ok(wire)
  return wire
}

/** Reads one multi-line answer. @returns its octets */
export async function listed(wire: Wire): Promise<number> {
  await ok(wire)
  const { octets } = await wire.untilLine('.\r\n')
  return octets
}
