/** One protocol thread: opens every listener and runs whole sessions. */
import { flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { assert, never } from '../std/assert.ts'
import type { Snapshot } from '../std/metrics.ts'
import { createGuard } from '../core/guard/guard.ts'
import { createStrangers } from '../core/guard/strangers.ts'
import type { Examiners } from '../core/screening/contract.ts'
import { openMaildropLocks } from '../core/mailboxes/maildrop-locks.ts'
import type { PublicAnswers } from '../model/certificate.ts'
import { LOOPBACK_NETWORKS, networksContain, PRIVATE_NETWORKS } from '../model/network.ts'
import { CONNECTIONS } from '../model/metrics.ts'
import { createCertificates } from '../net/certificates.ts'
import { createWeb } from '../net/http.ts'
import { createNetwork } from '../net/listen.ts'
import { createResolver } from '../net/resolver.ts'
import type { Resolver } from '../model/dns.ts'
import { wireExaminers } from './examiners.ts'
import { createEvidence } from './evidence.ts'
import { watchLoad } from './load.ts'
import { watchLoop } from './machine.ts'
import { createProfileSigner } from './profile-signer.ts'
import { openThread } from './thread-parts.ts'
import type { LiveSettings, ProtocolSettings, ScreeningSettings } from './settings.ts'
import type { TlsMaterial } from './tls-material.ts'
import type { FromThread, ToThread, ToUse, Used } from './supervise.ts'
import { createThreadListeners, type Serving } from './thread-listeners.ts'
import { wireTokens } from './tokens.ts'
import { wireSites } from './web.ts'
import { wireAdmission, wireCore, wireSessions, type SessionOptions } from './wire.ts'

const port = parentPort
assert(port !== null, 'a protocol thread is started by the main thread')
const settings = workerData as ProtocolSettings
const tell = (message: FromThread): void => port.postMessage(message)

async function run(): Promise<void> {
  const { parts, core: firstCore, snapshot, setLogLevel, close } = await openThread(settings)
  const { clock, random, log, metrics } = parts
  /** What holds now, for new connections. */
  let live: LiveSettings = settings
  let core = firstCore

  const guard = createGuard({
    clock,
    lifted: (address) => settings.liftLoopback && networksContain(LOOPBACK_NETWORKS, address),
    spared: (address) => networksContain(live.spared, address),
    connections: settings.connections,
    tell: (item) => tell({ at: 'news', item }),
    name: settings.name,
  })
  guard.hello()
  const strangers = createStrangers({
    clock,
    exempt: (address) =>
      [LOOPBACK_NETWORKS, PRIVATE_NETWORKS, live.inside, live.spared].some((each) => networksContain(each, address)),
    greetingDelayMs: () => live.screening?.greetingDelayMs ?? 0,
    tell: (item) => tell({ at: 'news', item }),
  })

  const certificates = createCertificates(settings.tls.certificates, settings.tls)
  const limits = { connectionsMax: settings.connectionsMax }
  const network = createNetwork({ clock, random, log, metrics, certificates, limits })
  let usedTls = settings.tls
  const signed = createProfileSigner({ material: () => usedTls, hostname: () => live.hostname, clock })
  let tokens: ReadonlyMap<string, string> = new Map()
  const answer = (answers: PublicAnswers): void => {
    tokens = new Map(answers.tokens)
    certificates.setChallenges(answers.certificates)
  }
  answer(settings.answers)
  const sitesNow = (): ReturnType<typeof wireSites> =>
    wireSites(live.web, {
      core,
      clock,
      hostname: live.hostname,
      inside: live.inside,
      acmeAnswer: (token) => tokens.get(token) ?? null,
      trusted: () => usedTls.trusted,
      signed,
      log,
      guard,
      guessKey: settings.guessKey,
    })
  let sites = sitesNow()
  const web = createWeb({
    clock,
    log,
    certificates,
    sites: { http: (request) => sites.http(request), https: (request) => sites.https(request) },
  })
  const drain = new AbortController()
  const listeners = createThreadListeners({ network, web, shared: settings.shared })
  const load = watchLoad({
    thread: settings.name,
    open: () => listeners.connections,
    connectionsMax: settings.connectionsMax,
    loop: watchLoop(),
    clock,
    log,
    metrics,
  })
  const evidence = createEvidence({ clock, inside: () => live.inside })
  /** One for all that is asked with these settings: what it was told stays known. */
  let asked: { readonly key: string; readonly resolver: Resolver } | null = null
  function screeningOf({ resolver, exempt, dmarc, dnsbl }: ScreeningSettings): SessionOptions['screening'] & object {
    const key = JSON.stringify(resolver)
    if (asked?.key !== key) asked = { key, resolver: createResolver({ clock, random, ...resolver }) }
    return { resolver: asked.resolver, exempt: (address) => networksContain(exempt, address), dmarc, dnsbl }
  }
  const serving = (): Serving => servingWith(wireExaminers(live.screening, { ...parts, hostname: live.hostname }))
  const servingWith = (examiners: Examiners | null): Serving => ({
    services: live.services,
    proxies: live.proxies,
    serveOf: wireSessions(parts, core, {
      hostname: live.hostname,
      messageMaxOctets: live.messageMaxOctets,
      sendingLimit: live.sendingLimit,
      guard,
      strangers,
      guessKey: settings.guessKey,
      inside: live.inside,
      drain: drain.signal,
      load,
      locks: openMaildropLocks(settings.maildrops, { clock, loginDelayMs: live.access.pop3LoginDelayMs }),
      ...(live.screening === null ? {} : { screening: screeningOf(live.screening) }),
      ...(examiners === null ? {} : { examiners }),
      ...(live.access.oauth === null ? {} : { tokens: wireTokens(live.access.oauth, { clock }) }),
    }),
    admissionOf: (on) => evidence.watch(on.service, wireAdmission(on, guard, load)),
  })
  const first = await listeners.become(serving())
  if (first !== null) throw new Error(first)

  /** All of it, or nothing. Connections that run go on by what they began with. */
  async function useSettings(next: LiveSettings): Promise<Used> {
    const before = { live, core, sites }
    live = next
    core = await wireCore(parts, { ...settings, hostname: next.hostname, postmaster: next.postmaster })
    sites = sitesNow()
    const problem = await listeners.become(serving())
    if (problem === null) setLogLevel(next.log.level)
    else ({ live, core, sites } = before)
    return { problem, ports: listeners.opened }
  }

  const useTls = (material: TlsMaterial): void => {
    certificates.setTicketKeys(material.ticketKeys)
    certificates.setClients(material.clients)
    const replaced = certificates.replace(material.certificates)
    if (replaced.ok) usedTls = material
    else log.error({ event: 'thread.tls.refused', why: replaced.error })
  }
  async function use(what: ToUse): Promise<Used> {
    switch (what.do) {
      case 'use-settings':
        return useSettings(what.settings)
      case 'use-log-level':
        setLogLevel(what.level)
        break
      case 'use-answers':
        answer(what.answers)
        break
      case 'use-tls':
        useTls(what.material)
        break
      default:
        return never(what)
    }
    return { problem: null }
  }
  /** One after the other, and answered in that order. */
  let using = Promise.resolve()
  port?.on('message', (message: ToThread) => {
    if (message.do === 'drain') return void finish().catch(fail)
    if (message.do === 'hear') {
      strangers.hear(message.item)
      return guard.hear(message.item)
    }
    if (message.do === 'tell-metrics')
      return tell({ at: 'metrics', snapshot: measured(), seen: listeners.seen(evidence) })
    using = using.then(async () => tell({ at: 'used', number: message.number, ...(await use(message)) })).catch(fail)
  })
  flushCompileCache()
  tell({ at: 'ready', ports: listeners.opened })

  function measured(): Snapshot {
    for (const [protocol, sum] of listeners.connectionsBy()) metrics.set(CONNECTIONS, { protocol }, sum)
    return snapshot()
  }

  async function finish(): Promise<void> {
    await listeners.stop()
    drain.abort()
    await listeners.drained()
    await close()
    process.exit()
  }
}

function fail(error: unknown): void {
  tell({ at: 'cannot-start', message: error instanceof Error ? error.message : String(error) })
  throw error
}

run().catch(fail)
