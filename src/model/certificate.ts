/** Certificates that a certificate authority (CA) gives by ACME (RFC 8555), and why it does not. */
import type { Result } from '../std/result.ts'

/** How the CA convinces itself that a name is ours: RFC 8555 §8.3, RFC 8737 §3, RFC 8555 §8.4. */
export type ChallengeType = 'http-01' | 'tls-alpn-01' | 'dns-01'

/** PEM: the chain, leaf first, and its private key. */
export type IssuedCertificate = { readonly certificate: string; readonly key: string }

/** Whose fault it is, roughly: what the administrator can do follows from it. */
export type AcmeFailureKind =
  /** No connection, a time-out, an answer that is no ACME. */
  | 'unreachable'
  /** The CA looked, and did not find our answer. */
  | 'challenge'
  /** CAA forbids this CA. */
  | 'caa'
  /** Too many orders, or the CA is busy. */
  | 'rate-limited'
  /** The CA gives no certificate for this name. */
  | 'name'
  /** No account without an external account binding, or a wrong one. */
  | 'account'
  /** Our DNS server did not take the record. */
  | 'dns-update'
  /** Nobody finds the name. */
  | 'no-address'
  /** No challenge can be answered: ports off and no DNS server named. */
  | 'no-way'
  /** Everything else that the CA refused. */
  | 'refused'
  /** The CA gave something that cannot be used. */
  | 'bad-certificate'
  /** The disk did. */
  | 'storage'

export type AcmeFailure = {
  readonly kind: AcmeFailureKind
  /** The name that it is about; null: all of them. */
  readonly name: string | null
  /** As the CA said, in one line. */
  readonly detail: string
  /** The CA asked not to come back sooner. */
  readonly retryAfterMs: number | null
}

/** What is to be found while the CA looks. */
export type ChallengeTask = {
  readonly name: string
  readonly token: string
  /** RFC 8555 §8.1. */
  readonly keyAuthorization: string
}

/** Answers one kind of challenge. */
export type ChallengeSolver = {
  readonly type: ChallengeType
  /** Resolves once the answer can be found. @throws SolverFailed */
  present(task: ChallengeTask): Promise<void>
  /** Never throws. */
  withdraw(task: ChallengeTask): Promise<void>
}

export class SolverFailed extends Error {
  override name = 'SolverFailed'
}

/** RFC 9773 §4.2. Epoch milliseconds. */
export type RenewalWindow = { readonly start: number; readonly end: number; readonly explanationUrl: string | null }

/** A task that every protocol thread answers: by token on 80, by name on 443. Plain data: crosses threads. */
export type PublicAnswers = {
  readonly tokens: readonly (readonly [token: string, keyAuthorization: string])[]
  readonly certificates: readonly (IssuedCertificate & { readonly name: string })[]
}

export type CertificateRequest = {
  readonly names: readonly string[]
  readonly solver: ChallengeSolver
  /** Null: what the CA gives by default. */
  readonly profile: string | null
  /** PEM of the certificate that the new one takes the place of (RFC 9773 §5). */
  readonly replaces: string | null
  /** PEM of the private key to certify; null: a new one. */
  readonly key: string | null
}

/** A conversation with one CA. */
export type CertificateAuthority = {
  readonly directoryUrl: string
  /** What CAA records call it, and our account's URL there, if any; both for the preflight. */
  identity(): Promise<Result<{ readonly caaIdentities: readonly string[]; readonly accountUrl: string }, AcmeFailure>>
  issue(request: CertificateRequest): Promise<Result<IssuedCertificate, AcmeFailure>>
  /** Null: the CA says nothing about this certificate. `askAgainMs` as the CA wishes; null: it has no wish. */
  renewalInfo(
    certificate: string,
  ): Promise<Result<{ readonly window: RenewalWindow; readonly askAgainMs: number | null } | null, AcmeFailure>>
  /** @param reason RFC 5280 §5.3.1 */
  revoke(pair: IssuedCertificate, reason: number): Promise<Result<null, AcmeFailure>>
}

/** RFC 5280 §5.3.1, those that a server may name itself (RFC 8555 §7.6). */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
} as const
export type RevocationReason = keyof typeof REVOCATION_REASONS
