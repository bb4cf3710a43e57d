/** This host, as the exposure plan asks for it. */
import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { networkAround, networksContain, parseIp, parseNetwork, PRIVATE_NETWORKS } from '../model/network.ts'
import type { HostAddress, HostFacts } from '../exposure/contract.ts'
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
    address: address.replace(/%.*$/, ''),
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
