/** One protocol thread: opens every listener and runs whole sessions. */
import { flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../std/assert.ts'
import type { Snapshot } from '../std/metrics.ts'
import { createGuard } from '../core/guard/guard.ts'
import type { PublicAnswers } from '../model/certificate.ts'
import { LOOPBACK_NETWORKS, networksContain } from '../model/network.ts'
import { CONNECTIONS } from '../model/metrics.ts'
import { PROTOCOLS, type Protocol } from '../model/service.ts'
import { createCertificates } from '../net/certificates.ts'
import type { Listener } from '../net/contract.ts'
import { createWeb } from '../net/http.ts'
import { createNetwork } from '../net/listen.ts'
import { createEvidence, type Seen } from './evidence.ts'
import { watchLoad } from './load.ts'
import { watchLoop } from './machine.ts'
import { openThread } from './thread-parts.ts'
import type { ProtocolSettings } from './settings.ts'
import type { TlsMaterial } from './tls-material.ts'
import type { FromThread, OpenedPort, ToThread } from './supervise.ts'
import { wireSites } from './web.ts'
import { wireAdmission, wireSessions } from './wire.ts'

const port = parentPort
assert(port !== null, 'a protocol thread is started by the main thread')
const settings = workerData as ProtocolSettings
const tell = (message: FromThread): void => port.postMessage(message)

async function run(): Promise<void> {
  const { parts, core, snapshot, close } = await openThread(settings)
  const { clock, random, log, metrics } = parts

  const guard = createGuard({
    clock,
    lifted: (address) => settings.liftLoopback && networksContain(LOOPBACK_NETWORKS, address),
    tell: (item) => tell({ at: 'news', item }),
    name: settings.name,
  })
  guard.hello()

  const certificates = createCertificates(settings.tls.certificates, { ticketKeys: settings.tls.ticketKeys })
  const limits = { connectionsMax: settings.connectionsMax }
  const network = createNetwork({ clock, random, log, metrics, certificates, limits })
  let { trusted } = settings.tls
  const { hostname, messageMaxOctets, inside, shared } = settings
  let tokens: ReadonlyMap<string, string> = new Map()
  const answer = (answers: PublicAnswers): void => {
    tokens = new Map(answers.tokens)
    certificates.setChallenges(answers.certificates)
  }
  answer(settings.answers)
  const sites = wireSites(settings.web, {
    core,
    clock,
    hostname,
    inside,
    acmeAnswer: (token) => tokens.get(token) ?? null,
    trusted: () => trusted,
  })
  const web = createWeb({ clock, log, certificates, sites })
  const drain = new AbortController()
  const listeners: Listener[] = []
  const load = watchLoad({
    thread: settings.name,
    open: () => listeners.reduce((sum, { connections }) => sum + connections, 0),
    connectionsMax: settings.connectionsMax,
    loop: watchLoop(),
    clock,
    log,
    metrics,
  })
  const serveOf = wireSessions(parts, core, {
    hostname,
    messageMaxOctets,
    guard,
    guessKey: settings.guessKey,
    inside,
    drain: drain.signal,
    load,
  })

  const evidence = createEvidence({ clock, inside })
  const opened: OpenedPort[] = []
  /** Of each listener. */
  const protocols: Protocol[] = []
  for (const on of settings.services) {
    const serve = serveOf(on)
    for (const address of on.addresses) {
      const admit = evidence.watch(on.service, wireAdmission(on, guard, load))
      const options = {
        service: on.service,
        address,
        port: on.port,
        tls: on.tls,
        shared,
        admit,
        proxies: settings.proxies,
      }
      const listener = serve === null ? await web.listen(options) : await network.listen(options, serve)
      listeners.push(listener)
      protocols.push(PROTOCOLS[on.service])
      opened.push({ service: on.service, ...listener.endpoint })
    }
  }

  const useTls = (material: TlsMaterial): void => {
    certificates.setTicketKeys(material.ticketKeys)
    const replaced = certificates.replace(material.certificates)
    if (replaced.ok) trusted = material.trusted
    else log.error({ event: 'thread.tls.refused', why: replaced.error })
  }
  port?.on('message', (message: ToThread) => {
    if (message.do === 'drain') return void finish().catch(fail)
    if (message.do === 'hear') return guard.hear(message.item)
    if (message.do === 'tell-metrics') return tell({ at: 'metrics', snapshot: measured(), seen: seen() })
    if (message.do === 'use-answers') answer(message.answers)
    else useTls(message.material)
    tell({ at: 'used', number: message.number })
  })
  flushCompileCache()
  tell({ at: 'ready', ports: opened })

  function measured(): Snapshot {
    const sums = new Map(protocols.map((protocol) => [protocol, 0]))
    listeners.forEach(({ connections }, index) => {
      const protocol = protocols[index]!
      sums.set(protocol, sums.get(protocol)! + connections)
    })
    for (const [protocol, sum] of sums) metrics.set(CONNECTIONS, { protocol }, sum)
    return snapshot()
  }

  function seen(): Seen[] {
    const sums = new Map(opened.map(({ service }) => [service, 0]))
    listeners.forEach(({ connections }, index) => {
      const { service } = opened[index]!
      sums.set(service, sums.get(service)! + connections)
    })
    return [...sums].map(([service, connections]) => evidence.of(service, connections))
  }

  async function finish(): Promise<void> {
    await Promise.all(listeners.map((listener) => listener.stop()))
    drain.abort()
    await Promise.all(listeners.map((listener) => listener.drained()))
    await close()
    process.exit()
  }
}

function fail(error: unknown): void {
  tell({ at: 'cannot-start', message: error instanceof Error ? error.message : String(error) })
  throw error
}

run().catch(fail)
