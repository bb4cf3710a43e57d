/** Lists of addresses by DNS (RFC 5782). */
import type { DnsAnswer, DnsRecords, DnsType } from '../../model/dns.ts'
import { DNSBL_POINTS } from '../../model/limits.ts'
import { parseIp } from '../../model/network.ts'
import type { DnsQuestion } from '../../mailauth/contract.ts'
import { reverseName } from '../../mailauth/spf/check.ts'
import type { Finding } from './contract.ts'

export type DnsblAnswer =
  | { readonly at: 'listed'; readonly finding: Finding }
  | { readonly at: 'not-listed' }
  /** The list does not answer us: too many questions, or an open resolver. It says nothing of the address. */
  | { readonly at: 'refused'; readonly code: string }
  /** The list says yes to everything, as many do that were given up or sold. */
  | { readonly at: 'dead' }
  | { readonly at: 'failed' }

/** RFC 5782 §5: 127.0.0.1 may not be listed. Asked only where somebody is; the resolver remembers the answer. */
async function listsEverything(zone: string, answer: Parameters<typeof askDnsbl>[2]): Promise<boolean> {
  const found = await answer({ name: `1.0.0.127.${zone}`, type: 'A' })
  return found.at === 'found'
}

/** @param zone e.g. `zen.spamhaus.example` */
export async function askDnsbl(
  zone: string,
  address: string,
  answer: (question: DnsQuestion) => Promise<DnsAnswer<DnsRecords[DnsType]>>,
): Promise<DnsblAnswer> {
  const octets = parseIp(address)
  if (octets === null) return { at: 'not-listed' }
  const name = `${reverseName(octets).replace(/\.(?:in-addr|ip6)\.arpa$/, '')}.${zone}` // RFC 5782 §2.1, §2.4
  const found = await answer({ name, type: 'A' })
  if (found.at === 'failed') return { at: 'failed' }
  if (found.at !== 'found') return { at: 'not-listed' }
  const codes = found.records.map(String)
  // Interop: lists answer 127.255.255.x to those they do not serve.
  const refused = codes.find((code) => code.startsWith('127.255.255.'))
  if (refused !== undefined) return { at: 'refused', code: refused }
  // RFC 5782 §2.1: only 127.0.0.0/8 means listed; a dead zone that was sold answers with anything.
  const listed = codes.filter((code) => code.startsWith('127.') && code !== '127.0.0.1')
  if (listed.length === 0) return { at: 'not-listed' }
  if (await listsEverything(zone, answer)) return { at: 'dead' }
  const says = `${address} is listed at ${zone} (${listed.slice(0, 4).join(', ')})`
  return { at: 'listed', finding: { by: 'dnsbl', points: DNSBL_POINTS, says } }
}
