/** The DKIM-Signature field (RFC 6376 §3.5), and its like in ARC. */
import type { Canonicalization } from './canonical.ts'
import { base64Of, colonList, parseTags } from './tags.ts'

export type Signature = {
  readonly algorithm: string
  readonly signature: Buffer
  readonly bodyHash: Buffer
  readonly header: Canonicalization
  readonly body: Canonicalization
  /** Lower-case. */
  readonly domain: string
  readonly selector: string
  /** Signed fields, lower-case, in order. */
  readonly fields: readonly string[]
  /** i=, of DKIM an identity. */
  readonly identity: string
  /** l=; null: the whole body. */
  readonly octets: number | null
  readonly expiresAtSeconds: number | null
  readonly signedAtSeconds: number | null
}

const DOMAIN = /^(?=.{1,253}$)[a-z\d_](?:[a-z\d_-]*[a-z\d_])?(?:\.[a-z\d_](?:[a-z\d_-]*[a-z\d_])?)*$/

/**
 * @param value of the field
 * @param options.arc ARC-Message-Signature: no version, and i= is an instance (RFC 8617 §4.1.2)
 * @returns the signature; or what could be read, and what is wrong
 */
export function parseSignature(
  value: string,
  options: { arc: boolean } = { arc: false },
): Signature | { readonly wrong: string; readonly tags: ReadonlyMap<string, string> } {
  const tags = parseTags(value)
  if (tags === null) return { wrong: 'the signature is no list of tags', tags: new Map() }
  const wrong = (why: string): { wrong: string; tags: ReadonlyMap<string, string> } => ({ wrong: why, tags })
  if (!options.arc && tags.get('v') !== '1') return wrong('the signature is of another version')
  for (const tag of ['a', 'b', 'bh', 'd', 'h', 's']) if (!tags.has(tag)) return wrong(`the signature has no ${tag}=`)
  const signature = base64Of(tags.get('b')!)
  const bodyHash = base64Of(tags.get('bh')!)
  if (signature === null || bodyHash === null) return wrong('the signature is no base64')
  const forms = /^(simple|relaxed)(?:\/(simple|relaxed))?$/.exec((tags.get('c') ?? 'simple/simple').toLowerCase())
  if (forms === null) return wrong('the canonicalization is not known')
  const domain = tags.get('d')!.toLowerCase()
  const selector = tags.get('s')!.toLowerCase()
  if (!DOMAIN.test(domain) || !DOMAIN.test(selector)) return wrong('the domain or selector is none')
  const fields = colonList(tags.get('h')!.toLowerCase())
  if (fields.includes('')) return wrong('the list of fields is none')
  if (!fields.includes('from')) return wrong('From is not signed') // RFC 6376 §5.4
  const identity = tags.get('i') ?? `@${domain}`
  if (!options.arc) {
    const of = identity.slice(identity.lastIndexOf('@') + 1).toLowerCase()
    if (!identity.includes('@') || (of !== domain && !of.endsWith(`.${domain}`)))
      return wrong('the identity is of another domain')
    if (!colonList(tags.get('q') ?? 'dns/txt').includes('dns/txt')) return wrong('the key is not in DNS')
  }
  const [octets, expires, signed] = ['l', 'x', 't'].map((tag) => tags.get(tag))
  for (const number of [octets, expires, signed]) {
    if (number !== undefined && !/^\d{1,76}$/.test(number)) return wrong('a number is none')
  }
  const numberOf = (text: string | undefined): number | null => (text === undefined ? null : Number(text))
  if (numberOf(expires) !== null && numberOf(signed) !== null && Number(expires) < Number(signed))
    return wrong('the signature expires before it was made')
  return {
    algorithm: tags.get('a')!.toLowerCase(),
    signature,
    bodyHash,
    header: forms[1] as Canonicalization,
    body: (forms[2] ?? 'simple') as Canonicalization,
    domain,
    selector,
    fields,
    identity,
    octets: numberOf(octets),
    expiresAtSeconds: numberOf(expires),
    signedAtSeconds: numberOf(signed),
  }
}

/** RFC 6376 §3.7: the value of b= is left out as it is signed, and nothing else. */
export const withoutSignature = (raw: string): string =>
  raw.replace(/((?:^[^:]*:|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*/i, '$1')
