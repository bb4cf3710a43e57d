/** ManageSieve commands as a server reads them: RFC 5804 §2, §4. */
import { isUtf8 } from 'node:buffer'
import { err, ok, type Result } from '../../std/result.ts'

export type ManageSieveCommand =
  /** `initialResponse` is still base64. */
  | { readonly verb: 'AUTHENTICATE'; readonly mechanism: string; readonly initialResponse: string | null }
  | { readonly verb: 'STARTTLS' | 'LOGOUT' | 'CAPABILITY' | 'UNAUTHENTICATE' }
  | { readonly verb: 'LISTSCRIPTS' }
  | { readonly verb: 'HAVESPACE'; readonly name: string; readonly sizeOctets: number }
  | { readonly verb: 'PUTSCRIPT'; readonly name: string; readonly text: string }
  | { readonly verb: 'SETACTIVE' | 'GETSCRIPT' | 'DELETESCRIPT'; readonly name: string }
  | { readonly verb: 'RENAMESCRIPT'; readonly name: string; readonly newName: string }
  | { readonly verb: 'CHECKSCRIPT'; readonly text: string }
  | { readonly verb: 'NOOP'; readonly tag: string | null }

export type ManageSieveVerb = ManageSieveCommand['verb']
export type ManageSieveState = 'before-login' | 'logged-in'

/** RFC 5804 §2: AUTHENTICATE and STARTTLS come before login, what touches scripts after it. */
export const LEGAL: Readonly<Record<ManageSieveState, readonly ManageSieveVerb[]>> = {
  'before-login': ['AUTHENTICATE', 'STARTTLS', 'LOGOUT', 'CAPABILITY', 'NOOP'],
  'logged-in': [
    'LOGOUT',
    'CAPABILITY',
    'HAVESPACE',
    'PUTSCRIPT',
    'LISTSCRIPTS',
    'SETACTIVE',
    'GETSCRIPT',
    'DELETESCRIPT',
    'RENAMESCRIPT',
    'CHECKSCRIPT',
    'NOOP',
    'UNAUTHENTICATE',
  ],
}

type Kind = 'string' | 'number'
type Shape = { readonly arguments: readonly Kind[]; readonly optional?: Kind }

const SHAPES: Readonly<Record<ManageSieveVerb, Shape>> = {
  AUTHENTICATE: { arguments: ['string'], optional: 'string' },
  STARTTLS: { arguments: [] },
  LOGOUT: { arguments: [] },
  CAPABILITY: { arguments: [] },
  HAVESPACE: { arguments: ['string', 'number'] },
  PUTSCRIPT: { arguments: ['string', 'string'] },
  LISTSCRIPTS: { arguments: [] },
  SETACTIVE: { arguments: ['string'] },
  GETSCRIPT: { arguments: ['string'] },
  DELETESCRIPT: { arguments: ['string'] },
  RENAMESCRIPT: { arguments: ['string', 'string'] },
  CHECKSCRIPT: { arguments: ['string'] },
  NOOP: { arguments: [], optional: 'string' },
  UNAUTHENTICATE: { arguments: [] },
}

const [SPACE, DQUOTE, BACKSLASH, LBRACE, RBRACE, PLUS, ZERO, NINE] = [0x20, 0x22, 0x5c, 0x7b, 0x7d, 0x2b, 0x30, 0x39]
const NUMBER_DIGITS_MAX = 10
const NUMBER_MAX = 4_294_967_295 // RFC 5804 §4: "number"

/**
 * The literal that a line announces at its end, in octets; null when there is none. A client's never waits for leave
 * (RFC 5804 §4: literal-c2s has the plus); one without it is taken as if it had.
 */
export function announcedLiteral(line: Buffer): number | null {
  let at = line.length - 1
  if (at < 2 || line[at] !== RBRACE) return null
  if (line[--at] === PLUS) at--
  const end = at + 1
  while (at >= 0 && line[at]! >= ZERO && line[at]! <= NINE) at--
  const digits = end - at - 1
  if (digits === 0 || at < 0 || line[at] !== LBRACE) return null
  return digits > NUMBER_DIGITS_MAX ? Infinity : Number(line.toString('latin1', at + 1, end))
}

/**
 * @param bytes a whole command: its lines and literals as they came, without the last CRLF
 * @returns the command, or the text that tells what is wrong; never throws
 */
