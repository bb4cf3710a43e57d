/** The grammar of DMARC records (RFC 9989 §4.7; RFC 7489 §6.3). */
import { DMARC_REPORT_ADDRESSES_MAX } from '../../model/limits.ts'
import type { DmarcPolicy, DmarcPublished } from '../contract.ts'

export type DmarcRecord = DmarcPublished & {
  /** `y`: of a public suffix; `n`: of an organization; `u`: not said. */
  readonly psd: 'y' | 'n' | 'u'
  /** False: it stands where it stands, and asks for nothing. */
  readonly counts: boolean
}

/** RFC 9989 §4.7: the version comes first, and exactly so. */
export const isDmarcRecord = (text: string): boolean => /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text)

/** @returns null where it is no record of DMARC. What cannot be read in it is as if it were not there. */
export function parseDmarcRecord(text: string): DmarcRecord | null {
  if (!isDmarcRecord(text)) return null
  const tags = new Map<string, string>()
  for (const spec of text.split(';')) {
    const equals = spec.indexOf('=')
    if (equals === -1) continue
    const name = spec.slice(0, equals).trim().toLowerCase()
    if (!tags.has(name)) tags.set(name, spec.slice(equals + 1).trim())
  }
  const rua = mailtoAddresses(tags.get('rua') ?? '')
  const p = policyOf(tags.get('p'))
  const sp = policyOf(tags.get('sp'))
  const np = policyOf(tags.get('np'))
  // RFC 9989 §4.10.1: with a policy that is none, a record with rua is as p=none, another asks for nothing.
  const valid = p !== null && (sp !== null || !tags.has('sp')) && (np !== null || !tags.has('np'))
  const mode = (tag: string): 'r' | 's' => (tags.get(tag)?.toLowerCase() === 's' ? 's' : 'r')
  const psd = tags.get('psd')?.toLowerCase()
  return {
    p: valid ? p : 'none',
    sp: valid ? sp : null,
    np: valid ? np : null,
    counts: valid || rua.length > 0,
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
