import type { User } from '../server/server.ts'
import { makeLetter } from './letter.ts'
import { pool } from './pool.ts'
import { openWire, type Wire } from './wire.ts'

export type SmtpLoad = {
  readonly port: number
  /** STARTTLS and AUTH PLAIN, each connection as the next of these; null: as a stranger in the clear. */
  readonly signIn: readonly User[] | null
  readonly connections: number
  readonly messages: number
  /** How many before it says QUIT and connects anew. gavan allows 100. */
  readonly perConnection: number
  readonly to: (index: number) => string
  readonly octets: number
}

/** @returns the last line of the reply @throws on any other code */
async function expect(wire: Wire, code: string): Promise<string> {
  for (;;) {
    const line = await wire.line()
    if (!line.startsWith(code)) throw new Error(`SMTP: ${line} instead of ${code}`)
    if (line[3] !== '-') return line
  }
}

export async function openSmtp(port: number, user: User | null): Promise<Wire> {
  const wire = await openWire({ port, tls: false })
  await expect(wire, '220')
  wire.write('EHLO load.test\r\n')
  await expect(wire, '250')
  if (user === null) return wire
  wire.write('STARTTLS\r\n')
  await expect(wire, '220')
  await wire.startTls()
  const secret = Buffer.from(`\0${user.address}\0${user.password}`).toString('base64')
  wire.write('EHLO load.test\r\n')
  await expect(wire, '250')
  wire.write(`AUTH PLAIN ${secret}\r\n`)
  await expect(wire, '235')
  return wire
}

/** One message, the commands before the dot in one write (RFC 2920). Resolves when its 250 has come. */
export async function sendLetter(
  wire: Wire,
  { from, to, letter }: { from: string; to: string; letter: Buffer },
): Promise<void> {
  wire.write(`MAIL FROM:<${from}>\r\nRCPT TO:<${to}>\r\nDATA\r\n`)
  await expect(wire, '250')
  await expect(wire, '250')
  await expect(wire, '354')
  wire.write(letter)
  wire.write('.\r\n')
  await expect(wire, '250')
}

export async function closeSmtp(wire: Wire): Promise<void> {
  wire.write('QUIT\r\n')
  await expect(wire, '221')
  wire.close()
}

/** Resolves when every message has its 250. */
export async function smtpLoad(load: SmtpLoad): Promise<void> {
  let signedIn = 0
  await pool({
    count: load.connections,
    jobs: load.messages,
    worker: async (next) => {
      let index = next()
      while (index !== null) {
        const user = load.signIn === null ? null : load.signIn[signedIn++ % load.signIn.length]!
        const wire = await openSmtp(load.port, user)
        for (let sent = 0; sent < load.perConnection && index !== null; sent++) {
          const from = user?.address ?? `sender${index % 50}@far.test`
          await sendLetter(wire, { from, to: load.to(index), letter: makeLetter(load.octets, { from }) })
          index = next()
        }
        await closeSmtp(wire)
      }
    },
  })
}
