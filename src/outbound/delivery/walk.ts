import { never } from '../../std/assert.ts'
import { TLS_FALLBACK_MEMORY_MS } from '../../model/limits.ts'
import type { Answer } from '../../model/queue.ts'
import type { Resolver } from '../../model/dns.ts'
import type { Clock } from '../../std/clock.ts'
import type { Ourselves, Route } from '../contract.ts'
import { findAddresses, findMailHosts, type MailHost } from './hosts.ts'
import { connect, type ConnectOptions, type ConnectOutcome, type Remote, type Target } from './remote.ts'
import { isIpv4, isIpv6 } from '../../format/address/domain.ts'

export const SMTP_PORT = 25

/** Domains whose hosts offer TLS and then fail at it: spoken to in the clear for a while (D3). */
export type TlsMemory = { failed(domain: string): void; knows(domain: string): boolean }

const REMEMBERED_MAX = 10_000

export function createTlsMemory(clock: Clock): TlsMemory {
  const until = new Map<string, number>()
  return {
    failed(domain) {
      until.delete(domain)
      if (until.size >= REMEMBERED_MAX) until.delete(until.keys().next().value!)
      until.set(domain, clock.monotonic() + TLS_FALLBACK_MEMORY_MS)
    },
    knows(domain) {
      const end = until.get(domain)
      if (end === undefined) return false
      if (end > clock.monotonic()) return true
      until.delete(domain)
      return false
    },
  }
}

export type WalkOptions = ConnectOptions & {
  readonly resolver: Resolver
  readonly ourselves: Ourselves
  readonly route: Exclude<Route, { kind: 'sandbox' }>
  readonly mxPort: number
  readonly tlsMemory: TlsMemory
  /** RFC 8689: verified TLS or nothing. */
  readonly requireTls: boolean
}

export type WalkFailure = {
  readonly answer: Answer
  readonly permanent: boolean
  /** No host could be reached or found: the destination is dead for now (R15). */
  readonly unreachable: boolean
}

/** The way along a destination's hosts and addresses, from connection to connection. */
export type Walk = {
  /** The next connection that is ready for mail, or null at the end. */
  next(): Promise<Remote | null>
  /** Why there is none (any more). */
  failure(): WalkFailure
}

/** RFC 6761 §6.3: `localhost` is not the DNS's to say. */
function fixedAddresses(host: string): readonly string[] | null {
  if (isIpv4(host) || isIpv6(host)) return [host]
  return host.toLowerCase() === 'localhost' ? ['127.0.0.1', '::1'] : null
}

/** @param destination lower-case domain or bracketed literal */
export function createWalk(destination: string, options: WalkOptions): Walk {
  const { route } = options
  /** What hosts said says more than that others could not be reached. */
  const temporary: Answer[] = []
  const unreached: Answer[] = []
  const permanent: Answer[] = []
  let reached = false
  let decided: WalkFailure | null = null
  const targets = findTargets()

  /** Lists targets one by one, so that addresses of later hosts are looked up only when their turn comes. */
  async function* findTargets(): AsyncGenerator<Target, void, void> {
    const hosts = await listHosts()
    for (const host of hosts) {
      const found = await findAddresses(host, { ...options, mayBeOurselves: route.kind === 'host' })
      if (found.at === 'ourselves') {
        const text = `${host.name}, which takes the mail for ${destination}, is this server`
        permanent.push({ code: 550, status: '5.4.6', text, remote: null })
        reached = true
        // RFC 5321 §5.1: hosts behind ourselves would only bring the mail back.
        return
      }
      if (found.at === 'failed') unreached.push(found.answer)
      else for (const address of found.addresses) yield toTarget(host, address)
    }
  }

  async function listHosts(): Promise<readonly MailHost[]> {
    switch (route.kind) {
      case 'host': {
        return [{ name: route.host, addresses: fixedAddresses(route.host) }]
      }
      case 'mx': {
        const found = await findMailHosts(destination, options)
        if (found.at === 'hosts') {
          if (!options.requireTls || found.authenticated) return found.hosts
          const text = `The MX records of ${destination} are not signed (DNSSEC), which this message requires (REQUIRETLS)`
          decided = { answer: { code: 550, status: '5.7.10', text, remote: null }, permanent: true, unreachable: false }
          return []
        }
        decided = { answer: found.answer, permanent: found.permanent, unreachable: !found.permanent }
        return []
      }
      default:
        return never(route)
    }
  }

  function toTarget(host: MailHost, address: string): Target {
    const { requireTls } = options
    if (route.kind === 'mx') {
      const clear = !requireTls && options.tlsMemory.knows(destination)
      const tls = requireTls ? 'starttls' : clear ? 'none' : 'opportunistic'
      return { host: host.name, address, port: options.mxPort, tls, verify: requireTls, credentials: null }
    }
    const { port, security, credentials, ca } = route
    const tls = requireTls && security === 'opportunistic' ? 'starttls' : security
    const verify = requireTls || (security !== 'opportunistic' && route.verify)
    return { host: host.name, address, port, tls, verify, credentials, ...(ca === undefined ? {} : { ca }) }
  }

  /** D3: after a failed handshake one clear try on a new connection, where nothing forbids it. */
  async function tryTarget(target: Target): Promise<ConnectOutcome> {
    const outcome = await connect(target, options)
    if (outcome.at !== 'refused' || !outcome.tlsFailed || target.tls !== 'opportunistic') return outcome
    if (target.credentials !== null || options.signal.aborted) return outcome
    options.tlsMemory.failed(destination)
    const { host, address } = target
    options.log.warn({ event: 'relay.tls.fallback', destination, host, address, why: outcome.answer.text })
    return connect({ ...target, tls: 'none' }, options)
  }

  return {
    async next() {
      while (!options.signal.aborted) {
        const step = await targets.next()
        if (step.done === true) return null
        const outcome = await tryTarget(step.value)
        switch (outcome.at) {
          case 'open':
            reached = true
            return outcome.remote
          case 'unreachable':
            unreached.push(outcome.answer)
            break
          case 'refused':
            reached = true
            // RFC 5321 §5.1: another host of the list may do; 5yz counts only when all say so (RFC 7504 for 521).
            if (options.requireTls && (outcome.stage === 'starttls' || outcome.stage === 'tls')) {
              permanent.push({ ...outcome.answer, code: 550, status: '5.7.10' }) // RFC 8689 §4.2.1.
            } else if (outcome.to === 'failed') permanent.push(outcome.answer)
            else temporary.push(outcome.answer)
            break
          default:
            never(outcome)
        }
      }
      return null
    },
    failure() {
      if (decided !== null) return decided
      const waits = temporary.at(-1) ?? unreached.at(-1)
      const answer = waits ?? permanent.at(-1)
      if (answer !== undefined) return { answer, permanent: waits === undefined, unreachable: !reached }
      const text = `No attempt for ${destination} was finished`
      return { answer: { code: 451, status: '4.4.0', text, remote: null }, permanent: false, unreachable: false }
    },
  }
}
