/** Keys as domains publish them (RFC 6376 §3.6.1, RFC 8463 §4). */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { DKIM_KEYS_KEPT_MAX, DKIM_RSA_BITS_MAX, DKIM_RSA_BITS_MIN } from '../../model/limits.ts'
import { base64Of, colonList, parseTags } from './tags.ts'

export type DkimKey = {
  readonly kind: 'rsa' | 'ed25519'
  readonly key: KeyObject
  /** t=y: the domain tries it out. */
  readonly testing: boolean
  /** t=s: the identity must be of the domain itself. */
  readonly strict: boolean
}

type KeyProblem = { readonly at: 'unfit' | 'weak'; readonly why: string }

/** DER of SubjectPublicKeyInfo, up to the 32 octets of an Ed25519 key (RFC 8410 §4). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const ED25519_OCTETS = 32

/** Reading a key costs more than using it: those last used are kept. */
export function createKeyReader(): (record: string) => DkimKey | KeyProblem {
  const kept = new Map<string, DkimKey | KeyProblem>()
  return (record) => {
    const known = kept.get(record)
    const key = known ?? parseDkimKey(record)
    kept.delete(record)
    kept.set(record, key)
    if (kept.size > DKIM_KEYS_KEPT_MAX) kept.delete(kept.keys().next().value ?? '')
    return key
  }
}

export function parseDkimKey(record: string): DkimKey | KeyProblem {
  const tags = parseTags(record)
  if (tags === null) return unfit('the key record cannot be read')
  const version = tags.get('v')
  if (version !== undefined && (version !== 'DKIM1' || tags.keys().next().value !== 'v'))
    return unfit('the key record is of another version')
  if (!colonList(tags.get('h') ?? 'sha256').includes('sha256')) return unfit('the key is not for sha256')
  const services = colonList(tags.get('s') ?? '*')
  if (!services.includes('*') && !services.includes('email')) return unfit('the key is not for mail')
  const published = tags.get('p')
  if (published === undefined) return unfit('the key record has no key')
  if (published === '') return unfit('the key is revoked')
  const octets = base64Of(published)
  if (octets === null) return unfit('the key is no base64')
  const flags = colonList(tags.get('t') ?? '')
  const common = { testing: flags.includes('y'), strict: flags.includes('s') }
  const kind = (tags.get('k') ?? 'rsa').toLowerCase()
  if (kind === 'ed25519') {
    if (octets.length !== ED25519_OCTETS) return unfit('the key is no Ed25519 key')
    const key = createPublicKey({ key: Buffer.concat([ED25519_SPKI, octets]), format: 'der', type: 'spki' })
    return { kind, key, ...common }
  }
  if (kind !== 'rsa') return unfit(`keys of the kind ${kind.slice(0, 20)} are not known`)
  const key = rsaKey(octets)
  if (key === null) return unfit('the key is no RSA key')
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (bits < DKIM_RSA_BITS_MIN) return { at: 'weak', why: `the key has ${bits} bits only` } // RFC 8301 §3.2
  if (bits > DKIM_RSA_BITS_MAX) return unfit(`the key has ${bits} bits`)
  return { kind, key, ...common }
}

const unfit = (why: string): KeyProblem => ({ at: 'unfit', why })

function rsaKey(octets: Buffer): KeyObject | null {
  // Interop: RFC 6376 §3.6.1 says RSAPublicKey, its examples and everybody publish SubjectPublicKeyInfo.
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      const key = createPublicKey({ key: octets, format: 'der', type })
      if (key.asymmetricKeyType === 'rsa') return key
    } catch {
      // The other form, or none.
    }
  }
  return null
}
