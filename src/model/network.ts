import { err, ok } from '../std/result.ts'
import type { Result } from '../std/result.ts'

/** A block of addresses. IPv4-mapped IPv6 counts as IPv4 everywhere. Plain data: it may cross threads. */
export type Network = {
  /** As it was written, or as CIDR: `192.168.0.0/16`. */
  readonly text: string
  /** 4 or 16 octets; the bits behind the prefix are 0. */
  readonly octets: Uint8Array
  readonly prefixBits: number
}

/** Parses CIDR (RFC 4632 §3.1, RFC 4291 §2.3) or a single address. @returns the network, or what is wrong; never throws */
export function parseNetwork(text: string): Result<Network, string> {
  const slash = text.indexOf('/')
  const octets = parseIp(slash === -1 ? text : text.slice(0, slash))
  if (octets === null) return err(`"${text}" is not an address or network`)
  const bits = octets.length * 8
  if (slash === -1) return ok({ text, octets, prefixBits: bits })
  const length = text.slice(slash + 1)
  const prefixBits = /^\d{1,3}$/.test(length) ? Number(length) : Infinity
  if (prefixBits > bits) return err(`"/${length}" is not a prefix length from 0 to ${bits}`)
  const masked = octets.map((octet, index) => octet & maskAt(prefixBits, index))
  if (masked.some((octet, index) => octet !== octets[index])) {
    return err(`"${text}" has bits set behind its prefix; the network is ${printIp(masked)}/${prefixBits}`)
  }
  return ok({ text, octets: masked, prefixBits })
}

/** Whether the address lies in one of the networks; false for what is no address. */
export function networksContain(networks: readonly Network[], address: string): boolean {
  const octets = parseIp(address)
  return octets !== null && networks.some((network) => contains(network, octets))
}

/** Whether the two have an address in common. */
export function networksOverlap(a: Network, b: Network): boolean {
  return a.prefixBits <= b.prefixBits ? contains(a, b.octets) : contains(b, a.octets)
}

/** As CIDR; one address alone without its prefix. IPv6 in full groups, so that one network has one text. */
export function printNetwork({ octets, prefixBits }: Network): string {
  return prefixBits === octets.length * 8 ? printIp(octets) : `${printIp(octets)}/${prefixBits}`
}

/** The network of so many bits that the address lies in. */
export function networkAround(octets: Uint8Array, prefixBits: number): Network {
  const masked = octets.map((octet, index) => octet & maskAt(prefixBits, index))
  const network = { text: '', octets: masked, prefixBits }
  return { ...network, text: printNetwork(network) }
}

function contains({ octets, prefixBits }: Network, address: Uint8Array): boolean {
  if (octets.length !== address.length) return false
  for (let index = 0; index * 8 < prefixBits; index++) {
    if (octets[index] !== ((address[index] ?? 0) & maskAt(prefixBits, index))) return false
  }
  return true
}

function maskAt(prefixBits: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixBits - index * 8))
  return (0xff << (8 - bits)) & 0xff
}

/** @returns 4 or 16 octets, network order; null when it is no address. A zone (`%eth0`) is left aside. */
export function parseIp(text: string): Uint8Array | null {
  if (text.length > 64) return null
  if (!text.includes(':')) return parseIpv4(text)
  const zone = text.indexOf('%')
  const octets = parseIpv6(zone === -1 ? text : text.slice(0, zone))
  return octets !== null && isMapped(octets) ? octets.slice(12) : octets
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return null
  return Uint8Array.from(parts, Number)
}

/** RFC 4291 §2.2. */
function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const head = groupsOf(halves[0] ?? '')
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '') : []
  if (head === null || tail === null) return null
  const given = head.length + tail.length
  if (halves.length === 2 ? given > 14 : given !== 16) return null
  const octets = new Uint8Array(16)
  octets.set(head)
  octets.set(tail, 16 - tail.length)
  return octets
}

/** Hexadecimal groups as octets; the last may be a dotted IPv4 address. */
function groupsOf(text: string): number[] | null {
  if (text === '') return []
  const octets: number[] = []
  const groups = text.split(':')
  for (const [index, group] of groups.entries()) {
    if (group.includes('.')) {
      const dotted = index === groups.length - 1 ? parseIpv4(group) : null
      if (dotted === null) return null
      octets.push(...dotted)
    } else {
      if (!/^[\da-f]{1,4}$/i.test(group)) return null
      const value = Number.parseInt(group, 16)
      octets.push(value >> 8, value & 0xff)
    }
  }
  return octets
}

/** RFC 4291 §2.5.5.2. */
function isMapped(octets: Uint8Array): boolean {
  return octets.every((octet, index) => index >= 12 || octet === (index >= 10 ? 0xff : 0))
}

/** IPv6 in full groups, without `::`. */
function printIp(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) groups.push((((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)).toString(16))
  return groups.join(':')
}

function known(...texts: string[]): readonly Network[] {
  return texts.map((text) => {
    const parsed = parseNetwork(text)
    if (!parsed.ok) throw new Error(parsed.error)
    return parsed.value
  })
}

export const LOOPBACK_NETWORKS = known('127.0.0.0/8', '::1/128')
/** RFC 1918, RFC 4193, and link-local addresses (RFC 3927, RFC 4291 §2.5.6). */
export const PRIVATE_NETWORKS = known(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
)
