/**
 * What the exposure plan is: made from the catalog, the configuration and facts of the host (plan.ts), and read by
 * everything that shows or enforces it: `gavan ports`, the map, firewall rules, doctor, DNS records, client set-up.
 * Plain data, JSON as it stands.
 */
import type { Network } from '../model/network.ts'
import type { ServiceName, TlsMode } from '../model/service.ts'
import type { Protocol, Role } from './catalog.ts'

/** From where a port can be reached, widest first; `off`: nothing listens. */
export type Opening = 'outside' | 'inside' | 'loopback' | 'off'

/** Where the users' mail programs are. */
export type Clients = 'browser' | 'office' | 'anywhere'

/** How this host meets the internet. `public`: an address of its own is reachable; `nat`: a router hands connections on. */
export type Layout = 'public' | 'nat' | 'unknown'

/** Facts of the host, gathered by `app`. */
export type HostFacts = {
  /** Every address of the host's interfaces but loopback. */
  readonly addresses: readonly HostAddress[]
  /** Default gateways, by which strangers come in behind NAT. */
  readonly gateways: readonly string[]
  /** Behind a container's bridge (Docker): the host's firewall sees forwarded packets. */
  readonly container: 'none' | 'bridge' | 'host'
}

export type HostAddress = {
  readonly address: string
  readonly family: 4 | 6
  readonly interface: string
  /** The network that it lies in, as CIDR. */
  readonly network: string
  /** Of the address itself: one that the internet routes, or not (RFC 1918, RFC 4193, RFC 6598, link-local). */
  readonly scope: 'global' | 'private' | 'shared' | 'link'
}

/** What the administrator decided, as far as it bears on ports. */
export type PlanSettings = {
  readonly hostname: string | null
  readonly clients: Clients
  /** Loopback belongs to them. */
  readonly inside: readonly Network[]
  readonly services: readonly ServiceSetting[]
  /** Addresses under which the internet reaches the server (`nat.public`); empty: those of the host that are global. */
  readonly publicAddresses: readonly string[]
  /** A certificate is asked for by ACME. */
  readonly acme: boolean
  /** An MTA-STS policy is published. */
  readonly mtaSts: boolean
  /** All outgoing mail goes to this host and port; null: to the servers of its domain, on 25. */
  readonly smarthost: { readonly host: string; readonly port: number } | null
}

export type ServiceSetting = {
  readonly service: ServiceName
  readonly enabled: boolean
  readonly addresses: readonly string[]
  /** With the offset; 0: the system chooses. */
  readonly port: number
  readonly tls: TlsMode
  /** Others are refused by the server itself. */
  readonly networks: 'anywhere' | readonly Network[]
  /** Passwords without TLS, from inner networks only (D10). */
  readonly plainLogin: boolean
  /** Another program of this host has the standard port, and hands requests on to this one. */
  readonly handedOn?: true
}

export type ExposurePlan = {
  readonly hostname: string | null
  readonly clients: Clients
  readonly layout: Layout
  readonly container: HostFacts['container']
  /** As CIDR, without loopback. */
  readonly inside: { readonly v4: readonly string[]; readonly v6: readonly string[] }
  /** Where the server is on its own network: what a router forwards to. Never loopback. */
  readonly serverAddresses: { readonly v4: readonly string[]; readonly v6: readonly string[] }
  /** Where the internet meets it; empty when not known. */
  readonly publicAddresses: { readonly v4: readonly string[]; readonly v6: readonly string[] }
  readonly gateways: readonly string[]
  /** One for each row of the catalog, in its order. */
  readonly rows: readonly PlanRow[]
  readonly outgoing: OutgoingRow
  readonly warnings: readonly PlanWarning[]
}

export type PlanRow = {
  readonly service: ServiceName
  readonly role: Role
  readonly protocol: Protocol
  readonly port: number
  /** As others know it: `port` without an offset. */
  readonly standardPort: number
  /** Where we listen, when another program of this host has `port` and hands requests on to us. */
  readonly behind?: number
  readonly tls: TlsMode
  readonly opening: Opening
  /** Who may connect where the opening is `inside`: `plan.inside`, unless networks are set for this port. As CIDR, without loopback. */
  readonly networks: ExposurePlan['inside']
  /** Why the opening is what it is: keys of words/. */
  readonly reason: ReasonId
  /** Rules of docs/rules.md. */
  readonly rules: readonly string[]
}

/** Mail leaves on 25 (D8), or on the smarthost's port. From this server only. */
export type OutgoingRow = {
  readonly port: number
  readonly to: 'anywhere' | { readonly host: string }
}

/** Texts in both languages: exposure/words/. One for each way in which an opening comes about. */
export type ReasonId =
  | 'mx-must-be-open'
  | 'clients-outside'
  | 'clients-inside'
  | 'clients-browser-only'
  | 'off-by-default'
  | 'off-by-choice'
  | 'web-open'
  | 'handed-on'
  | 'set-by-hand'
  | 'plain-login-inside'
  | 'loopback-only'

/** A contradiction, or something that the plan cannot make good. The texts are in words/. */
export type PlanWarning = {
  readonly id: WarningId
  readonly severity: 'problem' | 'hint'
  /** What it is about; null: the host. */
  readonly service: ServiceName | null
  /** For the text's places. */
  readonly facts: Readonly<Record<string, string | number>>
}

export type WarningId =
  | 'mx-closed' // No mail comes in (D1).
  | 'mx-port-moved' // 25 cannot be moved (D1).
  | 'http-closed-with-acme' // D14
  | 'https-closed-with-mta-sts'
  | 'submission-open-without-clients' // D7
  | 'plain-login-exposed' // D10
  | 'no-way-to-send' // Neither 587, nor 465, nor webmail.
  | 'no-way-to-read'
  | 'port-offset' // A trial: not what others look for.
  | 'behind-nat-no-public' // nat.public is not said.
  | 'carrier-nat' // RFC 6598: no port can be opened.
  | 'inside-covers-global' // An inner network that the internet routes.
  | 'address-missing' // To listen on, and this host has no such address.
  | 'container-bridge' // Senders' addresses are hidden, ufw is passed by.
