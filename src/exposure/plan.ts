/** The exposure plan: what each port of the catalog is to be open to on this host, and why (D1–D17). Pure. */
import { CATALOG, type CatalogRow } from './catalog.ts'
import { LOOPBACK_NETWORKS, networksContain, networksOverlap, parseIp, type Network } from '../model/network.ts'
import type {
  ExposurePlan,
  HostAddress,
  HostFacts,
  Layout,
  Opening,
  PlanRow,
  PlanSettings,
  PlanWarning,
  ReasonId,
  ServiceSetting,
} from './contract.ts'

export function planOf(settings: PlanSettings, facts: HostFacts): ExposurePlan {
  const rows = CATALOG.map((row) => planRow(row, settings))
  const layout = layoutOf(settings, facts)
  const publicAddresses = byFamily(
    settings.publicAddresses.length > 0
      ? settings.publicAddresses
      : facts.addresses.filter(({ scope }) => scope === 'global').map(({ address }) => address),
  )
  const plan = {
    hostname: settings.hostname,
    clients: settings.clients,
    layout,
    container: facts.container,
    inside: insideOf(settings.inside),
    serverAddresses: byFamily(serverAddresses(facts).map(({ address }) => address)),
    publicAddresses,
    gateways: facts.gateways,
    rows,
    outgoing:
      settings.smarthost === null
        ? ({ port: 25, to: 'anywhere' } as const)
        : { port: settings.smarthost.port, to: { host: settings.smarthost.host } },
  }
  return { ...plan, warnings: warningsOf(plan, settings, facts) }
}

// Rows -----------------------------------------------------------------------------------------------------------------

function planRow(row: CatalogRow, settings: PlanSettings): PlanRow {
  const setting = settings.services.find(({ service }) => service === row.service)
  const { opening, reason } = setting === undefined ? OFF : openingOf(row, setting, settings)
  return {
    service: row.service,
    role: row.role,
    protocol: row.protocol,
    port: setting === undefined || isHandedOn(setting) ? row.port : setting.port,
    standardPort: row.port,
    ...(setting !== undefined && isHandedOn(setting) ? { behind: setting.port } : {}),
    tls: setting?.tls ?? row.tls,
    opening,
    networks: opening === 'inside' && setting !== undefined ? networksOf(setting) : { v4: [], v6: [] },
    reason,
    rules: row.rules,
  }
}

const isHandedOn = ({ enabled, handedOn }: ServiceSetting): boolean => enabled && handedOn === true

type Verdict = { readonly opening: Opening; readonly reason: ReasonId }
const OFF: Verdict = { opening: 'off', reason: 'off-by-default' }

const networksOf = ({ networks }: ServiceSetting): PlanRow['networks'] =>
  insideOf(networks === 'anywhere' ? [] : networks)

function openingOf(row: CatalogRow, on: ServiceSetting, { clients, inside }: PlanSettings): Verdict {
  const atClients = row.reach === 'mail-programs'
  if (!on.enabled) {
    if (atClients && clients === 'browser' && row.enabled) return { opening: 'off', reason: 'clients-browser-only' }
    return { opening: 'off', reason: row.enabled ? 'off-by-choice' : 'off-by-default' }
  }
  // D14: whoever has the port, it must be reached from outside.
  if (isHandedOn(on)) return { opening: 'outside', reason: 'handed-on' }
  if (on.addresses.length > 0 && on.addresses.every(isLoopback)) return { opening: 'loopback', reason: 'loopback-only' }
  if (on.networks !== 'anywhere') {
    // Nobody but this host itself is among them.
    if (on.networks.every(isOfLoopback)) return { opening: 'loopback', reason: 'set-by-hand' }
    if (on.plainLogin) return { opening: 'inside', reason: 'plain-login-inside' } // D10
    const asProfile = atClients && clients === 'office' && sameNetworks(on.networks, inside)
    return { opening: 'inside', reason: asProfile ? 'clients-inside' : 'set-by-hand' }
  }
  if (row.service === 'mx') return { opening: 'outside', reason: 'mx-must-be-open' }
  if (row.reach === 'browsers') return { opening: 'outside', reason: 'web-open' }
  return { opening: 'outside', reason: clients === 'anywhere' ? 'clients-outside' : 'set-by-hand' }
}

const isOfLoopback = ({ octets, prefixBits }: Network): boolean =>
  LOOPBACK_NETWORKS.some(
    (loopback) =>
      loopback.octets.length === octets.length &&
      prefixBits >= loopback.prefixBits &&
      networksOverlap(loopback, { text: '', octets, prefixBits }),
  )

function sameNetworks(a: readonly Network[], b: readonly Network[]): boolean {
  const texts = new Set(a.map(({ text }) => text))
  return texts.size === new Set(b.map(({ text }) => text)).size && b.every(({ text }) => texts.has(text))
}

const isLoopback = (address: string): boolean => networksContain(LOOPBACK_NETWORKS, address)

// The host -------------------------------------------------------------------------------------------------------------

