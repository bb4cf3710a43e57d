import { lookup } from 'node:dns/promises'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseIp } from '../../model/network.ts'
import type { ServiceName } from '../../model/service.ts'
import { CliError, EXIT, print, say } from '../cli/output.ts'
import { runUntil, stopSignal } from '../cli/run.ts'
import type { Config, RelayHost } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { printProblems } from '../config/show.ts'
import { mustParseAddress, startServer } from '../server.ts'
import { openThreadLog } from '../thread-parts.ts'
import { VERSION } from '../version.ts'
import { defaultDataDir, parseOffset, parseRoute, readUsers, type TryRoute, type TryUser } from './options.ts'
import { demoPeople, settlePeople } from './people.ts'
import { languageOf } from '../language.ts'
import { tryScreen } from './screen.ts'

export type TryFlags = {
  readonly json?: true
  readonly data?: string
  readonly domain: string
  readonly users?: string
  readonly route: readonly string[]
  readonly offset: string
  readonly pop3: boolean
  readonly sieve?: true
  readonly reset?: true
  readonly logLevel?: string
  readonly workers?: string
  readonly metrics?: string
}

/** Marks a folder as ours, so that `--reset` never deletes another's. */
const MARKER = 'this-is-gavan-try-data'

async function openDataDir(dataDir: string, reset: boolean): Promise<void> {
  const found = await readdir(dataDir).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new CliError(EXIT.usage, `cannot read ${dataDir}: ${error.message}`, 'choose another folder with --data')
  })
  if (found.length > 0 && !found.includes(MARKER))
    throw new CliError(
      EXIT.usage,
      `${dataDir} holds other things, not data of gavan try`,
      'choose an empty folder with --data',
    )
  if (reset) await rm(dataDir, { recursive: true, force: true })
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(join(dataDir, MARKER), '')
}

/** A route's host as an address: `try` asks no DNS server, but knows what this machine calls `localhost`. */
async function routeFlag({ domain, host, port }: TryRoute): Promise<readonly [string, RelayHost]> {
  const address =
    parseIp(host) === null ? (await lookup(host, { family: 4 }).catch(() => ({ address: host }))).address : host
  return [domain, { host: address, port, security: 'opportunistic', credentials: null, verify: false }]
}

async function tryConfig(flags: TryFlags, dataDir: string): Promise<Config> {
  const routes = await Promise.all(flags.route.map((text) => routeFlag(parseRoute(text))))
  const loaded = await loadConfig({
    path: null,
    env: {},
    flags: {
      hostname: `mail.${flags.domain}`,
      domains: flags.domain,
      clients: 'anywhere',
      data_dir: dataDir,
      listen: '127.0.0.1,::1',
      'ports.offset': String(parseOffset(flags.offset)),
      'admin.socket': join(dataDir, 'ctl.sock'),
      workers: flags.workers,
      'metrics.listen': flags.metrics === undefined ? 'off' : `127.0.0.1:${flags.metrics}`,
      'log.level': flags.logLevel ?? (flags.json === true ? 'info' : 'error'),
      ...(flags.pop3 ? {} : { 'ports.pop3': 'off', 'ports.pop3s': 'off' }),
      ...(flags.sieve === true ? { 'ports.sieve': 'on' } : {}),
    },
  })
  if (!loaded.ok) throw new CliError(EXIT.usage, printProblems(loaded.error), null)
  return { ...loaded.value, relay: { smarthost: null, routes: new Map(routes) } }
}

const PORTS_TOLD: readonly ServiceName[] = [
  'mx',
  'submission',
  'imap',
  'imaps',
  'pop3',
  'pop3s',
  'http',
  'https',
  'sieve',
]

/** `gavan try`: a whole server on loopback, without DNS, root or configuration. */
export async function runTry(flags: TryFlags): Promise<void> {
  const stop = stopSignal(['SIGTERM', 'SIGINT', 'SIGHUP'])
  const json = flags.json === true
  const dataDir = resolve(flags.data ?? defaultDataDir(process.env))
  const users: readonly TryUser[] | null = flags.users === undefined ? null : await readUsers(flags.users)
  const config = await tryConfig(flags, dataDir)
  await openDataDir(dataDir, flags.reset === true)
  const people = users ?? (await demoPeople(dataDir, flags.domain))
  const settings = {
    level: config.log.level,
    format: json ? 'json' : 'pretty',
    colours: !json && process.stderr.isTTY,
  } as const
  const server = await startServer({
    config,
    logging: { ...openThreadLog(settings), settings },
    tryMode: { sandbox: mustParseAddress(people[0]?.address ?? `demo@${flags.domain}`) },
    beforeListening: (core) => settlePeople(core, people),
  })
  if (json) {
    const ports = Object.fromEntries(
      PORTS_TOLD.filter((name) => name !== 'sieve' || flags.sieve === true).map((name) => [
        name,
        server.ports.find(({ service }) => service === name)?.port ?? null,
      ]),
    )
    const told = people.map(({ address, password }) => ({ address, password: password.reveal() }))
    const line = {
      ready: true,
      pid: process.pid,
      host: 'localhost',
      ports,
      domain: flags.domain,
      users: told,
      caFile: server.caFile,
    }
    print(JSON.stringify(line))
  } else {
    const { ports, caFile, fingerprint } = server
    say(
      tryScreen({
        version: VERSION,
        language: languageOf(process.env),
        users: people,
        ports,
        caFile,
        fingerprint,
        dataDir,
      }),
    )
  }
  await runUntil(stop, server)
}
