/** The grammar of DMARC records (RFC 9989 §4.7; RFC 7489 §6.3). */
import { DMARC_REPORT_ADDRESSES_MAX } from '../../model/limits.ts'
import type { DmarcPolicy, DmarcPublished } from '../contract.ts'

export type DmarcRecord = DmarcPublished & {
  /** `y`: of a public suffix; `n`: of an organization; `u`: not said. */
  readonly psd: 'y' | 'n' | 'u'
}

/** RFC 9989 §4.7: the version comes first, and exactly so. */
export const isDmarcRecord = (text: string): boolean => /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text)

/** @returns null where there is none that counts: no policy and nowhere to report to, or a list of tags that is none */
export function parseDmarcRecord(text: string): DmarcRecord | null {
  if (!isDmarcRecord(text)) return null
  const tags = new Map<string, string>()
  for (const spec of text.split(';')) {
    const parts = /^\s*([a-z]+)\s*=\s*(.*?)\s*$/i.exec(spec)
    if (parts === null) {
      if (spec.trim() === '') continue
      return null
    }
    const [, name = '', value = ''] = parts
    if (!tags.has(name.toLowerCase())) tags.set(name.toLowerCase(), value)
  }
  const rua = mailtoAddresses(tags.get('rua') ?? '')
  const p = policyOf(tags.get('p'))
  // RFC 9989 §4.7: without a policy that is one, a record with rua is as p=none, another is none.
  if (p === null && rua.length === 0) return null
  const mode = (tag: string): 'r' | 's' => (tags.get(tag)?.toLowerCase() === 's' ? 's' : 'r')
  const psd = tags.get('psd')?.toLowerCase()
  return {
    p: p ?? 'none',
    sp: policyOf(tags.get('sp')),
    np: policyOf(tags.get('np')),
    adkim: mode('adkim'),
    aspf: mode('aspf'),
    testing: tags.get('t')?.toLowerCase() === 'y',
    rua,
    psd: psd === 'y' || psd === 'n' ? psd : 'u',
  }
}

function policyOf(text: string | undefined): DmarcPolicy | null {
  const policy = text?.toLowerCase()
  return policy === 'none' || policy === 'quarantine' || policy === 'reject' ? policy : null
}

/** RFC 9989 §4.7; a size after `!` (RFC 7489 §6.2) is left aside. */
function mailtoAddresses(text: string): string[] {
  return text
    .split(',')
    .map((uri) => /^\s*mailto:([^!\s?]+)(?:![\da-z]*)?\s*$/i.exec(uri)?.[1] ?? '')
    .filter((address) => address.includes('@'))
    .slice(0, DMARC_REPORT_ADDRESSES_MAX)
}