/** Where the server is on its own network. IPv6 addresses of one network are many; one that stays is enough. */
function serverAddresses({ addresses }: HostFacts): HostAddress[] {
  const usable = addresses.filter(({ scope }) => scope !== 'link')
  const seen = new Set<string>()
  return usable.filter(({ family, network }) => {
    if (family === 4) return true
    if (seen.has(network)) return false
    seen.add(network)
    return true
  })
}

function layoutOf({ publicAddresses }: PlanSettings, { addresses }: HostFacts): Layout {
  const own = new Set(addresses.map(({ address }) => address))
  const v4 = addresses.filter(({ family }) => family === 4)
  if (publicAddresses.length > 0) return publicAddresses.some((address) => own.has(address)) ? 'public' : 'nat'
  if (v4.some(({ scope }) => scope === 'global')) return 'public'
  if (v4.some(({ scope }) => scope === 'private' || scope === 'shared')) return 'nat'
  return addresses.some(({ scope }) => scope === 'global') ? 'public' : 'unknown'
}

function byFamily(addresses: readonly string[]): { readonly v4: readonly string[]; readonly v6: readonly string[] } {
  return {
    v4: addresses.filter((address) => parseIp(address)?.length === 4),
    v6: addresses.filter((address) => parseIp(address)?.length === 16),
  }
}

/** Loopback always belongs to them, and no firewall need say so. Link-local addresses are of one wire. */
function insideOf(networks: readonly Network[]): ExposurePlan['inside'] {
  const texts = networks.filter((network) => !isOfLoopback(network))
  const cidr = ({ text, prefixBits }: Network): string => (text.includes('/') ? text : `${text}/${prefixBits}`)
  return {
    v4: texts.filter(({ octets }) => octets.length === 4).map(cidr),
    v6: texts.filter(({ octets }) => octets.length === 16).map(cidr),
  }
}

// Contradictions -------------------------------------------------------------------------------------------------------

function warningsOf(
  plan: Omit<ExposurePlan, 'warnings'>,
  { acme, mtaSts, services, inside }: PlanSettings,
  { addresses }: HostFacts,
): PlanWarning[] {
  const row = (service: PlanRow['service']): PlanRow => plan.rows.find((each) => each.service === service)!
  const open = (service: PlanRow['service']): boolean => row(service).opening === 'outside'
  const reachable = (...list: PlanRow['service'][]): boolean => list.some((service) => row(service).opening !== 'off')
  const warnings: PlanWarning[] = []
  const warn = (
    id: PlanWarning['id'],
    severity: PlanWarning['severity'],
    service: PlanWarning['service'] = null,
    facts: PlanWarning['facts'] = {},
  ): void => void warnings.push({ id, severity, service, facts })

  const moved = plan.rows.filter(({ opening, port, standardPort }) => opening !== 'off' && port !== standardPort)
  const trial = moved.length > 1 && new Set(moved.map(({ port, standardPort }) => port - standardPort)).size === 1
  if (!open('mx')) warn('mx-closed', 'problem', 'mx', { opening: row('mx').opening })
  if (trial) warn('port-offset', 'hint', null, { offset: moved[0]!.port - moved[0]!.standardPort })
  else if (row('mx').port !== 25 && open('mx')) warn('mx-port-moved', 'problem', 'mx', { port: row('mx').port })
  if (acme && !open('http')) warn('http-closed-with-acme', 'problem', 'http')
  if (mtaSts && open('mx') && !open('https')) warn('https-closed-with-mta-sts', 'hint', 'https')
  for (const service of ['submission', 'submissions'] as const)
    if (open(service) && plan.clients !== 'anywhere') warn('submission-open-without-clients', 'hint', service)
  for (const { service, plainLogin, enabled, networks } of services)
    if (enabled && plainLogin && networks === 'anywhere') warn('plain-login-exposed', 'problem', service)
  if (!reachable('submission', 'submissions', 'https')) warn('no-way-to-send', 'problem')
  if (!reachable('imap', 'imaps', 'pop3', 'pop3s', 'https')) warn('no-way-to-read', 'problem')
  const shared = addresses.find(({ scope }) => scope === 'shared')
  if (plan.layout === 'nat' && shared !== undefined && plan.publicAddresses.v4.length === 0)
    warn('carrier-nat', 'problem', null, { address: shared.address })
  else if (plan.layout === 'nat' && plan.publicAddresses.v4.length === 0) warn('behind-nat-no-public', 'hint')
  for (const network of inside)
    if (isGlobal(network)) warn('inside-covers-global', 'hint', null, { network: network.text })
  if (plan.container === 'bridge') warn('container-bridge', 'problem')
  return warnings
}

/** The internet routes it: rightly so for an office with addresses of its own, which is worth a second look. */
function isGlobal({ octets, prefixBits }: Network): boolean {
  const [a = 0, b = 0] = octets
  if (octets.length === 16) return a >= 0x20 && a <= 0x3f // 2000::/3
  if (prefixBits === 0) return true
  const special =
    a === 10 ||
    a === 127 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b < 128)
  return !special
}
