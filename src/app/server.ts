/** The main thread: starts the writer, the protocol threads, the relay and the admin API, watches them, and ends them in order. */
import { flushCompileCache } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'
import { assert } from '../std/assert.ts'
import { err, ok, type Result } from '../std/result.ts'
import type { Clock } from '../std/clock.ts'
import { createMetrics } from '../std/metrics.ts'
import { parseAddress } from '../format/address/address.ts'
import type { Address } from '../model/address.ts'
import type { Endpoint } from '../model/connection.ts'
import {
  DESCRIPTORS_RESERVED,
  SEARCH_HEAP_MAX_MIB,
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
import { createJunkOperator } from './admin/junk.ts'
import { createSearchIndexOperator } from './admin/search-index.ts'
import type { Config, ConfigProblem, RelayHost } from './config/config.ts'
import { exportBans } from './ban-export.ts'
import { exemptionsOf, openBans } from './bans.ts'
import { watchLoad } from './load.ts'
import { createSystemRandom, descriptorsMax, systemClock, watchLoop } from './machine.ts'
import { createDkimOperator } from './dkim-operator.ts'
import { createResolver } from '../net/resolver.ts'
import { keepTracePruned } from './trace/journal.ts'
import { resolverSettings, screeningSettings } from './screening-settings.ts'
import { createGather } from './metrics/gather.ts'
import { serveMetrics } from './metrics/serve.ts'
import { createConnectionTable } from '../core/guard/connection-counts.ts'
import { createMaildropTable } from '../core/mailboxes/maildrop-locks.ts'
import type { GuardNews } from '../core/guard/news.ts'
import type { PortsView } from './admin/ports.ts'
import { sumSeen } from './evidence.ts'
import { hostFacts } from './host-facts.ts'
import { planFor } from './plan-settings.ts'
import { checkPorts, ownAddresses, type Opened, type UsablePorts } from './preflight.ts'
import { isSame } from './reload/changes.ts'
import { createReloader, type Reloader } from './reload/reload.ts'
import { watchStore } from './watch-store.ts'
import { linkOrigin, webSettings } from './web-settings.ts'
import { installationSecret } from './secrets.ts'
import type {
  CommonSettings,
  LiveSettings,
  LogSettings,
  PlainRoute,
  ProtocolSettings,
  RelaySettings,
} from './settings.ts'
import { openTlsKeeper, type TlsKeeper, type TlsMaterial } from './tls-material.ts'
import { superviseThread, threadFile, type OpenedPort, type SupervisedThread, type Used } from './supervise.ts'
import type { ThreadLog } from './thread-parts.ts'
import { accessSettings } from './tokens.ts'
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
  /** Goes by the configuration as it is now, its certificates too; null: it cannot change. */
  readonly reload: Reloader | null
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
  const [ports, tls, scramSecret, shared] = await Promise.all([
    usablePorts(config),
    openTlsKeeper(config),
    installationSecret(config.dataDir),
    canSharePorts(),
  ])
  return { ports, tls, scramSecret, shared }
}

