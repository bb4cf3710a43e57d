/** What `gavan doctor` finds: the plan held against what is (D17). Each check says one thing, in both languages. */
import type { DnsSettings } from '../../exposure/dns/contract.ts'
import type { ExposurePlan } from '../../exposure/contract.ts'
import type { ServiceName } from '../../model/service.ts'
import type { Resolver } from '../../model/dns.ts'
import type { PortHolder } from '../../net/port-holder.ts'

export type Text = { readonly en: string; readonly ru: string }
export const text = (en: string, ru: string): Text => ({ en, ru })

/**
 * `problem`: mail is lost, late or refused. `warning`: something works worse than it could. `not-checked`: could not be
 * looked at from here, which says nothing either way. `info`: worth knowing, nothing to do.
 */
export type State = 'ok' | 'info' | 'warning' | 'problem' | 'not-checked'

export const GROUPS = ['machine', 'outside', 'names', 'certificate', 'reputation', 'network'] as const
export type Group = (typeof GROUPS)[number]

export type Finding = {
  /** Stable, for scripts and for what changed since: `port:80`, `dns:mx:example.org`. */
  readonly id: string
  readonly group: Group
  readonly state: State
  /** In a word or two: `80`, `MX example.org`. */
  readonly label: Text
  readonly says: Text
  /** What to do, when there is something. */
  readonly fix?: readonly Text[]
  readonly have?: string
  readonly want?: string
  /** It depends on others' servers, which may be away for a moment: a single failure is no news. */
  readonly flaky?: true
}

/** A check with a name, so that one which fails or takes too long is told as not checked. */
export type Check = {
  readonly name: string
  readonly group: Group
  readonly run: () => Promise<readonly Finding[]>
}

// What the checks look with ---------------------------------------------------------------------------------------------

export type Reached =
  /** Connected. `refused`: a reset came back, so packets pass both ways. */
  | 'open'
  | 'refused'
  /** Nothing came back: dropped on the way. */
  | 'timed-out'
  /** This machine has no way there: no IPv6, for one. */
  | 'no-route'

export type Evidence = {
  readonly service: ServiceName
  readonly listening: boolean
  /** Now. */
  readonly connections: number
  /** The last connection from no inner network: seconds ago, and whence. */
  readonly stranger: { readonly secondsAgo: number; readonly address: string } | null
}

/** Of the running server; null: none answers. */
export type ServerFacts = {
  readonly pid: number
  readonly evidence: readonly Evidence[]
  /** Most visitors from outside seem to come from one inner address (a router that hides them). */
  readonly hiddenBehind: { readonly address: string; readonly percent: number } | null
  /** What asking for a certificate came to, in plain words; null: nothing to tell. */
  readonly certificateTrouble: string | null
}

export type CertificateSeen = {
  readonly names: readonly string[]
  readonly issuer: string
  /** Made by our own CA, which nobody else trusts. */
  readonly selfMade: boolean
  readonly notAfter: number
}

export type Probes = {
  readonly now: () => number
  /** Who listens on a TCP port of this machine. */
  readonly holderOf: (port: number) => Promise<HeldPort | null>
  readonly server: () => Promise<ServerFacts | null>
  readonly connect: (address: string, port: number) => Promise<Reached>
  readonly resolver: Resolver
  /** Asks the name servers of the zone that a name lies in; null: they cannot be found or reached. */
  readonly authority: (name: string) => Promise<{ readonly zone: string; readonly resolver: Resolver } | null>
  /** Milliseconds that this machine's clock is ahead; null: no time server answered. */
  readonly clockAhead: () => Promise<number | null>
  readonly disk: (path: string) => Promise<{
    readonly freeOctets: number
    readonly totalOctets: number
    readonly freeInodes: number
    readonly totalInodes: number
  } | null>
  readonly memory: () => { readonly freeOctets: number; readonly totalOctets: number }
  /** What is shown on an implicit-TLS port of this machine; null: nothing. */
  readonly certificate: (port: number, serverName: string) => Promise<CertificateSeen | null>
}

export type HeldPort = PortHolder & {
  /** The package that its program came with; null when none or not known. */
  readonly package: string | null
  readonly container: string | null
}

export type DoctorInput = {
  readonly plan: ExposurePlan
  readonly dns: DnsSettings | null
  readonly dataDir: string
  readonly messageMaxOctets: number
  readonly acme: boolean
  readonly targets: {
    /** Mail servers of others that take connections on 25. */
    readonly outgoing: readonly { readonly host: string; readonly port: number }[]
    readonly blocklists: readonly string[]
  }
  readonly probes: Probes
}
