import type {
  AcmeFailureKind,
  CertificateAuthority,
  ChallengeSolver,
  ChallengeType,
  IssuedCertificate,
  RenewalWindow,
} from '../../model/certificate.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { Metrics } from '../../std/metrics.ts'
import type { Random } from '../../std/random.ts'

/** What went wrong last, for people. Epoch milliseconds. */
export type ToldFailure = {
  readonly at: number
  readonly kind: AcmeFailureKind
  /** Null: all names. */
  readonly name: string | null
  readonly challenge: ChallengeType | null
  /** In plain words: what happened. */
  readonly what: string
  readonly fix: string
  /** As the CA said. */
  readonly detail: string
}

export type LeftOut = { readonly name: string; readonly why: string; /** Epoch milliseconds. */ readonly until: number }

/** Kept over restarts, so that a server that starts again and again does not ask again and again. */
export type CertificateState = {
  /** Failed runs since the last certificate. */
  readonly failures: number
  readonly lastFailure: ToldFailure | null
  /** Not before; null: at once. Epoch milliseconds. */
  readonly nextTryAt: number | null
  /** The challenge that worked last: tried first. */
  readonly challenge: ChallengeType | null
  /** Names that the CA refused. */
  readonly leftOut: readonly LeftOut[]
  /** The staging CA gave one, so that the real one will. */
  readonly stagingPassed: boolean
  readonly issuedAt: number | null
  /** Epoch milliseconds. */
  readonly renewAt: number | null
  readonly renewalWindow: RenewalWindow | null
  /** When the CA is asked about renewal again. */
  readonly askRenewalAt: number | null
  /** What is worth knowing about the last success: that port 80 did not answer, say. */
  readonly notes: readonly string[]
}

/** Each write is whole and on the device when it resolves. */
export type CertificateFiles = {
  load(): Promise<{ readonly pair: IssuedCertificate | null; readonly state: CertificateState | null }>
  keepPair(pair: IssuedCertificate | null): Promise<void>
  keepState(state: CertificateState): Promise<void>
  /** PEM of the key that the next certificate will be for; null: none is made yet. */
  nextKey(): Promise<string | null>
  keepNextKey(key: string): Promise<void>
}

/**
 * What a renewal does with the key. `keep`: it stays. `new`: another one each time, which is made one certificate ahead,
 * so that its digest can be published in time (RFC 7671 §8.1).
 */
export type KeyPolicy = 'keep' | 'new'

export type NameCheck =
  | { readonly at: 'ready'; readonly addresses: readonly string[] }
  /** Nothing can be said: DNS did not answer. It is asked for all the same. */
  | { readonly at: 'not-checked'; readonly why: string }
  | { readonly at: 'not-ours'; readonly why: string }

export type CaaCheck =
  | { readonly at: 'permitted' }
  | { readonly at: 'not-checked'; readonly why: string }
  | { readonly at: 'forbidden'; readonly why: string }

export type PortCheck = { readonly at: 'reached' } | { readonly at: 'not-checked'; readonly why: string }

export type Preflight = {
  readonly names: readonly { readonly name: string; readonly check: NameCheck; readonly caa: CaaCheck }[]
  /** Port 80, from here to the name's own addresses; many routers cannot do that, so it decides nothing. */
  readonly port80: PortCheck
}

export type KeeperParts = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly files: CertificateFiles
  readonly authority: CertificateAuthority
  /** Asked first while nothing was ever issued; null: there is none. */
  readonly staging: CertificateAuthority | null
  /** The server's own name first: without it nothing is asked for. */
  readonly wantedNames: () => Promise<readonly string[]>
  readonly preflight: (names: readonly string[], via: readonly ChallengeType[]) => Promise<Preflight>
  /** Those that can be answered now, the best first. */
  readonly solvers: () => readonly ChallengeSolver[]
  /** Why the best one is not there: `port 80 is held by nginx`. */
  readonly notes: () => readonly string[]
  readonly profile: string | null
  readonly keyPolicy: KeyPolicy
  /** PEM. */
  readonly newKey: () => Promise<string>
  /** Called once the pair is kept; null: there is none any more. */
  readonly use: (pair: IssuedCertificate | null) => Promise<void>
}

export type CertificateFacts = {
  readonly names: readonly string[]
  readonly issuer: string
  readonly notBefore: number
  readonly notAfter: number
  readonly fingerprint: string
}

export type CertificateStatus = {
  readonly directory: string
  readonly certificate: CertificateFacts | null
  readonly state: CertificateState
  readonly working: boolean
  readonly preflight: Preflight | null
}

export type RunOutcome =
  | { readonly at: 'issued'; readonly names: readonly string[]; readonly notes: readonly string[] }
  | { readonly at: 'failed'; readonly failure: ToldFailure; readonly nextTryAt: number }

export type DryRun = {
  readonly preflight: Preflight
  /** What the staging CA said; null: there is none for this CA. */
  readonly staging: { readonly at: 'issued' } | { readonly at: 'failed'; readonly failure: ToldFailure } | null
}

export type CertificateKeeper = {
  /** Begins to look after the certificate. */
  start(): Promise<void>
  /** What is under way must be ended too, by its own signal; that counts as no failure. */
  stop(): Promise<void>
  status(): Promise<CertificateStatus>
  /** Now, whatever the schedule says. */
  renew(): Promise<RunOutcome>
  dryRun(): Promise<DryRun>
  /** @returns null when it is done, and a new one is being asked for. */
  revoke(reason: number): Promise<ToldFailure | null | 'no-certificate'>
}
