/** Knot DNS, from Debian's package: one zone on loopback that takes updates signed with a key. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './peers.ts'
import { freePort } from './ports.ts'
import { until } from './run.ts'

export type Knot = AsyncDisposable & {
  readonly port: number
  /** As BIND's tsig-keygen writes it. */
  readonly keyFile: string
  log(): string
}

const SECRET = Buffer.from('a secret of thirty-two octets....').toString('base64')

/** @param options.zone all its names lead to 127.0.0.1 */
export async function startKnot(options: { folder: string; zone: string }): Promise<Knot> {
  const { folder, zone } = options
  const port = await freePort()
  const path = (name: string): string => join(folder, name)
  for (const name of ['run', 'db']) mkdirSync(path(name), { recursive: true })
  writeFileSync(
    path('zone'),
    `$ORIGIN ${zone}.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ CAA 0 iodef "mailto:hostmaster@${zone}"
* A 127.0.0.1
`,
  )
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
key:
  - id: gavan.
    algorithm: hmac-sha256
    secret: ${SECRET}
acl:
  - id: update
    action: update
    key: gavan.
    update-type: TXT
zone:
  - domain: ${zone}.
    file: "${path('zone')}"
    acl: update
    zonefile-sync: -1
    journal-content: changes
`,
  )
  writeFileSync(path('tsig.key'), `key "gavan." {\n\talgorithm hmac-sha256;\n\tsecret "${SECRET}";\n};\n`)
  const program = spawn(findProgram('knotd') ?? 'knotd', ['-c', path('knot.conf')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [program.stdout, program.stderr]) stream.on('data', (text: Buffer) => (log += text.toString()))
  await until('knotd', () => {
    if (program.exitCode !== null) throw new Error(log)
    return log.includes('server started') ? true : null
  })
  return {
    port,
    keyFile: path('tsig.key'),
    log: () => log,
    async [Symbol.asyncDispose]() {
      if (program.exitCode !== null) return
      program.kill('SIGTERM')
      await once(program, 'exit')
    },
  }
}