// Choice: with port 80 held by another program, names are proven on 443; all else of 80 can be done without.
const usablePorts = (config: Config, ours?: { ours: Opened; shared: boolean }): Promise<UsablePorts> =>
  checkPorts(
    config.services.filter((service) => service.enabled),
    { dispensable: config.acme === null ? [] : ['http'], ...ours },
  )

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
  /** Reads the configuration anew; absent: it cannot change while the server runs. */
  load?: () => Promise<Result<Config, readonly ConfigProblem[]>>
}): Promise<RunningServer> {
  const { logging, tryMode } = options
  const { log } = logging
  const clock = systemClock
  /** What holds now; a reload puts another in its place. */
  let { config } = options
  const prepared = await prepare(config)
  const { tls, scramSecret, shared } = prepared
  let usable = prepared.ports
  for (const why of usable.notes) log.warn({ event: 'server.port.missing', why })
  const { dataDir } = config

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
    const workers = shared ? config.workers : 1
    const commonNow = (): Omit<CommonSettings, 'store'> => ({
      hostname: config.hostname,
      dataDir,
      log: { ...logging.settings, level: tryMode === null ? config.log.level : logging.settings.level },
      trace: config.traceDays > 0,
      postmaster: tryMode?.sandbox ?? (config.postmaster === null ? null : mustParseAddress(config.postmaster)),
      scramSecret,
      cores: 1,
    })
    const common = commonNow()
    /** By which people reach it besides its hostname. */
    const namesBefore = tryMode === null ? [] : ['localhost', '127.0.0.1']
    const core = await wireCore({ store, clock, random: createSystemRandom(), log }, common)
    await addDomains(core, config.domains)
    await options.beforeListening?.(core)

    const own = createMetrics()
    const bans = await openBans({
      dataDir,
      exempt: () => exemptionsOf(config.nat, defaultGateways)(),
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
      return { data: { ...commonNow(), ...data, store: port }, transfer: [port] }
    }
    const protocol = (): Omit<
      ProtocolSettings,
      keyof CommonSettings | 'tls' | 'name' | 'answers' | 'maildrops' | 'connections'
    > => ({
      services: usable.services,
      inside: config.inside,
      messageMaxOctets: config.limits.messageMaxOctets,
      sendingLimit: config.limits.sending,
      liftLoopback: tryMode !== null,
      shared, // Also by one thread alone: a listener that moves stands beside the one that goes.
      connectionsMax: Math.max(1, Math.floor(descriptorsForConnections() / workers)),
      proxies: config.nat.proxies,
      spared: exemptionsOf(config.nat, defaultGateways)().flatMap(({ networks }) => networks),
      guessKey: bans.guessKey,
      access: accessSettings(config),
      screening: screeningSettings(config, tryMode !== null),
      web: webSettings(config, planFor(config, hostFacts()), namesBefore),
    })
    const relay = (): Omit<RelaySettings, keyof CommonSettings> => ({
      resolver: resolverSettings(config),
      routes: plainRoutes(config, tryMode),
      sandbox: tryMode?.sandbox ?? null,
      ownAddresses: tryMode === null ? ownAddresses() : [],
      loopbackIsForeign: tryMode !== null,
    })
    const started = (
      name: string,
      file: string,
      data: () => object,
      more: { heapMaxMib?: number } = {},
    ): SupervisedThread => {
      const news = (item: GuardNews): void => {
        bans.hear(item)
        toOthers(item, thread)
      }
      const thread = superviseThread({
        name,
        file: threadFile(file),
        prepare: () => withStore(data()),
        ...more,
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
    const maildrops = createMaildropTable()
    const connections = createConnectionTable({ threads: workers, key: bans.guessKey })
    const protocolThread = (name: string): SupervisedThread =>
      started(name, 'protocol-thread', () => ({
        ...protocol(),
        name,
        tls: tls.current,
        answers: board.current,
        maildrops: maildrops.share(name),
        connections: connections.share(name),
      }))
    for (let number = 1; number <= workers; number++) protocolThreads.push(protocolThread(`protocol-${number}`))
    const relayThread = started('relay', 'relay-thread', relay)
    let [ports = []] = await Promise.all([...protocolThreads, relayThread].map(({ ready }) => ready))

    // Mail does not wait for the index, nor does a start.
    const searchThread = started('search', 'search-thread', () => ({}), { heapMaxMib: SEARCH_HEAP_MAX_MIB })
    searchThread.ready.catch((error: unknown) => log.error({ event: 'search.thread.failed', cause: String(error) }))

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

    const startAcmeNow = async (): ReturnType<typeof openAcme> =>
      openAcme({
        config,
        clock,
        random: createSystemRandom(),
        log,
        metrics: own,
        board,
        services: usable.services,
        notes: usable.notes,
        resolvers: relay().resolver.servers,
        domains: async () => (await core.directory.domains()).map(({ name }) => name),
        use: renewTls,
      })
    let acme = await startAcmeNow()
    closers.push(async () => acme?.stop())
    const certificates = createCertificateOperator({
      config: () => config,
      clock,
      current: () => tls.current,
      keeper: () => acme?.keeper ?? null,
    })

    const health = healthOf(core, () => ports, writer.failed)
    const { directory, accessKeys, queueOperator: queue } = core
    const seenPorts = async (): Promise<PortsView> => {
      const seen = await Promise.all(protocolThreads.map((thread) => thread.seen()))
      return { pid: process.pid, opened: ports, seen: sumSeen(seen.filter((list) => list !== null)) }
    }

    /** What a thread that runs is told. */
    const live = (): LiveSettings => {
      const { hostname, postmaster, log: logSettings } = commonNow()
      return { ...protocol(), hostname, postmaster, log: logSettings }
    }
    const relayDepends = (): unknown => [relay(), commonNow().hostname, commonNow().postmaster]
    type Anew = { readonly ports: UsablePorts; readonly useTls: () => TlsMaterial }
    const prepareAnew = async (next: Config): Promise<Anew> => {
      const ours = usable.services.flatMap(({ addresses, port }) => addresses.map((address) => ({ address, port })))
      return { ports: await usablePorts(next, { ours, shared }), useTls: await tls.prepare(next) }
    }
    const become = async (next: Config, anew: Anew): Promise<Result<readonly string[], string>> => {
      const before = { config, usable }
      const of = { relay: relayDepends(), acme: acmeDepends(config, usable) }
      const listenToAll = async (): Promise<Used[]> => {
        const settings = live()
        return Promise.all(protocolThreads.map((thread) => thread.use({ do: 'use-settings', settings })))
      }
      config = next
      usable = anew.ports
      const answers = await listenToAll()
      const problem = answers.find((answer) => answer.problem !== null)?.problem ?? null
      if (problem !== null) {
        ;({ config, usable } = before)
        await listenToAll()
        return err(problem)
      }
      ports = answers.find((answer) => answer.ports !== undefined)?.ports ?? ports
      for (const why of usable.notes) log.warn({ event: 'server.port.missing', why })
      await addDomains(core, config.domains)
      const material = anew.useTls()
      await Promise.all(protocolThreads.map((thread) => thread.use({ do: 'use-tls', material })))
      const { level } = commonNow().log
      logging.setLevel(level)
      // What is under way goes out by the old settings; the queue waits for its end, nobody else does.
      if (!isSame(of.relay, relayDepends()))
        relayThread
          .beginAnew()
          .catch((error: unknown) => log.error({ event: 'server.relay.failed', cause: String(error) }))
      else await relayThread.use({ do: 'use-log-level', level })
      await searchThread.use({ do: 'use-log-level', level })
      bans.keeper.exemptionsChanged()
      if (!isSame(before.config.metrics, config.metrics)) await moveMetrics()
      if (!isSame(of.acme, acmeDepends(config, usable))) {
        await acme?.stop()
        acme = await startAcmeNow()
      }
      return ok(usable.notes)
    }
    const { load } = options
    const reload =
      load === undefined
        ? undefined
        : createReloader<Anew>({ load, current: () => config, prepare: prepareAnew, become, log })
    const api = createAdminApi(
      {
        directory,
        accessKeys,
        queue,
        mailboxesOf: mailboxesOf(core),
        bans: bans.keeper,
        health,
        certificates,
        dkim: createDkimOperator({
          dataDir,
          clock,
          resolver: () =>
            tryMode === null
              ? createResolver({ clock, random: createSystemRandom(), ...resolverSettings(config) })
              : null,
          domains: async () => (await core.directory.domains()).map(({ name }) => name),
        }),
        stsPolicy: (domain) => store.queue.stsPolicy(domain),
        links: { onceLinks: core.onceLinks, origin: () => linkOrigin(config, namesBefore) },
        ports: seenPorts,
        searchIndex: createSearchIndexOperator({ dataDir, store, directory, log }),
        junk: createJunkOperator({ dataDir, hostname: config.hostname, directory, log }),
        ...(reload === undefined ? {} : { reload }),
      },
      ADMIN_ROUTES,
    )
    const admin = await serveAdmin({ path: config.admin.socket, api, log })
    closers.push(async () => admin[Symbol.asyncDispose]())

    const loadWatch = watchLoad({
      thread: 'main',
      open: () => 0,
      connectionsMax: 1,
      loop: watchLoop(),
      clock,
      log,
      metrics: own,
    })
    closers.push(async () => loadWatch.stop())
    closers.push(watchStore({ dataDir, clock, log, metrics: own }))
    closers.push(
      keepTracePruned({
        dataDir,
        days: () => config.traceDays,
        clock,
        failed: (error) => log.warn({ event: 'trace.prune.failed', cause: String(error) }),
      }),
    )
    const counting = [...threads, writer]
    const gather = createGather({ metrics: own, threads: () => counting, store, tls: () => tls.current, clock })
    const metricsNow = async (): Promise<Awaited<ReturnType<typeof openMetrics>>> =>
      config.metrics === null
        ? null
        : openMetrics({
            listen: config.metrics,
            gather,
            bans: () => exportBans(bans.keeper.list(), 'list', clock.now()),
            log,
          })
    let metrics = await metricsNow()
    closers.push(async () => metrics?.[Symbol.asyncDispose]())
    async function moveMetrics(): Promise<void> {
      const old = metrics
      metrics = await metricsNow()
      await old?.[Symbol.asyncDispose]()
    }
    flushCompileCache()
    log.info({
      event: 'server.ready',
      hostname: config.hostname,
      workers,
      ports: ports.map(({ service, port }) => `${service}:${port}`),
    })
    return {
      ports,
      core,
      api,
      caFile: tls.caFile,
      fingerprint: tls.fingerprint,
      reload: reload ?? null,
      metrics: metrics?.endpoint ?? null,
      failed: writer.failed,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What a conversation with a CA begins with. */
const acmeDepends = ({ acme, hostname, resolver }: Config, { services, notes }: UsablePorts): unknown => [
  acme,
  hostname,
  resolver,
  services.filter(({ service }) => service === 'http' || service === 'https'),
  notes,
]

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
  ports: () => readonly OpenedPort[],
  failed: Promise<Error>,
): () => Promise<Record<string, unknown>> {
  let why: string | null = null
  failed.then(
    ({ message }) => (why = message),
    () => {},
  )
  return async () => {
    if (why !== null) return { healthy: false, why }
    const services = [...new Set(ports().map(({ service }) => service))] satisfies ServiceName[]
    const [domains, queue] = await Promise.all([core.directory.domains(), core.queueOperator.list()])
    return { healthy: true, services, domains: domains.length, queued: queue.length }
  }
}

export function mustParseAddress(text: string): Address {
  const parsed = parseAddress(text)
  assert(parsed.ok, `${text} is not an address`)
  return parsed.value
}
