/** What DKIM and ARC prove a letter with: keys, and the octets that were signed. */
import { createHash, verify as verifyOctets } from 'node:crypto'
import type { Asking } from '../contract.ts'
import { canonicalField, type Canonicalization, type RawField } from './canonical.ts'
import { createKeyReader, type DkimKey } from './key.ts'
import { withoutSignature, type Signature } from './signature.ts'

export type BodyHashes = Partial<Record<Canonicalization, { readonly hash: Buffer; readonly octets: number }>>

/** Keys are public, and the same for all letters. */
const readKey = createKeyReader()

export const valueOf = ({ raw }: RawField): string => raw.slice(raw.indexOf(':') + 1)

/** The key of a selector (RFC 6376 §6.1.2). */
export function* keyOf(
  domain: string,
  selector: string,
): Asking<DkimKey | { readonly at: 'temperror' | 'permerror' | 'weak'; readonly why: string }> {
  const name = `${selector}._domainkey.${domain}`
  const answer = yield { name, type: 'TXT' }
  if (answer.at === 'failed') return { at: 'temperror', why: `TXT of ${name}: ${answer.why}` }
  const records = answer.at === 'found' ? (answer.records as readonly string[]) : []
  // Interop: several records are not defined; the first that says it is a key, or the first.
  const record = records.find((text) => /^\s*v\s*=\s*DKIM1/.test(text)) ?? records[0]
  if (record === undefined) return { at: 'permerror', why: `there is no key at ${name}` }
  const key = readKey(record)
  if (!('why' in key)) return key
  return { at: key.at === 'weak' ? 'weak' : 'permerror', why: key.why }
}

export function isSigned(octets: Buffer, signature: Buffer, { kind, key }: DkimKey): boolean {
  // RFC 8463 §3: Ed25519 signs the hash.
  if (kind === 'ed25519') return verifyOctets(null, createHash('sha256').update(octets).digest(), key, signature)
  return verifyOctets('sha256', octets, key, signature)
}

/** RFC 6376 §3.7: the fields that were signed, from the last of a name upwards (§5.4.2), then the signature without b=. */
export function signedOctets(field: RawField, signature: Signature, fields: readonly RawField[]): Buffer {
  const left = new Map<string, RawField[]>()
  for (const each of fields) {
    const same = left.get(each.name)
    if (same === undefined) left.set(each.name, [each])
    else same.push(each)
  }
  const lines: string[] = []
  for (const name of signature.fields) {
    const next = left.get(name)?.pop()
    if (next !== undefined) lines.push(`${canonicalField(next, signature.header)}\r\n`)
  }
  lines.push(canonicalField({ name: field.name, raw: withoutSignature(field.raw) }, signature.header))
  return Buffer.from(lines.join(''), 'latin1')
}
