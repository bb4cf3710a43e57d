/** JSON Web Tokens (RFC 7519) as an issuer signs them (RFC 7515), and its keys (RFC 7517). */
import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto'
import { OAUTH_TOKEN_MAX_OCTETS } from '../../../model/limits.ts'

export type Jwt = {
  readonly algorithm: Algorithm
  readonly keyId: string | null
  readonly claims: Readonly<Record<string, unknown>>
  /** What the signature is over. */
  readonly signed: Buffer
  readonly signature: Buffer
}

type Rule = {
  readonly keyType: 'rsa' | 'ec' | 'ed25519'
  readonly hash: 'sha256' | 'sha384' | 'sha512' | null
  readonly curve?: string
  readonly pss?: true
}

/** RFC 7518 §3.1, RFC 8037 §3.1. What is not here is refused: `none`, and what is signed with a secret that we would share. */
const ALGORITHMS = {
  RS256: { keyType: 'rsa', hash: 'sha256' },
  RS384: { keyType: 'rsa', hash: 'sha384' },
  RS512: { keyType: 'rsa', hash: 'sha512' },
  PS256: { keyType: 'rsa', hash: 'sha256', pss: true },
  PS384: { keyType: 'rsa', hash: 'sha384', pss: true },
  PS512: { keyType: 'rsa', hash: 'sha512', pss: true },
  ES256: { keyType: 'ec', hash: 'sha256', curve: 'prime256v1' },
  ES384: { keyType: 'ec', hash: 'sha384', curve: 'secp384r1' },
  ES512: { keyType: 'ec', hash: 'sha512', curve: 'secp521r1' },
  EdDSA: { keyType: 'ed25519', hash: null },
} as const satisfies Record<string, Rule>

type Algorithm = keyof typeof ALGORITHMS
const isAlgorithm = (name: unknown): name is Algorithm => typeof name === 'string' && Object.hasOwn(ALGORITHMS, name)

const BASE64URL = /^[A-Za-z0-9_-]*$/

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function parseJson(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

const readPart = (part: string): Record<string, unknown> | null =>
  BASE64URL.test(part) ? parseJson(Buffer.from(part, 'base64url').toString('utf8')) : null

/** Nothing is believed yet. @returns why it is none, as text */
export function parseJwt(text: string): Jwt | string {
  if (text.length > OAUTH_TOKEN_MAX_OCTETS) return 'the token is too long'
  const [head = '', body = '', signature = '', ...rest] = text.split('.')
  if (rest.length > 0 || signature === '' || !BASE64URL.test(signature)) return 'the token is no signed JWT'
  const header = readPart(head)
  const claims = readPart(body)
  if (header === null || claims === null) return 'the token is no JWT'
  const { alg, kid, crit } = header
  if (!isAlgorithm(alg)) return 'the token is signed by an algorithm that is not taken'
  if (crit !== undefined) return 'the token wants an extension' // RFC 7515 §4.1.11.
  return {
    algorithm: alg,
    keyId: typeof kid === 'string' ? kid : null,
    claims,
    signed: Buffer.from(`${head}.${body}`),
    signature: Buffer.from(signature, 'base64url'),
  }
}

export type IssuerKey = { readonly keyId: string | null; readonly algorithm: string | null; readonly key: KeyObject }

/** RFC 7518 §3.3: at least 2048. */
const RSA_MIN_BITS = 2048

/** The keys of a JWK set that signatures may be of; others are passed over (RFC 7517 §5). @returns null when it is no set */
export function readKeySet(set: Readonly<Record<string, unknown>>, keysMax: number): IssuerKey[] | null {
  const { keys } = set
  if (!Array.isArray(keys)) return null
  return keys.slice(0, keysMax).flatMap((jwk: unknown) => readKey(jwk) ?? [])
}

function readKey(jwk: unknown): IssuerKey | null {
  if (!isRecord(jwk) || (jwk['use'] ?? 'sig') !== 'sig' || jwk['kty'] === 'oct') return null
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_MIN_BITS) return null
    const { kid, alg } = jwk
    return { keyId: typeof kid === 'string' ? kid : null, algorithm: typeof alg === 'string' ? alg : null, key }
  } catch {
    return null
  }
}

/** Those that may have signed it: by the name it gives, else by their kind. */
export function candidates({ keyId, algorithm }: Jwt, keys: readonly IssuerKey[]): IssuerKey[] {
  const rule: Rule = ALGORITHMS[algorithm]
  return keys.filter(
    (each) =>
      (keyId === null || each.keyId === keyId) &&
      (each.algorithm === null || each.algorithm === algorithm) &&
      each.key.asymmetricKeyType === rule.keyType &&
      (rule.curve === undefined || each.key.asymmetricKeyDetails?.namedCurve === rule.curve),
  )
}

/** @param key of `candidates` */
export function isSignedBy({ algorithm, signed, signature }: Jwt, { key }: IssuerKey): boolean {
  const { hash, pss }: Rule = ALGORITHMS[algorithm]
  const how =
    pss === true
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { dsaEncoding: 'ieee-p1363' as const } // RFC 7518 §3.4: R and S side by side.
  try {
    return verify(hash, signed, { key, ...how }, signature)
  } catch {
    return false
  }
}
