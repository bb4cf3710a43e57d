/** Networks as firewalls want them: canonical text, none inside another. */
import { assert } from '../../std/assert.ts'
import { networksContain, networksOverlap, parseIp, parseNetwork, PRIVATE_NETWORKS } from '../../model/network.ts'
import type { Network } from '../../model/network.ts'

/** RFC 5952 §4, without a prefix where it is one address. */
export function printCidr({ octets, prefixBits }: Network): string {
  const address = octets.length === 4 ? octets.join('.') : printV6(octets)
  return prefixBits === octets.length * 8 ? address : `${address}/${prefixBits}`
}

/** Sets with intervals refuse what overlaps. */
export function tidyNetworks(texts: readonly string[]): readonly string[] {
  const networks = texts.map(networkOf)
  const wide = networks.filter(
    (one, at) =>
      !networks.some(
        (other, elsewhere) =>
          other.octets.length === one.octets.length &&
          networksOverlap(one, other) &&
          (other.prefixBits < one.prefixBits || (other.prefixBits === one.prefixBits && elsewhere < at)),
      ),
  )
  return wide.map(printCidr)
}

/** RFC 6598 is no one's own either, but no stranger comes from there. */
const NEVER_OUTSIDE = [...PRIVATE_NETWORKS, networkOf('100.64.0.0/10')]

/** Whether strangers' side is where it lies: a branch office with addresses of its own, seen through the internet. */
export const isOutside = (text: string): boolean =>
  !NEVER_OUTSIDE.some((known) => {
    const network = networkOf(text)
    const within = known.octets.length === network.octets.length && known.prefixBits <= network.prefixBits
    return within && networksOverlap(known, network)
  })

/** RFC 4291 §2.4: 2000::/3 is what the internet routes. */
export const isRoutable = (address: string): boolean => {
  const octets = parseIp(address)
  if (octets === null) return false
  return octets.length === 16 ? octets[0]! >> 5 === 1 : !networksContain(NEVER_OUTSIDE, address)
}

/** Bits that two addresses of one family begin with alike. */
export function commonBits(a: string, b: string): number {
  const [left, right] = [parseIp(a), parseIp(b)]
  if (left === null || right === null || left.length !== right.length) return 0
  for (let bit = 0; bit < left.length * 8; bit++) {
    const mask = 0x80 >> (bit & 7)
    if ((left[bit >> 3]! & mask) !== (right[bit >> 3]! & mask)) return bit
  }
  return left.length * 8
}

export function networkOf(text: string): Network {
  const parsed = parseNetwork(text)
  assert(parsed.ok, `a plan holds networks, and "${text}" is none`)
  return parsed.value
}

function printV6(octets: Uint8Array): string {
  const groups: number[] = []
  for (let at = 0; at < 16; at += 2) groups.push((octets[at]! << 8) | octets[at + 1]!)
  let best = { from: 0, length: 0 }
  for (let from = 0; from < 8; from++) {
    let length = 0
    while (from + length < 8 && groups[from + length] === 0) length += 1
    if (length > best.length) best = { from, length }
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  // RFC 5952 §4.2.2: one group of zeros alone is not shortened.
  if (best.length < 2) return hex(groups)
  return `${hex(groups.slice(0, best.from))}::${hex(groups.slice(best.from + best.length))}`
}
