/** One plan, every format. */
import type { ExposurePlan } from '../contract.ts'
import { RULE_OPTIONS, type FirewallFormat, type Renderer, type RuleOptions, type Rules } from './contract.ts'
import { firewalld } from './firewalld.ts'
import { iptables } from './iptables.ts'
import { nftables } from './nftables.ts'
import { openwrt } from './openwrt.ts'
import { pf } from './pf.ts'
import { routeros } from './routeros.ts'
import { ufw } from './ufw.ts'
import { windows } from './windows.ts'

const RENDERERS: Readonly<Record<FirewallFormat, Renderer>> = {
  nftables,
  iptables,
  ufw,
  firewalld,
  pf,
  routeros,
  openwrt,
  windows,
}

export function firewallRules(plan: ExposurePlan, format: FirewallFormat, options: Partial<RuleOptions> = {}): Rules {
  return RENDERERS[format](plan, { ...RULE_OPTIONS, ...options })
}

/** Which options mean something to which format. What means nothing is refused, not passed over. */
export const OPTION_FORMATS: Readonly<
  Record<'router' | 'hairpin' | 'allowIn' | 'interface' | 'onlySender', readonly FirewallFormat[]>
> = {
  router: ['nftables', 'pf', 'routeros', 'openwrt'],
  hairpin: ['nftables', 'pf', 'routeros', 'openwrt'],
  allowIn: ['nftables'],
  interface: ['nftables', 'pf', 'routeros', 'openwrt', 'firewalld'],
  onlySender: ['nftables', 'iptables', 'pf'],
}
