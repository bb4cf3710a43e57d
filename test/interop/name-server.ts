/** Knot DNS, from Debian's package, with zones as they are given: owner of every name that a test asks about, on loopback. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './peers.ts'
import { run, until } from './run.ts'

/**
 * @param options.zones name → lines; SOA and NS are put before them
 * @param options.signed which of them are signed (DNSSEC); a zone above them that is served too has their DS
 */
export async function startNameServer(options: {
  folder: string
  port: number
  zones: Readonly<Record<string, string>>
  signed?: readonly string[]
}): Promise<AsyncDisposable> {
  const { folder, port, signed = [] } = options
  const zones: Record<string, string> = { ...options.zones }
  const path = (name: string): string => join(folder, name)
  for (const name of ['run', 'db']) mkdirSync(path(name), { recursive: true })
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
    zonefile-sync: -1
    journal-content: none
policy:
  - id: by-hand
    manual: on
    algorithm: ecdsap256sha256
zone:
${Object.keys(zones)
  .map((zone) => `  - domain: ${zone}.\n${signed.includes(zone) ? SIGNED : ''}`)
  .join('')}`,
  )
  for (const zone of signed) {
    await keymgr(path('knot.conf'), zone, ['generate', 'algorithm=ecdsap256sha256', 'ksk=yes', 'zsk=yes'])
    const [ds = ''] = (await keymgr(path('knot.conf'), zone, ['ds'])).split('\n').filter((line) => / 2 \S+$/.test(line))
    const parent = zone.slice(zone.indexOf('.') + 1)
    if (zones[parent] !== undefined) zones[parent] += `\n${zone}. NS ns.${zone}.\n${ds}\n`
  }
  for (const [zone, text] of Object.entries(zones)) writeFileSync(path(`${zone}.zone`), zoneFile(zone, text))
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

const SIGNED = '    dnssec-signing: on\n    dnssec-policy: by-hand\n'

async function keymgr(config: string, zone: string, args: readonly string[]): Promise<string> {
  const ran = await run('keymgr', ['-c', config, `${zone}.`, ...args])
  if (ran.code !== 0) throw new Error(ran.all)
  return ran.stdout
}

/** With what every zone begins; its server has the only address there is here. */
export const zoneFile = (zone: string, text: string): string => `$ORIGIN ${zone}.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
${text}
`
