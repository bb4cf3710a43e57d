/** The main thread: starts the writer, the protocol threads, the relay and the admin API, watches them, and ends them in order. */
import { flushCompileCache } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'
import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import { createMetrics } from '../std/metrics.ts'
import { parseAddress } from '../format/address/address.ts'
import type { Address } from '../model/address.ts'
import type { Endpoint } from '../model/connection.ts'
import {
  DESCRIPTORS_RESERVED,
  STORE_LOCK_RETRY_MS,
  STORE_LOCK_WAIT_MS,
  TLS_TICKET_KEY_LIFETIME_MS,
} from '../model/limits.ts'
import type { ServiceName } from '../model/service.ts'
import { ListenFailed } from '../net/contract.ts'
import { canSharePorts } from '../net/listen.ts'
import { connectStore } from '../store/sqlite/connect.ts'
import { InUse } from '../store/sqlite/lock.ts'
import { startStoreWriter } from '../store/sqlite/start.ts'
import type { CertificateKeeper } from '../core/certificates/contract.ts'
import { createAnswerBoard } from './acme/answers.ts'
import type { AcmeParts } from './acme/start.ts'
import { createCertificateOperator } from './admin/certificates.ts'
import { defaultGateways } from '../net/gateways.ts'
import { createAdminApi, type AdminApi } from './admin/api.ts'
import { serveAdmin } from './admin/http.ts'
import { mailboxesOf } from './admin/messages.ts'
import { ADMIN_ROUTES } from './admin/routes.ts'
import type { Config, RelayHost } from './config/config.ts'
import { exportBans } from './ban-export.ts'
import { exemptionsOf, openBans } from './bans.ts'
import { watchLoad } from './load.ts'
import { createSystemRandom, descriptorsMax, systemClock, systemResolvers, watchLoop } from './machine.ts'
import { createGather } from './metrics/gather.ts'
import { serveMetrics } from './metrics/serve.ts'
import type { GuardNews } from '../core/guard/news.ts'
import type { PortsView } from './admin/ports.ts'
import { sumSeen } from './evidence.ts'
import { hostFacts } from './host-facts.ts'
import { planFor } from './plan-settings.ts'
import { checkPorts, ownAddresses, type UsablePorts } from './preflight.ts'
import { watchStore } from './watch-store.ts'
import { webSettings } from './web-settings.ts'
import { installationSecret } from './secrets.ts'
import type { CommonSettings, LogSettings, PlainRoute, ProtocolSettings, RelaySettings } from './settings.ts'
import { openTlsKeeper, type TlsKeeper } from './tls-material.ts'
import { superviseThread, threadFile, type OpenedPort, type SupervisedThread } from './supervise.ts'
import type { ThreadLog } from './thread-parts.ts'
import { wireCore, type Core } from './wire.ts'

/** What `try` does differently from `serve`. */
export type TryMode = {
  /** Keeps mail to foreign addresses instead of sending it. */
  readonly sandbox: Address
}

export type RunningServer = {
  readonly ports: readonly OpenedPort[]
  readonly core: Core
  readonly api: AdminApi
  /** The CA's certificate when our own CA made ours. */
  readonly caFile: string | null
  readonly fingerprint: string | null
  /** Reads certificates again, without a restart; running connections keep theirs. @throws CliError; then nothing changed */
  renewTls(): Promise<void>
  /** Where Prometheus may ask; null when nobody may, or the port was not to be had. */
  readonly metrics: Endpoint | null
  /** Resolves with the reason when the server cannot go on: then it is to be closed, and is not well until it is. */
  readonly failed: Promise<Error>
  /** Stops accepting, lets sessions end, closes the store. */
  close(): Promise<void>
}

/** Made before the threads, in parallel: certificates, secrets, ports. @throws CliError for what an administrator can mend */
async function prepare(config: Config): Promise<{
  ports: UsablePorts
  tls: TlsKeeper
  scramSecret: Uint8Array
  shared: boolean
}> {
  const enabled = config.services.filter((service) => service.enabled)
  const [ports, tls, scramSecret, shared] = await Promise.all([
    // Choice: with port 80 held by another program, names are proven on 443; all else of 80 can be done without.
    checkPorts(enabled, config.acme === null ? [] : ['http']),
    openTlsKeeper(config),
    installationSecret(config.dataDir),
    canSharePorts(),
  ])
  return { ports, tls, scramSecret, shared }
}

const plainRoute = (host: RelayHost): PlainRoute => ({
  kind: 'host',
  ...host,
  credentials: host.credentials === null ? null : { ...host.credentials, password: host.credentials.password.reveal() },
})

function plainRoutes(config: Config, tryMode: TryMode | null): RelaySettings['routes'] {
  const { smarthost, routes } = config.relay
  const direct: PlainRoute = tryMode === null ? { kind: 'mx' } : { kind: 'sandbox' }
  return {
    byDomain: new Map([...routes].map(([domain, host]) => [domain, plainRoute(host)])),
    otherwise: smarthost === null ? direct : plainRoute(smarthost),
  }
}

