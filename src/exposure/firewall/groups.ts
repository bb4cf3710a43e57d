/** The plan as firewalls see it: which ports are open to all, which to some networks, which to nobody; and what a router hands on. */
import { networksContain } from '../../model/network.ts'
import type { ServiceName } from '../../model/service.ts'
import type { ExposurePlan, PlanRow } from '../contract.ts'
import { commonBits, isOutside, isRoutable, networkOf, tidyNetworks } from './networks.ts'

export type PortOf = { readonly service: ServiceName; readonly port: number; readonly standardPort: number }
export type InsideGroup = {
  readonly ports: readonly PortOf[]
  readonly v4: readonly string[]
  readonly v6: readonly string[]
}
export type PortGroups = {
  readonly outside: readonly PortOf[]
  /** One for each set of networks. */
  readonly inside: readonly InsideGroup[]
  /** All of those in `inside`, and those for this host alone. */
  readonly shut: readonly PortOf[]
}

/** Ports that are off belong to others, and so do the addresses that a listener on loopback leaves free. */
export function groupsOf({ rows }: Pick<ExposurePlan, 'rows'>): PortGroups {
  const outside = rows.filter(({ opening }) => opening === 'outside').map(portOf)
  const groups = new Map<string, InsideGroup>()
  for (const row of rows.filter(({ opening }) => opening === 'inside')) {
    const [v4, v6] = [tidyNetworks(row.networks.v4), tidyNetworks(row.networks.v6)]
    const key = JSON.stringify([v4, v6])
    groups.set(key, { ports: [...(groups.get(key)?.ports ?? []), portOf(row)], v4, v6 })
  }
  const hostOnly = rows.filter(({ opening, reason }) => opening === 'loopback' && reason !== 'loopback-only')
  const inside = [...groups.values()]
  return { outside, inside, shut: [...inside.flatMap(({ ports }) => ports), ...hostOnly.map(portOf)] }
}

const portOf = ({ service, port, standardPort }: PlanRow): PortOf => ({ service, port, standardPort })

/** Ascending, each once. */
export const numbersOf = (ports: readonly PortOf[], which: 'port' | 'standardPort' = 'port'): readonly number[] =>
  [...new Set(ports.map((each) => each[which]))].toSorted((a, b) => a - b)

export const allPorts = ({ outside, shut }: PortGroups): readonly PortOf[] => [...outside, ...shut]

// Routers --------------------------------------------------------------------------------------------------------------

export type Forward = {
  readonly ports: readonly PortOf[]
  /** Only these come in; null: all. */
  readonly from: { readonly v4: readonly string[]; readonly v6: readonly string[] } | null
}

export type RouterView = {
  /** The router translates: IPv4 of a server without an address of its own. */
  readonly nat: boolean
  /** What IPv4 is handed on to; null: not known. */
  readonly server4: string | null
  /** One that the internet routes; null: none. */
  readonly server6: string | null
  readonly public4: string | null
  readonly forwards: readonly Forward[]
  /** Never from the internet, but for what `forwards` says. */
  readonly shut: readonly PortOf[]
  /** The networks around the server, for hairpin. */
  readonly around4: readonly string[]
}

/** RFC 1918: who comes by hairpin when the plan names no inner network. */
const PRIVATE4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']

export function routerViewOf(plan: ExposurePlan): RouterView {
  const { outside, inside, shut } = groupsOf(plan)
  // Routable, yet around the server: an office with addresses of its own.
  const around = [...plan.serverAddresses.v4, ...plan.serverAddresses.v6]
  const isAfar = (text: string): boolean =>
    isOutside(text) && !around.some((address) => networksContain([networkOf(text)], address))
  const fromAfar = inside
    .map(({ ports, v4, v6 }) => ({ ports, from: { v4: v4.filter(isAfar), v6: v6.filter(isAfar) } }))
    .filter(({ from }) => from.v4.length + from.v6.length > 0)
  const nat = plan.layout !== 'public'
  const around4 = tidyNetworks(plan.inside.v4).filter((network) => !isOutside(network))
  return {
    nat,
    server4: nat ? towardsGateway(plan) : (plan.publicAddresses.v4[0] ?? plan.serverAddresses.v4[0] ?? null),
    server6: [...plan.publicAddresses.v6, ...plan.serverAddresses.v6].find(isRoutable) ?? null,
    public4: plan.publicAddresses.v4[0] ?? null,
    forwards: [...(outside.length === 0 ? [] : [{ ports: outside, from: null }]), ...fromAfar],
    shut,
    around4: around4.length === 0 ? PRIVATE4 : around4,
  }
}

/** Of several addresses the one on the router's own network. */
function towardsGateway({ serverAddresses, gateways }: ExposurePlan): string | null {
  const near = (address: string): number => Math.max(0, ...gateways.map((gateway) => commonBits(address, gateway)))
  return serverAddresses.v4.toSorted((a, b) => near(b) - near(a))[0] ?? null
}
