/** Knot DNS, from Debian's package, with zones as they are given: owner of every name that a test asks about, on loopback. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './peers.ts'
import { until } from './run.ts'

/** @param options.zones name → lines; SOA and NS are put before them */
export async function startNameServer(options: {
  folder: string
  port: number
  zones: Readonly<Record<string, string>>
}): Promise<AsyncDisposable> {
  const { folder, port, zones } = options
  const path = (name: string): string => join(folder, name)
  for (const name of ['run', 'db']) mkdirSync(path(name), { recursive: true })
  for (const [zone, text] of Object.entries(zones)) writeFileSync(path(`${zone}.zone`), zoneFile(zone, text))
  writeFileSync(
    path('knot.conf'),
    `server:
  rundir: "${path('run')}"
  listen: 127.0.0.1@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: "${path('db')}"
template:
  - id: default
    storage: "${folder}"
    file: "%s.zone"
    zonefile-load: whole
    journal-content: none
zone:
${Object.keys(zones)
  .map((zone) => `  - domain: ${zone}.\n`)
  .join('')}`,
  )
  const program = spawn(findProgram('knotd') ?? 'knotd', ['-c', path('knot.conf')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [program.stdout, program.stderr]) stream.on('data', (text: Buffer) => (log += text.toString()))
  await until('knotd', () => {
    if (program.exitCode !== null) throw new Error(log)
    return log.includes('server started') ? true : null
  })
  if (/error/.test(log)) throw new Error(log)
  return {
    async [Symbol.asyncDispose]() {
      if (program.exitCode !== null) return
      program.kill('SIGTERM')
      await once(program, 'exit')
    },
  }
}

/** With what every zone begins; its server has the only address there is here. */
export const zoneFile = (zone: string, text: string): string => `$ORIGIN ${zone}.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
${text}
`
