import { never } from '../../std/assert.ts'
import { TLS_FALLBACK_MEMORY_MS } from '../../model/limits.ts'
import type { Answer } from '../../model/queue.ts'
import type { Resolver } from '../../model/dns.ts'
import type { Clock } from '../../std/clock.ts'
import type { TlsFailure, TlsObservation } from '../../mailauth/contract.ts'
import { stsAllows } from '../../format/mta-sts/policy.ts'
import type { Ourselves, RelayOptions, Route } from '../contract.ts'
import type { StsFinding } from '../mta-sts/contract.ts'
import {
  demandsTls,
  failureOf,
  failureOfCode,
  findSecurity,
  peerCheck,
  reportedPolicy,
  serverNameFor,
  type Security,
} from './security.ts'
import { findAddresses, findMailHosts, type AddressList, type MailHost } from './hosts.ts'
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
  /** RFC 8689 §4.2.2: TLS as far as it goes; no policy stops the letter. */
  readonly tlsOptional?: boolean
  /** For those who watch (`gavan dial`): each step as it is known. */
  readonly watch?: (step: WalkStep) => void
} & Pick<RelayOptions, 'sts' | 'noteTls' | 'ca'>

/** What a walk has found out, in its order. */
export type WalkStep =
  | { readonly at: 'hosts'; readonly hosts: readonly MailHost[]; readonly authenticated: boolean }
  | { readonly at: 'no-hosts'; readonly answer: Answer }
  | { readonly at: 'sts'; readonly finding: StsFinding }
  | { readonly at: 'addresses'; readonly host: string; readonly found: AddressList }
  | {
      readonly at: 'security'
      readonly host: string
      readonly security: Security
      readonly refused: { readonly failure: TlsFailure; readonly detail: string } | null
    }
  | { readonly at: 'dialling'; readonly target: Target }
  | { readonly at: 'connected'; readonly target: Target; readonly outcome: ConnectOutcome }

