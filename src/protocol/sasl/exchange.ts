/** A SASL exchange from the server's side, as questions to whoever runs it. Nothing here reads, waits or looks up. */
import { assert } from '../../std/assert.ts'
import type { Secret } from '../../std/secret.ts'

/** RFC 5802 §3, base64. */
export type ScramKeyMaterial = {
  readonly salt: string
  readonly iterations: number
  readonly storedKey: string
  readonly serverKey: string
}

export type SaslQuestion =
  /** Send the challenge; the answer is the client's response. */
  | { readonly ask: 'response'; readonly challenge: Buffer }
  /** The answer is the keys of that login. */
  | { readonly ask: 'keys'; readonly login: string }

export type SaslAnswer = Buffer | ScramKeyMaterial

export type SaslEnd =
  /** Whether the password is right remains to be asked. */
  | { readonly at: 'password'; readonly login: string; readonly password: Secret }
  | { readonly at: 'proof'; readonly login: string; readonly right: boolean }
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
  assert(!Buffer.isBuffer(answer), 'SCRAM keys were asked for')
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
