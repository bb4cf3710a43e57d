/** One signature of a letter (RFC 6376 §6). */
import { DKIM_CLOCK_SKEW_MS } from '../../model/limits.ts'
import type { Asking, DkimResult } from '../contract.ts'
import type { RawField } from './canonical.ts'
import { isSigned, keyOf, signedOctets, valueOf, type BodyHashes } from './proof.ts'
import { parseSignature } from './signature.ts'

type Facts = { readonly fields: readonly RawField[]; readonly hashes: BodyHashes; readonly now: number }

export function* verifySignature(field: RawField, { fields, hashes, now }: Facts): Asking<DkimResult> {
  const signature = parseSignature(valueOf(field))
  if ('wrong' in signature) {
    const { tags, wrong } = signature
    const of = (tag: string): string => (tags.get(tag) ?? '').replace(/[^!-~]/g, '').slice(0, 255)
    const known = { domain: of('d').toLowerCase(), selector: of('s'), identity: of('i'), algorithm: of('a') }
    return { result: 'permerror', ...known, signature: of('b').slice(0, 8), why: wrong, testing: false }
  }
  const about = {
    domain: signature.domain,
    selector: signature.selector,
    identity: signature.identity,
    algorithm: signature.algorithm,
    signature: signature.signature.toString('base64').slice(0, 8), // RFC 6008 §4
    testing: false,
  }
  const outcome = (result: DkimResult['result'], why: string, testing = false): DkimResult => ({
    ...about,
    result,
    why,
    testing,
  })

  // Choice: what this server never believes is not a failure of the letter, and no proof (RFC 8301 §3.1, S8).
  if (signature.algorithm === 'rsa-sha1') return outcome('policy', 'SHA-1 proves nothing')
  if (signature.algorithm !== 'rsa-sha256' && signature.algorithm !== 'ed25519-sha256')
    return outcome('permerror', 'the algorithm is not known')
  const expires = signature.expiresAtSeconds
  if (expires !== null && expires * 1000 < now - DKIM_CLOCK_SKEW_MS) return outcome('fail', 'the signature has expired')
  const signedAt = signature.signedAtSeconds
  if (signedAt !== null && signedAt * 1000 > now + DKIM_CLOCK_SKEW_MS)
    return outcome('fail', 'the signature is of the future')
  const body = hashes[signature.body]!
  if (signature.octets !== null && signature.octets !== body.octets)
    return signature.octets < body.octets
      ? outcome('policy', 'a part of the body is not signed')
      : outcome('permerror', 'more is signed than there is')
  if (!body.hash.equals(signature.bodyHash)) return outcome('fail', 'the body was changed')

  const key = yield* keyOf(signature.domain, signature.selector)
  if ('why' in key) return outcome(key.at === 'weak' ? 'policy' : key.at, key.why)
  if (
    key.strict &&
    signature.identity.slice(signature.identity.lastIndexOf('@') + 1).toLowerCase() !== signature.domain
  )
    return outcome('permerror', 'the key is for the domain itself, not for one below it')
  if (!signature.algorithm.startsWith(key.kind)) return outcome('permerror', 'the key is of another kind')
  const good = isSigned(signedOctets(field, signature, fields), signature.signature, key)
  return good ? outcome('pass', 'signed', key.testing) : outcome('fail', 'the header was changed', key.testing)
}
