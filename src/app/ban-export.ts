/** Bans for a firewall in front: text to load, the same however often it is loaded. Each ends there by itself too. */
import { parseNetwork } from '../model/network.ts'
import { SECOND } from '../std/clock.ts'
import type { Ban } from '../core/contract.ts'

export const BAN_FORMATS = ['nft', 'routeros', 'list'] as const
export type BanFormat = (typeof BAN_FORMATS)[number]

type Entry = {
  readonly network: string
  readonly seconds: number
  readonly isV6: boolean
  readonly bits: number
  readonly octets: Uint8Array
}

/** Of each network the ban that lasts longest; a firewall's set knows no ports. Networks inside others go with them. */
function entriesOf(bans: readonly Ban[], now: number): readonly Entry[] {
  const entries = new Map<string, Entry>()
  for (const { network, until } of bans) {
    const parsed = parseNetwork(network)
    const seconds = Math.ceil((until - now) / SECOND)
    if (!parsed.ok || seconds <= 0 || (entries.get(network)?.seconds ?? 0) >= seconds) continue
    const { octets, prefixBits } = parsed.value
    entries.set(network, { network, seconds, isV6: octets.length === 16, bits: prefixBits, octets })
  }
  return [...entries.values()].toSorted((a, b) => a.network.localeCompare(b.network))
}

const covers = (wide: Entry, narrow: Entry): boolean => {
  if (wide === narrow || wide.isV6 !== narrow.isV6 || wide.bits >= narrow.bits) return false
  for (let bit = 0; bit < wide.bits; bit++) {
    const mask = 0x80 >> (bit & 7)
    if ((wide.octets[bit >> 3]! & mask) !== (narrow.octets[bit >> 3]! & mask)) return false
  }
  return true
}

/** Sets with intervals refuse what overlaps. */
function withoutOverlaps(entries: readonly Entry[]): readonly Entry[] {
  const wide = entries.filter(({ isV6, bits }) => bits < (isV6 ? 64 : 32))
  return entries.filter((entry) => !wide.some((one) => covers(one, entry)))
}

/** One transaction of `nft -f`: sets are made if need be and filled anew; chains and other tables are not touched. */
function nft(entries: readonly Entry[]): string {
  const disjoint = withoutOverlaps(entries)
  const lines = ['add table inet gavan']
  for (const [name, type, isV6] of [
    ['banned4', 'ipv4_addr', false],
    ['banned6', 'ipv6_addr', true],
  ] as const) {
    lines.push(`add set inet gavan ${name} { type ${type}; flags interval, timeout; }`, `flush set inet gavan ${name}`)
    const elements = disjoint.filter((entry) => entry.isV6 === isV6)
    if (elements.length === 0) continue
    const texts = elements.map(({ network, seconds }) => `${network} timeout ${seconds}s`)
    lines.push(`add element inet gavan ${name} { ${texts.join(', ')} }`)
  }
  return `${lines.join('\n')}\n`
}

/** A script for `/import`: takes away what an earlier one added, by list and comment, and adds what holds now. */
function routeros(entries: readonly Entry[]): string {
  const lines: string[] = []
  for (const [family, isV6] of [
    ['ip', false],
    ['ipv6', true],
  ] as const) {
    lines.push(`/${family} firewall address-list remove [find where list=gavan-banned comment=gavan]`)
    for (const entry of entries) {
      if (entry.isV6 !== isV6) continue
      lines.push(
        `/${family} firewall address-list add list=gavan-banned address=${entry.network} timeout=${entry.seconds}s comment=gavan`,
      )
    }
  }
  return `${lines.join('\n')}\n`
}

/** @param now epoch milliseconds */
export function exportBans(bans: readonly Ban[], format: BanFormat, now: number): string {
  const entries = entriesOf(bans, now)
  switch (format) {
    case 'nft':
      return nft(entries)
    case 'routeros':
      return routeros(entries)
    case 'list':
      return entries.map(({ network }) => `${network}\n`).join('')
  }
}
