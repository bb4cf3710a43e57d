/** Addresses as SMTP writes them (RFC 5321 §4.1.2, RFC 6531 §3.3): parse ⇄ print. Header syntax is `format/header`'s. */
import { LOCAL_PART_MAX_OCTETS, PATH_MAX_OCTETS } from '../../model/limits.ts'
import type { Address } from '../../model/address.ts'
import { err, ok, type Result } from '../../std/result.ts'
import { parseAddressLiteral, parseDomain } from './domain.ts'

export type AddressProblem = { readonly part: 'path' | 'local-part' | 'domain'; readonly why: string }

const ATEXT = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u00a1-\u{10ffff}]+$/u
/** Blanks, controls and direction marks beyond ASCII: nothing that is shown could tell them apart. */
const INVISIBLE = /[\u0080-\u00a0\u1680\u2000-\u200a\u2028-\u202e\u205f-\u2069\u3000\ufeff]/
const ASCII = /^[\0-\x7f]*$/

const problem = (part: AddressProblem['part'], why: string): { ok: false; error: AddressProblem } => err({ part, why })

const LOCAL_PART_TOO_LONG = problem('local-part', 'local part too long')
const PATH_TOO_LONG = problem('path', 'path too long')

/**
 * Parses an addr-spec (RFC 5321 §4.1.2, Mailbox), UTF-8 included: who needs ASCII asks `isAsciiAddress`.
 * The domain comes back lower-case, the local part unquoted.
 * @param text without angle brackets, e.g. `"a b"@example.org`
 * @returns the address, or which part is wrong; never throws
 */
export function parseAddress(text: string): Result<Address, AddressProblem> {
  const read = readAddress(text, 0)
  if (!read.ok) return read
  return read.value.next === text.length ? ok(read.value.address) : problem('domain', 'characters after the domain')
}

/**
 * Parses a path at the start of `text`: `<a@b>`, `<>`, `<@relay:a@b>`. A source route is read and dropped
 * (RFC 5321 §4.1.2: must be accepted, should be ignored; Appendix C).
 * @returns the address (null for `<>`) and what follows the path; never throws
 */
export function parsePath(text: string): Result<{ address: Address | null; rest: string }, AddressProblem> {
  if (!text.startsWith('<')) return problem('path', 'path without angle brackets')
  if (text.startsWith('<>')) return ok({ address: null, rest: text.slice(2) })
  const start = skipRoute(text)
  if (start === null) return problem('path', 'malformed source route')
  const read = readAddress(text, start)
  if (!read.ok) return read
  const { address, next } = read.value
  if (text[next] !== '>') return problem('path', 'path does not end with >')
  // RFC 5321 §4.5.3.1.3.
  if (Buffer.byteLength(text.slice(0, next + 1)) > PATH_MAX_OCTETS) return PATH_TOO_LONG
  return ok({ address, rest: text.slice(next + 1) })
}

/** RFC 5321 §4.1.2 A-d-l. @returns where the address starts, or null */
function skipRoute(text: string): number | null {
  if (text[1] !== '@') return 1
  const colon = text.indexOf(':', 2)
  if (colon === -1 || colon > PATH_MAX_OCTETS) return null
  for (const hop of text.slice(1, colon).split(',')) {
    if (!hop.startsWith('@') || !parseDomain(hop.slice(1)).ok) return null
  }
  return colon + 1
}

type Read = Result<{ address: Address; next: number }, AddressProblem>

function readAddress(text: string, start: number): Read {
  const local = text[start] === '"' ? readQuoted(text, start) : readDotString(text, start)
  if (!local.ok) return local
  const { localPart, next } = local.value
  if (Buffer.byteLength(text.slice(start, next)) > LOCAL_PART_MAX_OCTETS) return LOCAL_PART_TOO_LONG
  if (text[next] !== '@') return problem('domain', 'no domain')
  const read = readDomain(text, next + 1, localPart)
  // RFC 5321 §4.5.3.1.3: what cannot stand in a path is no address.
  if (read.ok && Buffer.byteLength(text.slice(start, read.value.next)) > PATH_MAX_OCTETS - '<>'.length)
    return PATH_TOO_LONG
  return read
}

function readDomain(text: string, start: number, localPart: string): Read {
  if (text[start] === '[') {
    const close = text.indexOf(']', start)
    const literal = parseAddressLiteral(close === -1 ? '' : text.slice(start, close + 1))
    if (!literal.ok) return problem('domain', literal.error)
    return ok({ address: { localPart, domain: literal.value }, next: close + 1 })
  }
  let next = start
  while (next < text.length && text[next] !== '>' && text[next] !== ' ') next++
  const domain = parseDomain(text.slice(start, next))
  return domain.ok ? ok({ address: { localPart, domain: domain.value }, next }) : problem('domain', domain.error)
}

type ReadLocal = Result<{ localPart: string; next: number }, AddressProblem>

function readDotString(text: string, start: number): ReadLocal {
  let next = start
  while (next < text.length && text[next] !== '@') next++
  const localPart = text.slice(start, next)
  // First, so that a hostile line is not worked through.
  if (localPart.length > LOCAL_PART_MAX_OCTETS) return LOCAL_PART_TOO_LONG
  return isDotString(localPart) ? ok({ localPart, next }) : problem('local-part', 'malformed local part')
}

function readQuoted(text: string, start: number): ReadLocal {
  let localPart = ''
  for (let next = start + 1; next < text.length; next++) {
    if (next - start >= LOCAL_PART_MAX_OCTETS) return LOCAL_PART_TOO_LONG
    let character = text[next]!
    if (character === '"') {
      if (!localPart.isWellFormed() || INVISIBLE.test(localPart)) break
      return ok({ localPart, next: next + 1 })
    }
    // RFC 5321 §4.1.2 quoted-pairSMTP.
    if (character === '\\') {
      character = text[++next] ?? '\0'
      if (character > '~') break
    }
    if (character < ' ' || character === '\x7f') break
    localPart += character
  }
  return problem('local-part', 'malformed quoted local part')
}

function isDotString(localPart: string): boolean {
  if (!localPart.isWellFormed() || INVISIBLE.test(localPart)) return false
  return localPart.split('.').every((atom) => ATEXT.test(atom))
}

/** As SMTP writes it, quoted where it must be. */
export function printAddress(address: Address): string {
  const { localPart, domain } = address
  const local = isDotString(localPart) ? localPart : `"${localPart.replace(/["\\]/g, '\\$&')}"`
  return `${local}@${domain}`
}

/** With angle brackets; null is `<>`. */
export function printPath(address: Address | null): string {
  return address === null ? '<>' : `<${printAddress(address)}>`
}

/** Whether the address can be used without SMTPUTF8 (a U-label domain cannot, unless turned into A-labels). */
export function isAsciiAddress(address: Address): boolean {
  return ASCII.test(address.localPart) && ASCII.test(address.domain)
}

/** Compares as gavan's directory does: the domain and, by our choice (RFC 5321 §2.4 leaves it to the host), the local part without case. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.domain === b.domain && a.localPart.toLowerCase() === b.localPart.toLowerCase()
}
