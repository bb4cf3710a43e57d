import { PARAMETER_PIECES_MAX } from '../../model/limits.ts'
import type { Parameters } from '../../model/message.ts'
import { decodeCharset } from '../charset/charset.ts'
import { isBlank, readQuoted, skipBlanksAndComments, skipComment } from './tokens.ts'

export type ContentType = { readonly type: string; readonly subtype: string; readonly parameters: Parameters }
export type Disposition = { readonly type: string; readonly parameters: Parameters }

// RFC 2045 §5.1, token.
const MEDIA = /([!#$%&'*+\-.^_`{|}~0-9A-Za-z]+)[ \t]*\/[ \t]*([!#$%&'*+\-.^_`{|}~0-9A-Za-z]+)/y
const HEX_PAIR = /^[0-9A-Fa-f]{2}$/
const TOKEN = /[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+/y

/** @returns null when the value is no media type (RFC 2045 §5.1) */
export function parseContentType(text: string): ContentType | null {
  MEDIA.lastIndex = skipBlanksAndComments(text, 0)
  const media = MEDIA.exec(text)
  if (media === null) return null
  return {
    type: media[1]!.toLowerCase(),
    subtype: media[2]!.toLowerCase(),
    parameters: parseParameters(text, MEDIA.lastIndex),
  }
}

/** RFC 2183 §2. @returns null when the value has no type */
export function parseDisposition(text: string): Disposition | null {
  TOKEN.lastIndex = skipBlanksAndComments(text, 0)
  const token = TOKEN.exec(text)
  if (token === null) return null
  return { type: token[0].toLowerCase(), parameters: parseParameters(text, TOKEN.lastIndex) }
}

/**
 * Reads `; name=value` pairs, at most PARAMETER_PIECES_MAX. Names and values are as in the header (RFC 2231 pieces are
 * neither joined nor decoded, as IMAP shows them); of quoted strings the quoting is removed.
 * Choice: an unquoted value goes on to the next `;`, blanks included, since so many file names are sent that way.
 */
export function parseParameters(text: string, from: number): Parameters {
  const parameters: [string, string][] = []
  let at = from
  while (at < text.length && parameters.length < PARAMETER_PIECES_MAX) {
    at = skipBlanksAndComments(text, at)
    if (text[at] === ';') {
      at++
      continue
    }
    const nameStart = at
    while (at < text.length && !isNameEnd(text.charCodeAt(at))) at++
    const name = text.slice(nameStart, at)
    at = skipBlanksAndComments(text, at)
    if (text[at] !== '=') {
      if (at === nameStart) at++
      continue
    }
    const value = readValue(text, skipBlanksAndComments(text, at + 1))
    if (name !== '') parameters.push([name, value.value])
    at = value.end
  }
  return parameters
}

function isNameEnd(code: number): boolean {
  return code === 61 || code === 59 || code === 40 || isBlank(code)
}

function readValue(text: string, at: number): { value: string; end: number } {
  if (text[at] === '"') {
    const quoted = readQuoted(text, at)
    return { value: quoted.value, end: endOfParameter(text, quoted.end) }
  }
  const end = endOfParameter(text, at)
  let stop = at
  while (stop < end && !(text[stop] === '(' && (stop === at || isBlank(text.charCodeAt(stop - 1))))) stop++
  return { value: text.slice(at, stop).trim(), end }
}

function endOfParameter(text: string, at: number): number {
  let i = at
  while (i < text.length && text[i] !== ';') {
    if (text[i] === '(' && i > 0 && isBlank(text.charCodeAt(i - 1))) i = skipComment(text, i)
    else i++
  }
  return i
}

/**
 * A parameter's value, decoded (RFC 2231). Choice: where a name comes in several forms, `name*` wins over `name*0…`, and
 * both over plain `name`; of equals, the first (S10: one meaning for all readers).
 * @returns null when there is none
 */
export function parameterValue(parameters: Parameters, name: string): string | null {
  const wanted = name.toLowerCase()
  const found = new Map<string, string>()
  for (const [key, value] of parameters) {
    const lower = key.toLowerCase()
    if (lower.startsWith(wanted) && !found.has(lower)) found.set(lower, value)
  }
  const extended = found.get(`${wanted}*`)
  if (extended !== undefined) return decodeExtended([{ value: extended, encoded: true }])
  const pieces: { value: string; encoded: boolean }[] = []
  for (let i = 0; i < PARAMETER_PIECES_MAX; i++) {
    const encoded = found.get(`${wanted}*${i}*`)
    const value = encoded ?? found.get(`${wanted}*${i}`)
    if (value === undefined) break // RFC 2231 §3: numbered from 0, without a gap.
    pieces.push({ value, encoded: encoded !== undefined })
  }
  return pieces.length > 0 ? decodeExtended(pieces) : (found.get(wanted) ?? null)
}

/** RFC 2231 §4: `charset'language'text`, the charset with the first piece only. */
function decodeExtended(pieces: readonly { value: string; encoded: boolean }[]): string {
  let charset: string | null = null
  const octets = pieces.map(({ value, encoded }, i) => {
    if (!encoded) return Buffer.from(value, 'utf8')
    const language = i === 0 ? value.indexOf("'") : -1
    const start = language === -1 ? -1 : value.indexOf("'", language + 1)
    if (start === -1) return percentDecode(value)
    charset = value.slice(0, language)
    return percentDecode(value.slice(start + 1))
  })
  return decodeCharset(Buffer.concat(octets), charset)
}

function percentDecode(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  let length = 0
  for (let i = 0; i < bytes.length; i++, length++) {
    const digits = bytes[i] === 37 ? bytes.toString('latin1', i + 1, i + 3) : ''
    const coded = HEX_PAIR.test(digits)
    bytes[length] = coded ? Number.parseInt(digits, 16) : bytes[i]!
    if (coded) i += 2
  }
  return bytes.subarray(0, length)
}
