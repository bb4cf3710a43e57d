/** What an ACME server says (RFC 8555 §7.1, RFC 9773 §4.2), read with care: text of strangers. */
import { err, ok, type Result } from '../../std/result.ts'
import { ACME_AUTHORIZATIONS_MAX, ACME_DETAIL_MAX_CHARACTERS, ACME_TOKEN_MAX_OCTETS } from '../../model/limits.ts'
import type { RenewalWindow } from '../../model/certificate.ts'

export type Directory = {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
  readonly revokeCert: string
  /** RFC 9773 §4.1; null: the CA says nothing about renewal. */
  readonly renewalInfo: string | null
  readonly externalAccountRequired: boolean
  /** RFC 8555 §9.7.6: what CAA records call this CA; lower-case. */
  readonly caaIdentities: readonly string[]
  readonly profiles: readonly string[]
}

export type OrderStatus = 'pending' | 'ready' | 'processing' | 'valid' | 'invalid'
export type Order = {
  readonly status: OrderStatus
  readonly authorizations: readonly string[]
  readonly finalize: string
  readonly certificate: string | null
  readonly error: Problem | null
}

export type Challenge = {
  readonly type: string
  readonly url: string
  readonly status: 'pending' | 'processing' | 'valid' | 'invalid'
  readonly token: string
  readonly error: Problem | null
}
export type AuthorizationStatus = 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked'
export type Authorization = {
  readonly status: AuthorizationStatus
  /** Without `*.`. */
  readonly name: string
  readonly challenges: readonly Challenge[]
}

/** RFC 7807, RFC 8555 §6.7. */
export type Problem = {
  /** Without `urn:ietf:params:acme:error:`: `badNonce`, `rateLimited`. */
  readonly type: string
  readonly detail: string
  /** Of a subproblem, the name that it is about (§6.7.1). */
  readonly name: string | null
  readonly subproblems: readonly Problem[]
}

type Fields = Readonly<Record<string, unknown>>
const asFields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
const asText = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const asTexts = (value: unknown): string[] => asList(value).filter((item) => typeof item === 'string')
const isOneOf = <const T extends readonly string[]>(value: unknown, known: T): value is T[number] =>
  typeof value === 'string' && known.includes(value)

/** @returns null when it is not JSON of an object */
function fieldsOf(body: string): Fields | null {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null
  } catch {
    return null
  }
}

export function readDirectory(body: string): Result<Directory, string> {
  const fields = fieldsOf(body)
  if (fields === null) return err('the directory is no JSON')
  const [newNonce, newAccount] = [asText(fields['newNonce']), asText(fields['newAccount'])]
  const [newOrder, revokeCert] = [asText(fields['newOrder']), asText(fields['revokeCert'])]
  if (newNonce === null || newAccount === null || newOrder === null || revokeCert === null)
    return err('the directory lacks newNonce, newAccount, newOrder or revokeCert')
  const meta = asFields(fields['meta'])
  return ok({
    newNonce,
    newAccount,
    newOrder,
    revokeCert,
    renewalInfo: asText(fields['renewalInfo']),
    externalAccountRequired: meta['externalAccountRequired'] === true,
    caaIdentities: asTexts(meta['caaIdentities']).map((name) => name.toLowerCase()),
    profiles: Object.keys(asFields(meta['profiles'])),
  })
}

const ORDER_STATUSES = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const

export function readOrder(body: string): Result<Order, string> {
  const fields = fieldsOf(body)
  const status = fields?.['status']
  const finalize = asText(fields?.['finalize'])
  if (fields === null || !isOneOf(status, ORDER_STATUSES) || finalize === null) return err('it is no order')
  const authorizations = asTexts(fields['authorizations'])
  if (authorizations.length > ACME_AUTHORIZATIONS_MAX) return err('the order has too many authorizations')
  return ok({
    status,
    authorizations,
    finalize,
    certificate: asText(fields['certificate']),
    error: fields['error'] === undefined ? null : readProblem(fields['error']),
  })
}

const AUTHORIZATION_STATUSES = ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] as const
const CHALLENGE_STATUSES = ['pending', 'processing', 'valid', 'invalid'] as const

export function readAuthorization(body: string): Result<Authorization, string> {
  const fields = fieldsOf(body)
  const status = fields?.['status']
  const name = asText(asFields(fields?.['identifier'])['value'])
  if (fields === null || !isOneOf(status, AUTHORIZATION_STATUSES) || name === null) return err('it is no authorization')
  const challenges = asList(fields['challenges']).flatMap((item) => readChallenge(asFields(item)) ?? [])
  return ok({ status, name: name.toLowerCase(), challenges })
}

/** Null: of no use to us. RFC 8555 §8.1: a token is base64url; anything else must not become a path or a record. */
function readChallenge(fields: Fields): Challenge | null {
  const { type, url, status, token } = fields
  if (typeof type !== 'string' || typeof url !== 'string' || !isOneOf(status, CHALLENGE_STATUSES)) return null
  if (typeof token !== 'string' || !/^[\w-]+$/.test(token) || token.length > ACME_TOKEN_MAX_OCTETS) return null
  return { type, url, status, token, error: fields['error'] === undefined ? null : readProblem(fields['error']) }
}

/** Never fails: what is no problem document is a problem without a type. */
export function readProblem(value: unknown, depth = 0): Problem {
  const fields = typeof value === 'string' ? (fieldsOf(value) ?? {}) : asFields(value)
  const detail = asText(fields['detail']) ?? (typeof value === 'string' ? value : 'no reason given')
  return {
    type: (asText(fields['type']) ?? '').replace(/^urn:ietf:params:acme:error:/, ''),
    detail: oneLine(detail),
    name: asText(asFields(fields['identifier'])['value']),
    subproblems:
      depth > 0
        ? []
        : asList(fields['subproblems'])
            .slice(0, ACME_AUTHORIZATIONS_MAX)
            .map((item) => readProblem(item, depth + 1)),
  }
}

/** For logs and terminals: no control characters, no end of it. */
export function oneLine(text: string): string {
  return text
    .slice(0, ACME_DETAIL_MAX_CHARACTERS)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
}

/** RFC 9773 §4.2. */
export function readRenewalInfo(body: string): Result<RenewalWindow, string> {
  const fields = fieldsOf(body)
  const window = asFields(fields?.['suggestedWindow'])
  const start = Date.parse(asText(window['start']) ?? '')
  const end = Date.parse(asText(window['end']) ?? '')
  if (!Number.isFinite(start) || !Number.isFinite(end) || end <= start) return err('it names no time for renewal')
  return ok({ start, end, explanationUrl: asText(fields?.['explanationURL']) })
}

/** RFC 9110 §10.2.3: seconds, or a date. @returns milliseconds from `now`; null when it says nothing */
export function readRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isFinite(at) ? Math.max(0, at - now) : null
}
