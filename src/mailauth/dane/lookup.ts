/** Which TLSA records bind one mail host (RFC 7672 §2.2). The MX answer before it was secure. */
import type { DnsAnswer, TlsaRecord } from '../../model/dns.ts'
import type { Asking } from '../contract.ts'
import { isUsable } from './tlsa.ts'

/** What was asked for a host's addresses. */
export type HostAnswers = {
  readonly host: string
  readonly port: number
  readonly addresses: readonly DnsAnswer<string>[]
}

export type DaneBinding =
  /** Nothing that DNSSEC vouches for: other policies decide. */
  | { readonly at: 'none' }
  /** Only peers that match. `base`: where the records are (RFC 7672 §2.2.3). */
  | { readonly at: 'bound'; readonly base: string; readonly records: readonly TlsaRecord[] }
  /** Encrypted, by whoever (RFC 7672 §2.2). */
  | { readonly at: 'unusable'; readonly base: string; readonly records: readonly TlsaRecord[] }
  /** RFC 7672 §2.1.1: bogus or no answer; this host cannot be used now. */
  | { readonly at: 'failed'; readonly why: string }

export function* findDane({ host, port, addresses }: HostAnswers): Asking<DaneBinding> {
  const found = addresses.filter((answer) => answer.at === 'found')
  const canonical = found.find((answer) => answer.canonical !== undefined)?.canonical ?? host
  const secure = found.length > 0 && found.every(({ authenticated }) => authenticated)
  const bases = secure ? [...new Set([canonical, host])] : []
  if (!secure && canonical !== host) {
    // RFC 7672 §2.2.2: an alias that is signed itself may lead to what is not.
    const alias = yield { name: host, type: 'CNAME' }
    if (alias.at === 'failed') return { at: 'failed', why: `CNAME of ${host}: ${alias.why}` }
    if (alias.at === 'found' && alias.authenticated) bases.push(host)
  }
  for (const base of bases) {
    const answer = yield { name: `_${port}._tcp.${base}`, type: 'TLSA' }
    if (answer.at === 'failed') return { at: 'failed', why: `TLSA of _${port}._tcp.${base}: ${answer.why}` }
    if (answer.at !== 'found' || !answer.authenticated || answer.records.length === 0) continue
    const records = (answer.records as readonly TlsaRecord[]).slice(0, TLSA_RECORDS_MAX)
    const usable = records.filter(isUsable)
    return usable.length > 0 ? { at: 'bound', base, records: usable } : { at: 'unusable', base, records }
  }
  return { at: 'none' }
}

const TLSA_RECORDS_MAX = 32
