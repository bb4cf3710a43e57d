import { isAstringText } from './cursor.ts'

/**
 * Response texts are JavaScript strings written as UTF-8. Octets of mail that are not UTF-8 reach here as U+FFFD at
 * worst; they can never break the framing, because a string with CR, LF or NUL is not printed as quoted.
 */

const QUOTABLE_MAX = 1024

/** Whether text fits between quotes; `utf8` allows characters above 127 there (RFC 9051 §4.3). */
function quotable(text: string, utf8: boolean): boolean {
  if (text.length > QUOTABLE_MAX) return false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0 || c === 0x0d || c === 0x0a || (c > 0x7e && !(utf8 && c !== 0x7f))) return false
  }
  return true
}

const escape = (text: string): string =>
  text.includes('"') || text.includes('\\') ? text.replaceAll(/["\\]/g, (c) => `\\${c}`) : text

/** A quoted string, or a literal where it does not fit one. */
export function printString(text: string, utf8 = false): string {
  if (quotable(text, utf8)) return `"${escape(text)}"`
  const clean = text.includes('\0') ? text.replaceAll('\0', '\u0080') : text // RFC 9051 §4.3: no NUL in a literal
  return `{${Buffer.byteLength(clean)}}\r\n${clean}`
}

export const printNstring = (text: string | null, utf8 = false): string =>
  text === null ? 'NIL' : printString(text, utf8)

/** An atom where it is one; otherwise as `printString`. NIL is quoted, so that nobody takes it for nothing. */
export const printAstring = (text: string, utf8 = false): string =>
  isAstringText(text) && text.toUpperCase() !== 'NIL' ? text : printString(text, utf8)

/** `{n}` or `~{n}` (RFC 3516 §4.2) before octets that follow. */
export const literalMark = (octets: number, binary = false): string => `${binary ? '~' : ''}{${octets}}\r\n`
