/** What firewall rules are made from and what comes out; one file beside this one per format. */
import type { ExposurePlan } from '../contract.ts'
import type { Language } from '../words/contract.ts'

export const FIREWALL_FORMATS = [
  'nftables',
  'iptables',
  'ufw',
  'firewalld',
  'pf',
  'routeros',
  'openwrt',
  'windows',
] as const
export type FirewallFormat = (typeof FIREWALL_FORMATS)[number]

export type RuleOptions = {
  /** Of the explanations. What is inside the rules is ASCII and English whatever the language: routers garble the rest. */
  readonly language: Language
  /** Rules for the router in front of this host. `routeros` and `openwrt` always are. */
  readonly router: boolean
  /** Routers: people inside reach the server by its public address too, without a name server that knows better. */
  readonly hairpin: boolean
  /** nftables: a chain of another table that drops what it does not know: `inet filter input`. */
  readonly allowIn: AllowIn | null
  /** Routers: where the internet is, by interface, list or zone. firewalld: the zone. Null: the usual one. */
  readonly interface: string | null
  /** Hosts: only this user of the host may send on the port by which mail leaves. */
  readonly onlySender: string | null
}

export type AllowIn = { readonly family: 'inet' | 'ip' | 'ip6'; readonly table: string; readonly chain: string }

export const RULE_OPTIONS: RuleOptions = {
  language: 'en',
  router: false,
  hairpin: false,
  allowIn: null,
  interface: null,
  onlySender: null,
}

export type Rules = {
  /** To be fed to the tool as it stands; loaded twice it is the same as once. */
  readonly text: string
  /** Commands that leave nothing of it. */
  readonly undo: readonly string[]
}

export type Renderer = (plan: ExposurePlan, options: RuleOptions) => Rules
