/** What a token, or an answer about one, must say. */
import { SECOND } from '../../../std/clock.ts'
import { OAUTH_CLOCK_SKEW_MS } from '../../../model/limits.ts'
import type { TokenVerifier } from '../../contract.ts'

export type Wanted = {
  readonly issuer: string
  /** One of them must be among the token's. */
  readonly audiences: readonly string[]
  /** Which claim is the mail address. */
  readonly claim: string
  /** That it must grant; null: none. */
  readonly scope: string | null
}

type Claims = Readonly<Record<string, unknown>>
export type Verdict = Awaited<ReturnType<TokenVerifier['verify']>>

const no = (why: string): Verdict => ({ at: 'refused', status: 'invalid_token', why })

/** A NumericDate (RFC 7519 §2) in milliseconds; null when there is none. */
function dateOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value * SECOND : null
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value])

/** @param options.needsAudience false: who answered is the issuer itself, which knows us (RFC 7662 §2.2 has it optional) */
export function judge(
  claims: Claims,
  wanted: Wanted,
  { now, needsAudience }: { now: number; needsAudience: boolean },
): Verdict {
  const { iss, aud, exp, nbf, iat } = claims
  if (iss !== wanted.issuer && (needsAudience || iss !== undefined)) return no('it is of another issuer')
  const audiences = listOf(aud)
  const isForUs = wanted.audiences.some((audience) => audiences.includes(audience))
  if (!isForUs && (needsAudience || aud !== undefined)) return no('it is for another audience')
  const end = dateOf(exp)
  if (end === null && (needsAudience || exp !== undefined)) return no('it has no end')
  if (end !== null && now >= end + OAUTH_CLOCK_SKEW_MS) return no('it has expired')
  for (const begin of [nbf, iat]) {
    if (begin === undefined) continue
    const at = dateOf(begin)
    if (at === null || at > now + OAUTH_CLOCK_SKEW_MS) return no('it is not good yet')
  }
  if (wanted.scope !== null && !scopesOf(claims).includes(wanted.scope)) {
    return { at: 'refused', status: 'insufficient_scope', why: `it does not grant ${wanted.scope}` }
  }
  const address = claims[wanted.claim]
  if (typeof address !== 'string' || !address.includes('@')) return no(`its claim ${wanted.claim} is no address`)
  // OpenID Connect Core §5.1: an address that the issuer has not seen proven is whatever somebody typed.
  if (wanted.claim === 'email' && (claims['email_verified'] ?? true) !== true) return no('its address is not verified')
  return { at: 'ok', login: address }
}

/** RFC 8693 §4.2 `scope`; some issuers have `scp`, as text or list. */
function scopesOf({ scope, scp }: Claims): readonly string[] {
  return [scope, ...listOf(scp)].flatMap((value) => (typeof value === 'string' ? value.split(' ') : []))
}
