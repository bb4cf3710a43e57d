/** Mail on its way out, as `app/wire.ts` sees it. */
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'
import type { Random } from '../std/random.ts'
import type { Secret } from '../std/secret.ts'
import type { OutgoingQueue } from '../core/contract.ts'
import type { Answer, QueueEntry } from '../model/queue.ts'
import type { Signing } from './signing/signing.ts'
import type { Dialler } from '../net/contract.ts'
import type { Resolver } from '../model/dns.ts'
import type { TlsObservation } from '../mailauth/contract.ts'
import type { StsPolicies } from './mta-sts/contract.ts'

/** Where mail for a domain goes. */
export type Route =
  /** By the domain's MX records (RFC 5321 §5.1), port 25, opportunistic STARTTLS (D3). */
  | { readonly kind: 'mx' }
  /** To one host, e.g. a smarthost (D8). Its MX records do not count. */
  | {
      readonly kind: 'host'
      /** A name or an address without brackets. */
      readonly host: string
      readonly port: number
      /** Only `opportunistic` ever goes on in the clear. */
      readonly security: 'opportunistic' | 'starttls' | 'implicit'
      /** Never sent without TLS. */
      readonly credentials: { readonly user: string; readonly password: Secret } | null
      /** Whether the certificate must be good for `host`. Does not apply to `opportunistic`. */
      readonly verify: boolean
      /** Extra trusted CA certificates, PEM. */
      readonly ca?: string
    }
  /** Kept here instead of sent: `Sandbox` takes it. */
  | { readonly kind: 'sandbox' }

export type Routes = {
  /** By lower-case domain (or bracketed literal). */
  readonly byDomain: ReadonlyMap<string, Route>
  /** For every other domain. */
  readonly otherwise: Route
}

/** Keeps mail that must not leave (`gavan try`). */
export type Sandbox = {
  /** @returns what to tell about it. @throws StoreError; then it is tried again later */
  deliver(entry: QueueEntry, content: OutgoingContent): Promise<Answer>
}

/** The octets of one queued message. */
export type OutgoingContent = {
  readonly sizeOctets: number
  /** Octets [start, end). @throws StoreError */
  read(start: number, end: number): Promise<Uint8Array>
}

/** Who we are, so that mail does not go round in a circle (RFC 5321 §5.1). */
export type Ourselves = {
  /** Said at EHLO. */
  readonly hostname: string
  /** Lower-case host names under which others reach our port 25. */
  readonly names: readonly string[]
  readonly addresses: readonly string[]
  /** Tests and `try` relay over loopback; otherwise an MX there is ourselves. */
  readonly loopbackIsForeign: boolean
}

export type RelayOptions = {
  readonly queue: OutgoingQueue
  readonly dialler: Dialler
  readonly resolver: Resolver
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics?: Metrics
  readonly ourselves: Ourselves
  readonly routes: Routes
  /** Absent: nothing is signed. */
  readonly signing?: Signing
  /** Needed where a route is `sandbox`. */
  readonly sandbox: Sandbox | null
  /** MTA-STS policies of other domains; absent: none are looked for. */
  readonly sts?: StsPolicies
  /** Told of each TLS session with an MX host, or why there was none (RFC 8460). Must not throw. */
  readonly noteTls?: (observation: TlsObservation) => void
  /** Further CA certificates that MX hosts are verified against, PEM; tests only. */
  readonly ca?: string
  /** The port of MX hosts; other than 25 in tests only. */
  readonly mxPort?: number
}

export type Relay = {
  /** Reclaims what a dead run held, and begins. */
  start(): Promise<void>
  /** Looks for due mail now. */
  wake(): void
  /** Routes may change while running; attempts under way keep theirs. */
  setRoutes(routes: Routes): void
  /** Starts nothing more; lets attempts end for `drainMs`, then breaks their connections; gives everything back. */
  stop(options: { drainMs: number }): Promise<void>
}