export function parseCommand(bytes: Buffer): Result<ManageSieveCommand, string> {
  const word = /^[A-Za-z]{1,20}/.exec(bytes.toString('latin1', 0, 21))?.[0] ?? ''
  const verb = word.toUpperCase()
  if (!isVerb(verb)) return err('Unknown command')
  const { arguments: wanted, optional } = SHAPES[verb]
  const found: (string | number)[] = []
  let at = word.length
  while (at < bytes.length) {
    const kind = wanted[found.length] ?? (found.length === wanted.length ? optional : undefined)
    if (kind === undefined) return err(`Too many arguments for ${verb}`)
    if (bytes[at] !== SPACE) return err('Arguments are parted by a space')
    const read = kind === 'string' ? readString(bytes, at + 1) : readNumber(bytes, at + 1)
    if (!read.ok) return read
    found.push(read.value.value)
    at = read.value.end
  }
  if (found.length < wanted.length) return err(`Too few arguments for ${verb}`)
  return ok(commandOf(verb, found))
}

/** One string alone: a response within a SASL exchange. @param bytes as for `parseCommand` */
export function parseResponse(bytes: Buffer): Result<string, string> {
  const read = readString(bytes, 0)
  if (!read.ok) return read
  return read.value.end === bytes.length ? ok(read.value.value) : err('One string is expected')
}

const isVerb = (word: string): word is ManageSieveVerb => Object.hasOwn(SHAPES, word)

function commandOf(verb: ManageSieveVerb, found: readonly (string | number)[]): ManageSieveCommand {
  const text = (index: number): string => String(found[index] ?? '')
  switch (verb) {
    case 'AUTHENTICATE':
      return { verb, mechanism: text(0).toUpperCase(), initialResponse: found.length > 1 ? text(1) : null }
    case 'HAVESPACE':
      return { verb, name: text(0), sizeOctets: Number(found[1]) }
    case 'PUTSCRIPT':
      return { verb, name: text(0), text: text(1) }
    case 'SETACTIVE':
    case 'GETSCRIPT':
    case 'DELETESCRIPT':
      return { verb, name: text(0) }
    case 'RENAMESCRIPT':
      return { verb, name: text(0), newName: text(1) }
    case 'CHECKSCRIPT':
      return { verb, text: text(0) }
    case 'NOOP':
      return { verb, tag: found.length > 0 ? text(0) : null }
    default:
      return { verb }
  }
}

type Read<T> = Result<{ readonly value: T; readonly end: number }, string>

function readNumber(bytes: Buffer, start: number): Read<number> {
  let end = start
  while (end < bytes.length && bytes[end]! >= ZERO && bytes[end]! <= NINE) end++
  const digits = end - start
  const value = digits === 0 || digits > NUMBER_DIGITS_MAX ? Infinity : Number(bytes.toString('latin1', start, end))
  return value <= NUMBER_MAX ? ok({ value, end }) : err('A number is expected')
}

/** Quoted or literal (RFC 5804 §4), in UTF-8. */
function readString(bytes: Buffer, start: number): Read<string> {
  if (bytes[start] === DQUOTE) return readQuoted(bytes, start + 1)
  if (bytes[start] !== LBRACE) return err('A string is expected')
  const line = bytes.indexOf('\r\n', start)
  const size = line === -1 ? null : announcedLiteral(bytes.subarray(start, line))
  if (size === null || line + 2 + size > bytes.length) return err('A literal is expected')
  return decoded(bytes.subarray(line + 2, line + 2 + size), line + 2 + size)
}

function readQuoted(bytes: Buffer, start: number): Read<string> {
  const octets: number[] = []
  for (let at = start; at < bytes.length; at++) {
    const octet = bytes[at]!
    if (octet === DQUOTE) return decoded(Buffer.from(octets), at + 1)
    if (octet !== BACKSLASH) {
      octets.push(octet)
      continue
    }
    const next = bytes[++at]
    if (next !== DQUOTE && next !== BACKSLASH) return err('Only " and \\ are quoted by a backslash')
    octets.push(next)
  }
  return err('A quoted string has no end')
}

const decoded = (octets: Buffer, end: number): Read<string> =>
  isUtf8(octets) ? ok({ value: octets.toString('utf8'), end }) : err('A string is not valid UTF-8')
