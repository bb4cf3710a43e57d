/** Tokens of a script (RFC 5228 §8.1), one at a time. */

/** Lines and columns count from 1. */
export type Place = { readonly line: number; readonly column: number }

export type Token = Place &
  (
    | { readonly kind: 'identifier' | 'tag'; readonly name: string }
    | { readonly kind: 'number'; readonly value: number }
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'mark'; readonly mark: Mark }
    | { readonly kind: 'end' }
    | { readonly kind: 'bad'; readonly why: string }
  )
export type Mark = '[' | ']' | '(' | ')' | '{' | '}' | ',' | ';'

const MARKS = '[](){},;'
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /[0-9]+/y
/** RFC 5228 §8.1: `text:`, blanks, perhaps a comment, the end of the line. */
const MULTI_LINE = /text:[ \t]*(?:#[^\n]*)?\n/iy
/** RFC 5228 §2.4.1: more may be refused. */
const NUMBER_MAX = 2 ** 53 - 1
const UNITS: Record<string, number> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** Each `next()` is linear in what it reads. After `end` or `bad` it is not called again. */
export type Lexer = { next(): Token }

/**
 * Choice: a line may end with LF alone, as files on most machines do; within strings line ends become CRLF.
 * @param script without a byte order mark
 */
export function createLexer(script: string): Lexer {
  const text = script.includes('\r') ? script.replaceAll('\r\n', '\n') : script
  let at = 0
  let line = 1
  let lineStart = 0

  const place = (): Place => ({ line, column: at - lineStart + 1 })
  /** Counts the lines of what lies before `end`. */
  const moveTo = (end: number): void => {
    for (let feed = text.indexOf('\n', at); feed !== -1 && feed < end; feed = text.indexOf('\n', feed + 1)) {
      line++
      lineStart = feed + 1
    }
    at = end
  }
  const bad = (where: Place, why: string): Token => ({ ...where, kind: 'bad', why })

  /** @returns null when all is skipped, or what is wrong */
  function skipBlanks(): Token | null {
    for (;;) {
      const letter = text[at]
      if (letter === ' ' || letter === '\t') at++
      else if (letter === '\n') moveTo(at + 1)
      else if (letter === '#') {
        const feed = text.indexOf('\n', at)
        moveTo(feed === -1 ? text.length : feed + 1)
      } else if (letter === '/' && text[at + 1] === '*') {
        const end = text.indexOf('*/', at + 2)
        if (end === -1) return bad(place(), 'a comment that begins with /* never ends')
        moveTo(end + 2)
      } else return null
    }
  }

  function readMultiLine(where: Place): Token {
    moveTo(MULTI_LINE.lastIndex)
    const lines: string[] = []
    for (;;) {
      const feed = text.indexOf('\n', at)
      const content = text.slice(at, feed === -1 ? text.length : feed)
      moveTo(feed === -1 ? text.length : feed + 1)
      // A last line without line end may close it too.
      if (content === '.') return { ...where, kind: 'string', value: lines.join('') }
      if (feed === -1) return bad(where, 'a text that begins with text: never ends; it wants a line with a single dot')
      // RFC 5228 §2.4.2: dots are unstuffed.
      lines.push(content.startsWith('..') ? content.slice(1) : content, '\r\n')
    }
  }

  function readQuoted(where: Place): Token {
    let end = at + 1
    let escapes = false
    for (; end < text.length && text[end] !== '"'; end++) {
      if (text[end] !== '\\') continue
      escapes = true
      end++
    }
    if (end >= text.length) return bad(where, 'a string that begins with " never ends')
    let value = text.slice(at + 1, end)
    if (escapes) value = value.replace(/\\([\s\S])/g, '$1')
    moveTo(end + 1)
    return { ...where, kind: 'string', value: value.includes('\n') ? value.replaceAll('\n', '\r\n') : value }
  }

  function readNumber(where: Place): Token {
    NUMBER.lastIndex = at
    const digits = NUMBER.exec(text)![0]
    at += digits.length
    const unit = UNITS[text[at]?.toLowerCase() ?? '']
    if (unit !== undefined) at++
    if (/[A-Za-z0-9_]/.test(text[at] ?? '')) return bad(where, 'a number is followed by letters')
    const value = Number(digits) * (unit ?? 1)
    return value > NUMBER_MAX ? bad(where, `the number ${digits} is too large`) : { ...where, kind: 'number', value }
  }

  return {
    next() {
      const wrong = skipBlanks()
      if (wrong !== null) return wrong
      const where = place()
      if (at >= text.length) return { ...where, kind: 'end' }
      const letter = text[at]!
      if (MARKS.includes(letter)) {
        at++
        return { ...where, kind: 'mark', mark: letter as Mark }
      }
      if (letter === '"') return readQuoted(where)
      if (letter >= '0' && letter <= '9') return readNumber(where)
      MULTI_LINE.lastIndex = at
      if ((letter === 't' || letter === 'T') && MULTI_LINE.test(text)) return readMultiLine(where)
      WORD.lastIndex = letter === ':' ? at + 1 : at
      const word = WORD.exec(text)
      if (word === null) return bad(where, unreadable(text.codePointAt(at)!))
      at = WORD.lastIndex
      return { ...where, kind: letter === ':' ? 'tag' : 'identifier', name: word[0].toLowerCase() }
    },
  }
}

function unreadable(code: number): string {
  if (code === 0) return 'a NUL character, which no script may have'
  if (code === 13) return 'a carriage return without a line feed'
  return code < 32 || code === 127
    ? `a control character (${code})`
    : `the character “${String.fromCodePoint(code)}” has no meaning here`
}
