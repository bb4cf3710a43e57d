/** This host, as the exposure plan asks for it. */
import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import {
  LOOPBACK_NETWORKS,
  networkAround,
  networksContain,
  parseIp,
  parseNetwork,
  PRIVATE_NETWORKS,
} from '../model/network.ts'
import type { ServiceName } from '../model/service.ts'
import type { HostAddress, HostFacts, PlanWarning } from '../exposure/contract.ts'
import { defaultGateways } from '../net/gateways.ts'

export type Machine = {
  readonly interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>
  /** Each as a network of one address. */
  readonly gateways: readonly { readonly text: string }[]
  readonly readFile: (path: string) => string
  readonly exists: (path: string) => boolean
}

const thisMachine = (): Machine => ({
  interfaces: networkInterfaces(),
  gateways: defaultGateways(),
  readFile(path) {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  },
  exists: existsSync,
})

export function hostFacts(machine: Machine = thisMachine()): HostFacts {
  const addresses = Object.entries(machine.interfaces).flatMap(([name, list]) =>
    isOfContainers(name)
      ? []
      : (list ?? []).filter(({ internal }) => !internal).map((info): HostAddress => describe(name, info)),
  )
  return {
    addresses,
    gateways: machine.gateways.map(({ text }) => text.replace(/\/\d+$/, '')),
    container: containerOf(machine),
  }
}

/** Bridges that Docker, podman and libvirt make: no neighbour is reached by their addresses. */
const isOfContainers = (name: string): boolean => /^(docker|br-|virbr|podman|veth|cni|flannel|cali)/.test(name)

function describe(name: string, { address, family, cidr }: NetworkInterfaceInfo): HostAddress {
  const bits = Number(cidr?.split('/')[1] ?? (family === 'IPv4' ? 32 : 128))
  const octets = parseIp(address)
  return {
    address: address.split('%', 1)[0]!,
    family: family === 'IPv4' ? 4 : 6,
    interface: name,
    network: octets === null ? `${address}/${bits}` : networkAround(octets, bits).text,
    scope: scopeOf(address),
  }
}

const known = (...texts: string[]) =>
  texts.map((text) => parseNetwork(text)).flatMap((each) => (each.ok ? [each.value] : []))
const LINK = known('169.254.0.0/16', 'fe80::/10')
/** RFC 6598: between providers' NAT and their customers. */
const SHARED = known('100.64.0.0/10')

function scopeOf(address: string): HostAddress['scope'] {
  if (networksContain(LINK, address)) return 'link'
  if (networksContain(SHARED, address)) return 'shared'
  return networksContain(PRIVATE_NETWORKS, address) ? 'private' : 'global'
}

const WILDCARDS: readonly string[] = ['0.0.0.0', '::']

/**
 * Addresses to listen on that no interface of this host has. A server with another one left starts all the same, so it is
 * a warning here; `serve` tells when none is left.
 */
export function addressesMissing(
  services: readonly {
    readonly service: ServiceName
    readonly enabled: boolean
    readonly addresses: readonly string[]
  }[],
  interfaces: Machine['interfaces'] = networkInterfaces(),
): PlanWarning[] {
  const own = new Set(
    Object.values(interfaces).flatMap((list) => (list ?? []).map(({ address }) => octetsText(address))),
  )
  const missing = services
    .filter(({ enabled }) => enabled)
    .flatMap(({ service, addresses }) =>
      addresses
        .filter((address) => !WILDCARDS.includes(address) && !networksContain(LOOPBACK_NETWORKS, address))
        .filter((address) => !own.has(octetsText(address)))
        .map((address) => ({ service, address })),
    )
  // One address that all share is one mistake.
  const byAddress = Map.groupBy(missing, ({ address }) => address)
  return [...byAddress].map(([address, each]): PlanWarning => {
    const names = each.map(({ service }) => service)
    const [only] = names
    return {
      id: 'address-missing',
      severity: 'problem',
      service: names.length === 1 && only !== undefined ? only : null,
      facts: { address, service: names.join(', ') },
    }
  })
}

/** IPv6 is written in many ways. */
const octetsText = (address: string): string => parseIp(address.split('%', 1)[0]!)?.join('.') ?? address

/** In a container with an interface of its own, made as a pair (`eth0@if7`), the host's firewall sees forwarded packets. */
function containerOf({ readFile, exists, interfaces }: Machine): HostFacts['container'] {
  const inside =
    exists('/.dockerenv') ||
    exists('/run/.containerenv') ||
    /docker|containerd|libpod|kubepods/.test(readFile('/proc/1/cgroup'))
  if (!inside) return 'none'
  const names = Object.keys(interfaces).filter((name) => name !== 'lo')
  const paired = names.some((name) => {
    const [own, peer] = ['ifindex', 'iflink'].map((file) => readFile(`/sys/class/net/${name}/${file}`).trim())
    return own !== '' && peer !== '' && own !== peer
  })
  return paired ? 'bridge' : 'host'
}
