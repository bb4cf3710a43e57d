/**
 * The chain of those who have handled a letter (RFC 8617 §5.2), for information.
 * Choice: nothing is sealed here, and no verdict hangs on a chain: whoever has sealed it is a stranger too, and the IETF lets
 * ARC go.
 */
import { ARC_SETS_MAX } from '../../model/limits.ts'
import type { ArcResult, Asking } from '../contract.ts'
import { canonicalField, type RawField } from '../dkim/canonical.ts'
import { parseSignature } from '../dkim/signature.ts'
import { base64Of, parseTags } from '../dkim/tags.ts'
import { isSigned, keyOf, signedOctets, valueOf, type BodyHashes } from '../dkim/proof.ts'

type Names = 'arc-seal' | 'arc-message-signature' | 'arc-authentication-results'
type ArcSet = Record<Names, RawField>

const NAMES: readonly Names[] = ['arc-authentication-results', 'arc-message-signature', 'arc-seal']
const isArc = (name: string): name is Names => (NAMES as readonly string[]).includes(name)

export function* verifyArc(fields: readonly RawField[], hashes: BodyHashes): Asking<ArcResult> {
  const found = setsOf(fields)
  if (found === null) return { result: 'none', instance: 0, domain: '', why: 'no ARC fields' }
  if ('wrong' in found) return { result: 'fail', instance: 0, domain: '', why: found.wrong }
  const { sets } = found
  const newest = sets.at(-1)!
  const instance = sets.length
  const seals = sets.map((set) => parseTags(valueOf(set['arc-seal'])))
  const domain = (seals.at(-1)?.get('d') ?? '').toLowerCase()
  const fail = (why: string): ArcResult => ({ result: 'fail', instance, domain, why })

  for (const [index, tags] of seals.entries()) {
    if (tags === null || tags.has('h')) return fail('a seal cannot be read') // RFC 8617 §4.1.3
    if (tags.get('cv') !== (index === 0 ? 'none' : 'pass')) return fail('the chain was broken before') // §5.2 step 3
  }
  const field = newest['arc-message-signature']
  const signature = parseSignature(valueOf(field), { arc: true })
  if ('wrong' in signature) return fail(signature.wrong)
  const body = hashes[signature.body]
  if (body === undefined || !body.hash.equals(signature.bodyHash)) return fail('the body was changed')
  const key = yield* keyOf(signature.domain, signature.selector)
  if ('why' in key) return fail(key.why)
  if (!isSigned(signedOctets(field, signature, fields), signature.signature, key)) return fail('the header was changed')

  for (const [index, tags] of seals.entries()) {
    const seal = base64Of(tags?.get('b') ?? '')
    const sealKey = yield* keyOf((tags?.get('d') ?? '').toLowerCase(), (tags?.get('s') ?? '').toLowerCase())
    if ('why' in sealKey) return fail(sealKey.why)
    if (seal === null || !isSigned(sealedOctets(sets.slice(0, index + 1)), seal, sealKey))
      return fail(`the seal ${index + 1} is not good`)
  }
  return { result: 'pass', instance, domain, why: `sealed by ${domain}` }
}

/** RFC 8617 §5.1.1: all sets in order, the last seal without its b=, in relaxed form. */
function sealedOctets(sets: readonly ArcSet[]): Buffer {
  const lines: string[] = []
  for (const [index, set] of sets.entries()) {
    for (const name of NAMES) {
      const last = index === sets.length - 1 && name === 'arc-seal'
      const { raw } = set[name]
      const plain = last ? raw.replace(/((?:^[^:]*:|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*/i, '$1') : raw
      lines.push(canonicalField({ name, raw: plain }, 'relaxed'))
    }
  }
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

/** One field of each kind for each instance from 1 on (RFC 8617 §5.2 step 2). */
function setsOf(fields: readonly RawField[]): { readonly sets: readonly ArcSet[] } | { readonly wrong: string } | null {
  const byInstance = new Map<number, Partial<ArcSet>>()
  for (const field of fields) {
    if (!isArc(field.name)) continue
    const instance =
      Number(/^\s*i\s*=\s*(\d{1,3})\s*;/.exec(valueOf(field))?.[1] ?? 0) ||
      Number(parseTags(valueOf(field))?.get('i') ?? 0)
    if (!(instance >= 1 && instance <= ARC_SETS_MAX)) return { wrong: 'an instance is none' }
    const set = byInstance.get(instance) ?? {}
    if (set[field.name] !== undefined) return { wrong: `two fields of instance ${instance}` }
    byInstance.set(instance, { ...set, [field.name]: field })
  }
  if (byInstance.size === 0) return null
  const sets: ArcSet[] = []
  for (let instance = 1; instance <= byInstance.size; instance++) {
    const set = byInstance.get(instance)
    const seal = set?.['arc-seal']
    const message = set?.['arc-message-signature']
    const results = set?.['arc-authentication-results']
    if (seal === undefined || message === undefined || results === undefined)
      return { wrong: `the set ${instance} is not whole` }
    sets.push({ 'arc-seal': seal, 'arc-message-signature': message, 'arc-authentication-results': results })
  }
  return { sets }
}
