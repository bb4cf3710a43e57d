/** What a domain publishes about its MTA-STS policy (RFC 8461 §3.1). */
import type { Asking } from '../contract.ts'

export type StsRecord =
  | { readonly at: 'found'; readonly id: string }
  | { readonly at: 'none' }
  /** DNS did not tell: a policy that is known goes on. */
  | { readonly at: 'failed'; readonly why: string }

export function* findStsRecord(domain: string): Asking<StsRecord> {
  const answer = yield { name: `_mta-sts.${domain}`, type: 'TXT' }
  if (answer.at === 'failed') return { at: 'failed', why: answer.why }
  if (answer.at !== 'found') return { at: 'none' }
  const records = (answer.records as readonly string[]).filter((text) => text.startsWith('v=STSv1;'))
  const id = records.length === 1 ? parseStsRecord(records[0]!) : null // RFC 8461 §3.1: not exactly one is none.
  return id === null ? { at: 'none' } : { at: 'found', id }
}

/** @returns the policy's id, or null when the record is none by RFC 8461 §3.1's grammar */
export function parseStsRecord(text: string): string | null {
  let id: string | null = null
  const [version, ...fields] = text.split(';')
  if (version !== 'v=STSv1') return null
  for (const [at, field] of fields.entries()) {
    const trimmed = field.replace(/^[ \t]+|[ \t]+$/g, '')
    if (trimmed === '' && at === fields.length - 1) continue
    const match = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)$/.exec(trimmed)
    if (match === null) return null
    if (match[1] !== 'id') continue
    if (id !== null || !/^[A-Za-z0-9]{1,32}$/.test(match[2]!)) return null
    id = match[2]!
  }
  return id
}
