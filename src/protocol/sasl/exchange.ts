/** A SASL exchange from the server's side, as questions to whoever runs it. Nothing here reads, waits or looks up. */
import { assert } from '../../std/assert.ts'
import type { Secret } from '../../std/secret.ts'

/** RFC 5802 §3, base64. */
export type ScramKeyPair = { readonly storedKey: string; readonly serverKey: string }

/** Several passwords of one login that share salt and iterations: whose proof it is shows when it comes. */
export type ScramKeyMaterial = {
  readonly salt: string
  readonly iterations: number
  readonly pairs: readonly ScramKeyPair[]
}

export type SaslQuestion =
  /** Send the challenge; the answer is the client's response. */
  | { readonly ask: 'response'; readonly challenge: Buffer }
  /** The answer is the keys of that login. */
  | { readonly ask: 'keys'; readonly login: string }
  /** The answer is whether the bearer token is good. `login` as the client gave it; null: whoever the token names. */
  | { readonly ask: 'token'; readonly login: string | null; readonly token: Secret }

/** Whether a token is good; `error` goes to the client (RFC 7628 §3.2.2). */
export type TokenVerdict = { readonly good: true } | { readonly good: false; readonly error: OauthError }
export type OauthError = {
  readonly status: 'invalid_token' | 'insufficient_scope'
  readonly configuration: string | null
}

export type SaslAnswer = Buffer | ScramKeyMaterial | TokenVerdict

export type SaslEnd =
  /** Whether the password is right remains to be asked. */
  | { readonly at: 'password'; readonly login: string; readonly password: Secret }
  /** `pair`: which of the keys the proof is of; null: of none. */
  | { readonly at: 'proof'; readonly login: string; readonly pair: number | null }
  /** Who asked about the token knows how it went. */
  | { readonly at: 'token'; readonly good: boolean }
  /** By the certificate of the TLS handshake. `login`: as whom; null: as whom it says. */
  | { readonly at: 'external'; readonly login: string | null }
  /** Syntax, or a binding that cannot hold: nobody's password was tried. */
  | { readonly at: 'malformed'; readonly why: string }

export type SaslExchange = Generator<SaslQuestion, SaslEnd, SaslAnswer>

export function* askResponse(challenge: Buffer): Generator<SaslQuestion, Buffer, SaslAnswer> {
  const answer = yield { ask: 'response', challenge }
  assert(Buffer.isBuffer(answer), 'a SASL response was asked for')
  return answer
}

export function* askKeys(login: string): Generator<SaslQuestion, ScramKeyMaterial, SaslAnswer> {
  const answer = yield { ask: 'keys', login }
  assert('pairs' in answer, 'SCRAM keys were asked for')
  return answer
}

export function* askAboutToken(login: string | null, token: Secret): Generator<SaslQuestion, TokenVerdict, SaslAnswer> {
  const answer = yield { ask: 'token', login, token }
  assert('good' in answer, 'it was asked whether a token is good')
  return answer
}

export const malformed = (why: string): SaslEnd => ({ at: 'malformed', why })

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns null when it is not UTF-8 or holds a NUL */
export function readText(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}
