/**
 * Zones on a Knot of our own behind a validating unbound, both from Debian's packages and on loopback: `signed.test` with
 * its trust anchor, `plain.test` without DNSSEC, and `bogus.test`, which is signed by another key than unbound trusts.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './peers.ts'
import { freePort } from './ports.ts'
import { run, until } from './run.ts'

export type SignedZones = AsyncDisposable & {
  /** unbound's. */
  readonly port: number
  log(): string
}

const ZONES = ['signed.test', 'plain.test', 'bogus.test'] as const

/** @param records lines of each zone; names in it are relative */
export async function startSignedZones(folder: string, records: string): Promise<SignedZones> {
  const path = (name: string): string => join(folder, name)
  for (const name of ['run', 'db', 'unbound']) mkdirSync(path(name), { recursive: true })
  const knotPort = await freePort()
  const port = await freePort()
  for (const zone of ZONES)
    writeFileSync(
      path(zone),
      `$ORIGIN ${zone}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n${records}`,
    )
  const zones = ZONES.map(
    (zone) =>
      `  - domain: ${zone}.\n    file: "${path(zone)}"\n    zonefile-sync: -1\n    dnssec-signing: ${zone === 'plain.test' ? 'off' : 'on'}\n`,
  )
  const conf = path('knot.conf')
  writeFileSync(
    conf,
    `server:
  rundir: "${path('run')}"
  listen: 127.0.0.1@${knotPort}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: "${path('db')}"
zone:
${zones.join('')}`,
  )
  let log = ''
  const start = (name: string, args: readonly string[], ready: string) => {
    const program = spawn(findProgram(name) ?? name, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [program.stdout, program.stderr])
      stream.on('data', (text: Buffer) => {
        said += text.toString()
        log += text.toString()
      })
    const running = until(name, () => {
      if (program.exitCode !== null) throw new Error(said)
      return said.includes(ready) ? true : null
    })
    return { program, running }
  }
  const stop = async ({ program }: ReturnType<typeof start>): Promise<void> => {
    if (program.exitCode !== null) return
    program.kill('SIGTERM')
    await once(program, 'exit')
  }

  const knot = start('knotd', ['-c', conf], 'server started')
  await knot.running
  const keymgr = findProgram('keymgr') ?? 'keymgr'
  const { stdout, all } = await run(keymgr, ['-c', conf, 'signed.test.', 'ds'])
  const anchor = stdout.split('\n').find((line) => / 13 2 /.test(line)) // ECDSA P-256, SHA-256.
  if (anchor === undefined) throw new Error(all)
  const strange = anchor.replace('signed.test', 'bogus.test')
  writeFileSync(
    path('unbound.conf'),
    `server:
  interface: 127.0.0.1@${port}
  port: ${port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  chroot: ""
  username: ""
  directory: "${path('unbound')}"
  pidfile: ""
  num-threads: 1
  module-config: "validator iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  trust-anchor: "${anchor.trim()}"
  trust-anchor: "${strange.trim()}"
remote-control:
  control-enable: no
# Whatever is asked, nothing leaves this machine.
stub-zone:
  name: "."
  stub-addr: 127.0.0.1@${knotPort}
${ZONES.map((zone) => `stub-zone:\n  name: "${zone}"\n  stub-addr: 127.0.0.1@${knotPort}\n`).join('')}`,
  )
  const unbound = start('unbound', ['-d', '-c', path('unbound.conf')], 'start of service')
  await unbound.running
  return {
    port,
    log: () => log,
    async [Symbol.asyncDispose]() {
      await stop(unbound)
      await stop(knot)
    },
  }
}
