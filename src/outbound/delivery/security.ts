/** What protects the way to one mail host: DANE before MTA-STS, before what comes (RFC 7672, RFC 8461, RFC 7435). */
import { stsAllows } from '../../format/mta-sts/policy.ts'
import { printStsPolicy } from '../../format/mta-sts/policy.ts'
import { ask } from '../../mailauth/ask.ts'
import type { TlsFailure, TlsObservation } from '../../mailauth/contract.ts'
import { findDane, type DaneBinding } from '../../mailauth/dane/lookup.ts'
import { checkDane, printTlsa } from '../../mailauth/dane/tlsa.ts'
import type { DnsAnswer, Resolver } from '../../model/dns.ts'
import { isCertificateCode } from '../mta-sts/policies.ts'
import type { KeptStsPolicy } from '../mta-sts/contract.ts'

export type Security =
  /** Nothing is asked of TLS. `testing`: a policy that only counts. */
  | { readonly by: 'nothing'; readonly testing: KeptStsPolicy | null }
  /** Encrypted, and by who the records name; `unusable`: by whoever (RFC 7672 §2.2). */
  | { readonly by: 'dane'; readonly binding: Extract<DaneBinding, { at: 'bound' | 'unusable' }> }
  | { readonly by: 'sts'; readonly policy: KeptStsPolicy }

export type SecurityOutcome =
  | { readonly at: 'security'; readonly security: Security }
  /** This host is not to be used now. `policy`: whose; DANE's where the DNS failed. */
  | {
      readonly at: 'refused'
      readonly security: Security
      readonly failure: TlsFailure
      readonly detail: string
    }

/** @param secureList whether DNSSEC vouches for the list of hosts: without, there is no DANE (RFC 7672 §2.2.1) */
export async function findSecurity(
  host: { readonly name: string; readonly addresses: readonly DnsAnswer<string>[] },
  options: {
    readonly resolver: Resolver
    readonly port: number
    readonly secureList: boolean
    readonly policy: KeptStsPolicy | null
  },
): Promise<SecurityOutcome> {
  const { resolver, port, secureList, policy } = options
  if (secureList && host.addresses.length > 0) {
    const asking = findDane({ host: host.name, port, addresses: host.addresses })
    const binding = await ask(asking, ({ name, type }) => resolver.query(name, type))
    if (binding.at === 'failed') {
      const none: Security = { by: 'dane', binding: { at: 'unusable', base: host.name, records: [] } }
      return { at: 'refused', security: none, failure: 'dnssec-invalid', detail: binding.why }
    }
    // RFC 8461 §2: MTA-STS does not override DANE.
    if (binding.at !== 'none') return { at: 'security', security: { by: 'dane', binding } }
  }
  if (policy === null) return { at: 'security', security: { by: 'nothing', testing: null } }
  if (policy.mode !== 'enforce') return { at: 'security', security: { by: 'nothing', testing: policy } }
  const security: Security = { by: 'sts', policy }
  if (stsAllows(policy, host.name)) return { at: 'security', security }
  const detail = `${host.name} is not among the hosts of the domain's MTA-STS policy`
  return { at: 'refused', security, failure: 'validation-failure', detail }
}

/** Why a peer's certificate is not taken, as the handshake's cause. */
export class PeerRejected extends Error {
  override name = 'PeerRejected'
  readonly failure: TlsFailure
  constructor(failure: TlsFailure, message: string) {
    super(message)
    this.failure = failure
  }
}

/** DANE's check of the handshake; undefined where none is asked for. */
export function peerCheck(
  security: Security,
  options: { readonly names: readonly string[]; readonly now: () => number },
): ((chain: readonly Uint8Array[]) => Error | null) | undefined {
  if (security.by !== 'dane' || security.binding.at !== 'bound') return undefined
  const { base, records } = security.binding
  return (chain) => {
    // RFC 7672 §3.2.3: the base domain, and the domain that the mail is for.
    const verdict = checkDane(records, chain, { names: [base, ...options.names], at: options.now() })
    return verdict.at === 'match' ? null : new PeerRejected(verdict.problem, `DANE: ${verdict.why}`)
  }
}

/** RFC 7672 §3.2.1, §8.1: SNI is the base domain. */
export const serverNameFor = (security: Security, host: string): string =>
  security.by === 'dane' ? security.binding.base : host

/** Whether anything asks for TLS. */
export const demandsTls = (security: Security): boolean => security.by !== 'nothing'

/** RFC 8460 §4.3: what a failed handshake counts as. */
export function failureOf(error: unknown): TlsFailure {
  if (error instanceof PeerRejected) return error.failure
  return failureOfCode((error as { code?: unknown } | null)?.code)
}

export function failureOfCode(code: unknown): TlsFailure {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'certificate-expired'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'certificate-host-mismatch'
  return isCertificateCode(code) ? 'certificate-not-trusted' : 'validation-failure'
}

/** RFC 8460 §4.4: the policy as reports show it. */
export function reportedPolicy(security: Security): TlsObservation['policy'] {
  const sts = security.by === 'sts' ? security.policy : security.by === 'nothing' ? security.testing : null
  if (sts !== null)
    return { type: 'sts', strings: printStsPolicy(sts).split('\r\n').filter(Boolean), mxPatterns: sts.mx }
  if (security.by !== 'dane') return { type: 'no-policy-found', strings: [], mxPatterns: [] }
  return { type: 'tlsa', strings: security.binding.records.map(printTlsa), mxPatterns: [] }
}