/** Domains of the file are in the store before the first listener opens. */
async function addDomains(core: Core, domains: readonly string[]): Promise<void> {
  for (const name of domains) {
    const outcome = await core.directory.addDomain(name)
    assert(outcome.at !== 'bad-domain', `the configuration let a bad domain through: ${name}`)
  }
}

export async function startServer(options: {
  config: Config
  logging: ThreadLog & { settings: LogSettings }
  tryMode: TryMode | null
  /** Called once the store is open and before any port is. */
  beforeListening?: (core: Core) => Promise<void>
}): Promise<RunningServer> {
  const { config, logging, tryMode } = options
  const { log } = logging
  const clock = systemClock
  const { ports: usable, tls, scramSecret, shared } = await prepare(config)
  const { services } = usable
  for (const why of usable.notes) log.warn({ event: 'server.port.missing', why })
  const { hostname, dataDir } = config

  const writer = await openWriterPatiently({ dataDir, log }, clock)
  const threads: SupervisedThread[] = []
  const protocolThreads: SupervisedThread[] = []
  const closers: (() => Promise<void>)[] = [() => writer.close()]
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.drain()))
    for (const closer of closers.toReversed()) {
      // On a device that failed, one closer's fault must not keep the others from theirs, or the program would never end.
      await closer().catch((error: unknown) => log.error({ event: 'server.close.failed', cause: String(error) }))
    }
    log.info({ event: 'server.stopped' })
    await logging.flushed()
  }

  try {
    const store = await connectStore({ dataDir, port: writer.connect(), clock, log })
    closers.push(() => store.close())
    const postmaster = tryMode?.sandbox ?? (config.postmaster === null ? null : mustParseAddress(config.postmaster))
    const workers = shared ? config.workers : 1
    const common = { hostname, dataDir, log: logging.settings, postmaster, scramSecret, cores: 1 }
    const core = await wireCore({ store, clock, random: createSystemRandom(), log }, common)
    await addDomains(core, config.domains)
    await options.beforeListening?.(core)

    const own = createMetrics()
    const bans = await openBans({
      dataDir,
      exempt: exemptionsOf(config.nat, defaultGateways),
      clock,
      log,
      metrics: own,
      tell: (item) => toOthers(item, null),
    })
    closers.push(() => bans.close())
    /** News of a guard, or of the keeper: to every other guard. */
    const toOthers = (item: GuardNews, from: SupervisedThread | null): void => {
      for (const thread of protocolThreads) if (thread !== from) thread.hear(item)
    }

    const withStore = <T extends object>(
      data: T,
    ): { data: T & CommonSettings; transfer: [CommonSettings['store']] } => {
      const port = writer.connect()
      return { data: { ...common, ...data, store: port }, transfer: [port] }
    }
    const protocol: Omit<ProtocolSettings, keyof CommonSettings | 'tls' | 'name' | 'answers'> = {
      services,
      inside: config.inside,
      messageMaxOctets: config.limits.messageMaxOctets,
      liftLoopback: tryMode !== null,
      shared: workers > 1,
      connectionsMax: Math.max(1, Math.floor(descriptorsForConnections() / workers)),
      proxies: config.nat.proxies,
      guessKey: bans.guessKey,
      web: webSettings(config, planFor(config, hostFacts()), tryMode === null ? [] : ['localhost', '127.0.0.1']),
    }
    const relay: Omit<RelaySettings, keyof CommonSettings> = {
      resolver: { servers: config.resolver.servers ?? systemResolvers(), trustAd: config.resolver.trustAd },
      routes: plainRoutes(config, tryMode),
      sandbox: tryMode?.sandbox ?? null,
      ownAddresses: tryMode === null ? ownAddresses() : [],
      loopbackIsForeign: tryMode !== null,
    }
    const started = (name: string, file: string, data: () => object): SupervisedThread => {
      const news = (item: GuardNews): void => {
        bans.hear(item)
        toOthers(item, thread)
      }
      const thread = superviseThread({
        name,
        file: threadFile(file),
        prepare: () => withStore(data()),
        news,
        clock,
        log,
      })
      threads.push(thread)
      return thread
    }
    const board = createAnswerBoard(async (answers) => {
      await Promise.all(protocolThreads.map((thread) => thread.use({ do: 'use-answers', answers })))
    })
    const protocolThread = (name: string): SupervisedThread =>
      started(name, 'protocol-thread', () => ({ ...protocol, name, tls: tls.current, answers: board.current }))
    for (let number = 1; number <= workers; number++) protocolThreads.push(protocolThread(`protocol-${number}`))
    const relayThread = started('relay', 'relay-thread', () => relay)
    const [ports = []] = await Promise.all([...protocolThreads, relayThread].map(({ ready }) => ready))

    const renewTls = async (): Promise<void> => {
      const material = await tls.renew()
      await Promise.all(protocolThreads.map((thread) => thread.use({ do: 'use-tls', material })))
      log.info({ event: 'server.tls.renewed' })
    }
    closers.push(
      every(clock, TLS_TICKET_KEY_LIFETIME_MS, () => {
        renewTls().catch((error: unknown) => log.error({ event: 'server.tls.failed', cause: String(error) }))
      }),
    )

    const acme = await openAcme({
      config,
      clock,
      random: createSystemRandom(),
      log,
      metrics: own,
      board,
      services,
      notes: usable.notes,
      resolvers: relay.resolver.servers,
      domains: async () => (await core.directory.domains()).map(({ name }) => name),
      use: renewTls,
    })
    if (acme !== null) closers.push(() => acme.stop())
    const certificates = createCertificateOperator({
      config,
      clock,
      current: () => tls.current,
      keeper: acme?.keeper ?? null,
    })

    const health = healthOf(core, ports, writer.failed)
    const { directory, queueOperator: queue } = core
    const seenPorts = async (): Promise<PortsView> => {
      const seen = await Promise.all(protocolThreads.map((thread) => thread.seen()))
      return { pid: process.pid, opened: ports, seen: sumSeen(seen.filter((list) => list !== null)) }
    }
    const api = createAdminApi(
      { directory, queue, mailboxesOf: mailboxesOf(core), bans: bans.keeper, health, certificates, ports: seenPorts },
      ADMIN_ROUTES,
    )
    const admin = await serveAdmin({ path: config.admin.socket, api, log })
    closers.push(async () => admin[Symbol.asyncDispose]())

    const load = watchLoad({
      thread: 'main',
      open: () => 0,
      connectionsMax: 1,
      loop: watchLoop(),
      clock,
      log,
      metrics: own,
    })
    closers.push(async () => load.stop())
    closers.push(watchStore({ dataDir, clock, log, metrics: own }))
    const counting = [...threads, writer]
    const gather = createGather({ metrics: own, threads: () => counting, store, tls: () => tls.current, clock })
    const metrics =
      config.metrics === null
        ? null
        : await openMetrics({
            listen: config.metrics,
            gather,
            bans: () => exportBans(bans.keeper.list(), 'list', clock.now()),
            log,
          })
    if (metrics !== null) closers.push(async () => metrics[Symbol.asyncDispose]())
    flushCompileCache()
    log.info({
      event: 'server.ready',
      hostname,
      workers,
      ports: ports.map(({ service, port }) => `${service}:${port}`),
    })
    return {
      ports,
      core,
      api,
      caFile: tls.caFile,
      fingerprint: tls.fingerprint,
      renewTls,
      metrics: metrics?.endpoint ?? null,
      failed: writer.failed,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Loaded only where a CA is asked. */
async function openAcme(
  parts: Omit<AcmeParts, 'acme'>,
): Promise<{ keeper: CertificateKeeper; stop(): Promise<void> } | null> {
  const { acme } = parts.config
  if (acme === null) return null
  const { startAcme } = await import('./acme/start.ts')
  return startAcme({ ...parts, acme })
}

/** A command that found no server works on the store itself, for a moment: that must not keep the server from starting. */
async function openWriterPatiently(
  options: Parameters<typeof startStoreWriter>[0],
  clock: Clock,
): ReturnType<typeof startStoreWriter> {
  const patience = clock.monotonic() + STORE_LOCK_WAIT_MS
  for (;;) {
    try {
      return await startStoreWriter(options)
    } catch (error) {
      if (!(error instanceof InUse) || clock.monotonic() >= patience) throw error
      await pause(STORE_LOCK_RETRY_MS) // Nothing else keeps the program alive yet, and the clock's timers do not.
    }
  }
}

/** Where there are few in all, half of them. */
function descriptorsForConnections(): number {
  const all = descriptorsMax()
  return all - Math.min(DESCRIPTORS_RESERVED, Math.floor(all / 2))
}

/** Repeats until the returned closer is called. */
function every(clock: Clock, ms: number, run: () => void): () => Promise<void> {
  let cancel = clock.timer(ms, turn)
  function turn(): void {
    run()
    cancel = clock.timer(ms, turn)
  }
  return async () => cancel()
}

/** Mail goes before numbers: a port that is not to be had is told, and the server goes on without. */
async function openMetrics(
  options: Parameters<typeof serveMetrics>[0],
): Promise<Awaited<ReturnType<typeof serveMetrics>> | null> {
  try {
    return await serveMetrics(options)
  } catch (error) {
    if (!(error instanceof ListenFailed)) throw error
    options.log.error({ event: 'metrics.listen.failed', why: error.message })
    return null
  }
}

function healthOf(
  core: Core,
  ports: readonly OpenedPort[],
  failed: Promise<Error>,
): () => Promise<Record<string, unknown>> {
  const services = [...new Set(ports.map(({ service }) => service))] satisfies ServiceName[]
  let why: string | null = null
  failed.then(
    ({ message }) => (why = message),
    () => {},
  )
  return async () => {
    if (why !== null) return { healthy: false, why }
    const [domains, queue] = await Promise.all([core.directory.domains(), core.queueOperator.list()])
    return { healthy: true, services, domains: domains.length, queued: queue.length }
  }
}

export function mustParseAddress(text: string): Address {
  const parsed = parseAddress(text)
  assert(parsed.ok, `${text} is not an address`)
  return parsed.value
}