export type WalkFailure = {
  readonly answer: Answer
  readonly permanent: boolean
  /** No host could be reached or found: the destination is dead for now (R15). */
  readonly unreachable: boolean
  /** A policy, and nothing else, kept it from being sent: a letter with `TLS-Required: No` may go on. */
  readonly byPolicy: boolean
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

/** A target with what protects the way to it. */
type Guarded = { readonly target: Target; readonly security: Security }

/** @param destination lower-case domain or bracketed literal */
export function createWalk(destination: string, options: WalkOptions): Walk {
  const { route, requireTls, watch, tlsOptional = false } = options
  /** What hosts said says more than that others could not be reached. */
  const temporary: Answer[] = []
  const unreached: Answer[] = []
  const permanent: Answer[] = []
  let reached = false
  let byPolicy = false
  let decided: Omit<WalkFailure, 'byPolicy'> | null = null
  const targets = findTargets()

  /** Lists targets one by one, so that addresses of later hosts are looked up only when their turn comes. */
  async function* findTargets(): AsyncGenerator<Guarded, void, void> {
    const { hosts, authenticated, policy } = await listHosts()
    for (const host of hosts) {
      const found = await findAddresses(host, { ...options, mayBeOurselves: route.kind === 'host' })
      watch?.({ at: 'addresses', host: host.name, found })
      if (found.at === 'ourselves') {
        const text = `${host.name}, which takes the mail for ${destination}, is this server`
        permanent.push({ code: 550, status: '5.4.6', text, remote: null })
        reached = true
        // RFC 5321 §5.1: hosts behind ourselves would only bring the mail back.
        return
      }
      if (found.at === 'failed') {
        unreached.push(found.answer)
        continue
      }
      const guarded = await guard(host, found.answers, { authenticated, policy })
      if (guarded !== null) for (const address of found.addresses) yield toTarget(host, address, guarded)
    }
  }

  type Listed = {
    readonly hosts: readonly MailHost[]
    readonly authenticated: boolean
    readonly policy: StsFinding['policy']
  }

  async function listHosts(): Promise<Listed> {
    switch (route.kind) {
      case 'host': {
        const hosts = [{ name: route.host, addresses: fixedAddresses(route.host) }]
        return { hosts, authenticated: false, policy: null }
      }
      case 'mx': {
        const isDomain = !destination.startsWith('[')
        const looking = isDomain && options.sts !== undefined ? options.sts.find(destination) : null
        looking?.catch(() => {}) // Heard below, after the hosts.
        const found = await findMailHosts(destination, options)
        if (found.at === 'failed') {
          watch?.({ at: 'no-hosts', answer: found.answer })
          decided = { answer: found.answer, permanent: found.permanent, unreachable: !found.permanent }
          return { hosts: [], authenticated: false, policy: null }
        }
        const { authenticated } = found
        watch?.({ at: 'hosts', hosts: found.hosts, authenticated })
        const finding = looking === null ? null : await looking
        if (finding !== null) {
          watch?.({ at: 'sts', finding })
          if (finding.failure !== null) noteStsFailure(finding)
        }
        const policy = finding?.policy ?? null
        // RFC 8689 §4.2.1: the list is known by DNSSEC, or each host by MTA-STS.
        if (!requireTls || authenticated) return { hosts: found.hosts, authenticated, policy }
        const named = policy === null ? [] : found.hosts.filter(({ name }) => stsAllows(policy, name))
        if (named.length > 0) return { hosts: named, authenticated, policy }
        const text = `The MX records of ${destination} are not signed (DNSSEC) and no MTA-STS policy names them, which this message requires (REQUIRETLS)`
        decided = { answer: { code: 550, status: '5.7.10', text, remote: null }, permanent: true, unreachable: false }
        return { hosts: [], authenticated, policy }
      }
      default:
        return never(route)
    }
  }

  /** Null: a policy forbids the host for now. */
  async function guard(
    host: MailHost,
    answers: Extract<AddressList, { at: 'addresses' }>['answers'],
    { authenticated, policy }: { authenticated: boolean; policy: StsFinding['policy'] },
  ): Promise<Security | null> {
    const nothing: Security = { by: 'nothing', testing: null }
    if (route.kind !== 'mx') return nothing
    const asked = { name: host.name, addresses: answers }
    const outcome = await findSecurity(asked, { ...options, port: options.mxPort, secureList: authenticated, policy })
    const { security } = outcome
    const refused = outcome.at === 'refused' ? outcome : null
    watch?.({ at: 'security', host: host.name, security, refused })
    if (refused === null) return security
    const { failure, detail } = refused
    note({ host: host.name, address: '', local: '', security, failure, detail })
    if (tlsOptional) return nothing
    byPolicy = true
    reached = true // The hosts are there; only this letter does not go now.
    temporary.push({
      code: 451,
      status: failure === 'dnssec-invalid' ? '4.7.5' : '4.7.10',
      text: `${host.name} is not safe to send to now: ${detail}`,
      remote: null,
    })
    return null
  }

  function toTarget(host: MailHost, address: string, security: Security): Guarded {
    if (route.kind === 'mx') {
      const mustTls = requireTls || (demandsTls(security) && !tlsOptional)
      const clear = !mustTls && options.tlsMemory.knows(destination)
      const tls = mustTls ? 'starttls' : clear ? 'none' : 'opportunistic'
      const check = tlsOptional ? undefined : peerCheck(security, { names: [host.name, destination], now: clockNow })
      const verify = check === undefined && mustTls && (requireTls || security.by === 'sts')
      const target: Target = {
        host: host.name,
        address,
        port: options.mxPort,
        tls,
        verify,
        credentials: null,
        serverName: host.name.startsWith('[') ? undefined : serverNameFor(security, host.name),
        check,
        ca: options.ca,
      }
      return { target, security }
    }
    const { port, security: wish, credentials, ca } = route
    const tls = requireTls && wish === 'opportunistic' ? 'starttls' : wish
    const verify = requireTls || (wish !== 'opportunistic' && route.verify)
    return { target: { host: host.name, address, port, tls, verify, credentials, ca }, security }
  }

  const clockNow = (): number => options.clock.now()

  // RFC 8460: what is told of sessions ------------------------------------------------------------------------------

  type Told = {
    readonly host: string
    readonly address: string
    readonly local: string
    readonly security: Security
    readonly failure: TlsFailure | null
    readonly detail: string
  }

  function note({ host, address, local, security, failure, detail }: Told): void {
    if (route.kind !== 'mx') return
    const observation: TlsObservation = {
      at: clockNow(),
      domain: destination,
      policy: reportedPolicy(security),
      sendingAddress: local,
      mx: host,
      mxAddress: address,
      failure,
      detail,
    }
    options.noteTls?.(observation)
  }

  function noteStsFailure({ failure, policy }: StsFinding): void {
    if (failure === null) return
    const security: Security = policy === null ? { by: 'nothing', testing: null } : { by: 'sts', policy }
    note({ host: '', address: '', local: '', security, ...failure })
  }

  function noteOutcome({ target, security }: Guarded, outcome: ConnectOutcome): void {
    if (outcome.at === 'unreachable' || target.tls === 'none') return
    const told = { host: target.host, address: target.address, security }
    if (outcome.at === 'refused') {
      const local = outcome.local.address
      const detail = outcome.answer.text
      if (outcome.tlsFailed) note({ ...told, local, failure: failureOf(outcome.tlsError), detail })
      else if (outcome.stage === 'starttls') note({ ...told, local, failure: 'starttls-not-supported', detail })
      return
    }
    const { tls, local } = outcome.remote
    if (tls === null) note({ ...told, local: local.address, failure: 'starttls-not-supported', detail: '' })
    else note({ ...told, local: local.address, ...testedFailure(security, target.host, tls.serverProblem ?? null) })
  }

  /** D3: after a failed handshake one clear try on a new connection, where nothing forbids it. */
  async function tryTarget(guarded: Guarded): Promise<ConnectOutcome> {
    const { target } = guarded
    watch?.({ at: 'dialling', target })
    const outcome = await connect(target, options)
    noteOutcome(guarded, outcome)
    watch?.({ at: 'connected', target, outcome })
    if (outcome.at !== 'refused' || !outcome.tlsFailed || target.tls !== 'opportunistic') return outcome
    if (target.credentials !== null || options.signal.aborted) return outcome
    options.tlsMemory.failed(destination)
    const { host, address } = target
    options.log.warn({ event: 'relay.tls.fallback', destination, host, address, why: outcome.answer.text })
    const clear: Target = { ...target, tls: 'none' }
    watch?.({ at: 'dialling', target: clear })
    const again = await connect(clear, options)
    watch?.({ at: 'connected', target: clear, outcome: again })
    return again
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
          case 'refused': {
            reached = true
            const atTls = outcome.stage === 'starttls' || outcome.stage === 'tls'
            if (atTls && demandsTls(step.value.security)) byPolicy = true
            // RFC 5321 §5.1: another host of the list may do; 5yz counts only when all say so (RFC 7504 for 521).
            if (requireTls && atTls) {
              permanent.push({ ...outcome.answer, code: 550, status: '5.7.10' }) // RFC 8689 §4.2.1.
            } else if (outcome.to === 'failed') permanent.push(outcome.answer)
            else temporary.push(outcome.answer)
            break
          }
          default:
            never(outcome)
        }
      }
      return null
    },
    failure() {
      if (decided !== null) return { ...decided, byPolicy: false }
      const waits = temporary.at(-1) ?? unreached.at(-1)
      const answer = waits ?? permanent.at(-1)
      if (answer !== undefined) return { answer, permanent: waits === undefined, unreachable: !reached, byPolicy }
      const text = `No attempt for ${destination} was finished`
      const nothing = { code: 451, status: '4.4.0', text, remote: null }
      return { answer: nothing, permanent: false, unreachable: false, byPolicy: false }
    },
  }
}

/** RFC 8461 §5: a policy in testing stops nothing, and what it would have stopped counts. */
function testedFailure(
  security: Security,
  host: string,
  problem: string | null,
): { readonly failure: TlsFailure | null; readonly detail: string } {
  const policy = security.by === 'nothing' ? security.testing : null
  if (policy === null) return { failure: null, detail: '' }
  if (!stsAllows(policy, host)) return { failure: 'validation-failure', detail: `${host} is not in the policy` }
  return problem === null ? { failure: null, detail: '' } : { failure: failureOfCode(problem), detail: problem }
}
