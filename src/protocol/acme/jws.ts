/** Signed requests of ACME: JWS with ES256 (RFC 8555 §6.2, RFC 7515, RFC 7518 §3.4). */
import { createHash, createHmac, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto'
import { assert } from '../../std/assert.ts'

type Jwk = { readonly crv: 'P-256'; readonly kty: 'EC'; readonly x: string; readonly y: string }

export type AccountKey = { readonly privateKey: KeyObject; readonly jwk: Jwk }

const base64url = (data: string | Uint8Array): string => Buffer.from(data).toString('base64url')

/** @param pem PKCS #8, P-256. @throws when it is none */
export function readAccountKey(pem: string): AccountKey {
  const privateKey = createPrivateKey(pem)
  const { crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  assert(crv === 'P-256' && x !== undefined && y !== undefined, 'the account key is not of P-256')
  return { privateKey, jwk: { crv: 'P-256', kty: 'EC', x, y } } // Members in order: RFC 7638 §3.
}

/** RFC 7638 §3. */
export function thumbprint({ jwk }: AccountKey): string {
  return createHash('sha256').update(JSON.stringify(jwk)).digest('base64url')
}

/** RFC 8555 §8.1. */
export const keyAuthorization = (token: string, key: AccountKey): string => `${token}.${thumbprint(key)}`

/** What the DNS record holds (RFC 8555 §8.4). */
export const dnsAnswer = (authorization: string): string =>
  createHash('sha256').update(authorization).digest('base64url')

/**
 * @param options.accountUrl null before there is an account: then the key itself is sent (RFC 8555 §6.2)
 * @param options.payload null: POST-as-GET (§6.3)
 */
export function signRequest(
  key: AccountKey,
  options: { url: string; nonce: string; accountUrl: string | null; payload: object | null },
): string {
  const { url, nonce, accountUrl, payload } = options
  const who = accountUrl === null ? { jwk: key.jwk } : { kid: accountUrl }
  const header = base64url(JSON.stringify({ alg: 'ES256', nonce, url, ...who }))
  const body = payload === null ? '' : base64url(JSON.stringify(payload))
  const signature = sign('sha256', Buffer.from(`${header}.${body}`), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363', // RFC 7518 §3.4
  })
  return JSON.stringify({ protected: header, payload: body, signature: base64url(signature) })
}

/** RFC 8555 §7.3.4: a CA's customer shows that the new account is theirs. @param options.key base64url, from the CA */
export function externalAccountBinding(
  key: AccountKey,
  options: { url: string; keyId: string; macKey: string },
): object {
  const header = base64url(JSON.stringify({ alg: 'HS256', kid: options.keyId, url: options.url }))
  const payload = base64url(JSON.stringify(key.jwk))
  const mac = createHmac('sha256', Buffer.from(options.macKey, 'base64url')).update(`${header}.${payload}`).digest()
  return { protected: header, payload, signature: base64url(mac) }
}
