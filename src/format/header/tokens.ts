import { ADDRESS_NESTING_MAX } from '../../model/limits.ts'

/** Scanners that header grammars share (RFC 5322 §3.2). Each looks at every character once. */

export const isBlank = (code: number): boolean => code === 32 || code === 9

/**
 * Skips the comment that opens at `at` (RFC 5322 §3.2.2). Deeper than ADDRESS_NESTING_MAX a parenthesis is plain text.
 * @returns the index after it; the end of the text when it never closes
 */
export function skipComment(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 92) i++
    else if (code === 40 && depth < ADDRESS_NESTING_MAX) depth++
    else if (code === 41 && --depth === 0) return i + 1
  }
  return text.length
}

/** Skips blanks and comments. */
export function skipBlanksAndComments(text: string, at: number): number {
  let i = at
  for (;;) {
    while (isBlank(text.charCodeAt(i))) i++
    if (text.charCodeAt(i) !== 40) return i
    i = skipComment(text, i)
  }
}

/**
 * Reads the quoted string that opens at `at` (RFC 5322 §3.2.4), without its quoting.
 * One that never closes takes the rest of the text.
 */
export function readQuoted(text: string, at: number): { value: string; end: number } {
  return readUntil(text, at, 34)
}

/** Reads the text of the comment that opens at `at`, outer parentheses left out. */
export function readComment(text: string, at: number): { value: string; end: number } {
  const end = skipComment(text, at)
  const closed = text.charCodeAt(end - 1) === 41 && end - 1 > at
  return { value: unescape(text.slice(at + 1, closed ? end - 1 : end)).trim(), end }
}

function readUntil(text: string, at: number, close: number): { value: string; end: number } {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 92) i++
    else if (code === close) return { value: unescape(text.slice(at + 1, i)), end: i + 1 }
  }
  return { value: unescape(text.slice(at + 1)), end: text.length }
}

function unescape(text: string): string {
  return text.includes('\\') ? text.replace(/\\([\s\S])/g, '$1') : text
}
