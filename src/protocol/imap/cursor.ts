import { isUtf8 } from 'node:buffer'

/**
 * What is wrong with a command. Inside a parser it unwinds by `throw`; `attempt` makes it a value again at the door.
 * `code` is a response code without brackets where one fits (RFC 5530), `status` the tagged answer.
 */
export class Fault extends Error {
  override name = 'Fault'
  readonly status: 'BAD' | 'NO'
  readonly code: string | null
  constructor(message: string, options: { status?: 'BAD' | 'NO'; code?: string } = {}) {
    super(message)
    this.status = options.status ?? 'BAD'
    this.code = options.code ?? null
  }
}

/** Runs a parser; its fault comes back as a value, our own errors still throw. */
export function attempt<T>(parse: () => T): { ok: true; value: T } | { ok: false; error: Fault } {
  try {
    return { ok: true, value: parse() }
  } catch (error) {
    if (error instanceof Fault) return { ok: false, error }
    throw error
  }
}

const SP = 0x20
const DQUOTE = 0x22
const LPAREN = 0x28
const RPAREN = 0x29
const BACKSLASH = 0x5c
const LBRACE = 0x7b
const TILDE = 0x7e

/** RFC 9051 §9. Bits per octet: 1 ATOM-CHAR, 2 ASTRING-CHAR, 4 list-char, 8 tag. */
const CLASS = new Uint8Array(256)
for (let c = 0x21; c < 0x7f; c++) {
  const text = String.fromCharCode(c)
  if ('(){%*"\\'.includes(text)) continue
  CLASS[c] = text === ']' ? 2 | 4 | 8 : text === '+' ? 1 | 2 | 4 : 1 | 2 | 4 | 8
}
for (const c of [0x25, 0x2a]) CLASS[c] = 4

export const isAtomChar = (octet: number): boolean => (CLASS[octet]! & 1) !== 0
export const isAstringChar = (octet: number): boolean => (CLASS[octet]! & 2) !== 0
export const isTagChar = (octet: number): boolean => (CLASS[octet]! & 8) !== 0

export const isAstringText = (text: string): boolean => {
  if (text.length === 0) return false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c > 0x7f || !isAstringChar(c)) return false
  }
  return true
}

/**
 * Walks one whole command: its lines and literals as they came, without the last CRLF.
 * A literal stands in it as `{n}` CRLF and its n octets.
 */
export class Cursor {
  readonly bytes: Buffer
  at: number
  readonly nestingMax: number
  #depth = 0

  constructor(bytes: Buffer, options: { nestingMax: number; at?: number }) {
    this.bytes = bytes
    this.at = options.at ?? 0
    this.nestingMax = options.nestingMax
  }

  get done(): boolean {
    return this.at >= this.bytes.length
  }

  /** The next octet, or -1 at the end. */
  peek(): number {
    return this.at < this.bytes.length ? this.bytes[this.at]! : -1
  }

  /** Whether the rest begins so (upper-case ASCII, compared without case); nothing is taken. */
  looksAt(word: string): boolean {
    if (this.bytes.length - this.at < word.length) return false
    for (let i = 0; i < word.length; i++) {
      let c = this.bytes[this.at + i]!
      if (c >= 0x61 && c <= 0x7a) c -= 0x20
      if (c !== word.charCodeAt(i)) return false
    }
    return true
  }

  /** Takes `word` if it comes next, in any case. */
  skip(word: string): boolean {
    if (!this.looksAt(word)) return false
    this.at += word.length
    return true
  }

  expect(word: string): void {
    if (!this.skip(word)) throw new Fault(`Expected ${word === ' ' ? 'a space' : word}`)
  }

  /** RFC 9051 §9: exactly one space. */
  space(): void {
    if (this.peek() !== SP) throw new Fault(this.done ? 'Missing argument' : 'Expected a space')
    this.at++
  }

  end(): void {
    if (!this.done) throw new Fault('Unexpected extra arguments')
  }

  #take(bit: number, what: string): string {
    const start = this.at
    const { bytes } = this
    let at = start
    while (at < bytes.length && (CLASS[bytes[at]!]! & bit) !== 0) at++
    if (at === start) throw new Fault(`Expected ${what}`)
    this.at = at
    return bytes.toString('latin1', start, at)
  }

  atom(): string {
    return this.#take(1, 'an atom')
  }

  /** An atom in upper case: what compares without case. */
  word(): string {
    return this.atom().toUpperCase()
  }

  tag(): string {
    return this.#take(8, 'a tag')
  }

  /** RFC 9051 §9 number64, as far as 2^53. */
  number(): number {
    const start = this.at
    let value = 0
    for (let c = this.peek(); c >= 0x30 && c <= 0x39; c = this.peek()) {
      value = value * 10 + (c - 0x30)
      if (value > Number.MAX_SAFE_INTEGER) throw new Fault('Number is too large')
      this.at++
    }
    if (this.at === start) throw new Fault('Expected a number')
    return value
  }

  /** RFC 9051 §9 number: 32 bits. */
  number32(): number {
    const value = this.number()
    if (value > 0xffffffff) throw new Fault('Number is too large')
    return value
  }

  nzNumber(): number {
    const value = this.number32()
    if (value === 0) throw new Fault('Expected a number above zero')
    return value
  }

  /** RFC 7162 §7 mod-sequence-valzer: 63 bits; ours stay within 53, so what is above compares as the largest. */
  modSeq(): number {
    const start = this.at
    while (this.peek() >= 0x30 && this.peek() <= 0x39) this.at++
    const digits = this.at - start
    if (digits === 0 || digits > 19) throw new Fault('Expected a mod-sequence')
    return Math.min(Number(this.bytes.toString('latin1', start, this.at)), Number.MAX_SAFE_INTEGER)
  }

  /** The octets of a quoted string or literal; a literal8 only where `binary` says so (RFC 3516 §4.4). */
  string(options: { binary?: boolean } = {}): Buffer {
    const c = this.peek()
    if (c === DQUOTE) return this.#quoted()
    if (c === LBRACE) return this.#literal()
    if (c === TILDE && options.binary === true) {
      this.at++
      return this.#literal()
    }
    throw new Fault('Expected a string')
  }

  #quoted(): Buffer {
    const { bytes } = this
    const start = ++this.at
    let escaped = false
    for (let at = start; at < bytes.length; at++) {
      const c = bytes[at]!
      if (c === DQUOTE) {
        this.at = at + 1
        return escaped ? unescape(bytes, start, at) : bytes.subarray(start, at)
      }
      if (c === BACKSLASH) {
        escaped = true
        const next = bytes[++at]
        if (next !== DQUOTE && next !== BACKSLASH) throw new Fault('Bad escape in a quoted string')
      } else if (c === 0 || c === 0x0d || c === 0x0a) throw new Fault('Bad character in a quoted string')
    }
    throw new Fault('Unterminated quoted string')
  }

  #literal({ nul = false } = {}): Buffer {
    this.expect('{')
    const size = this.number()
    this.skip('+')
    this.expect('}')
    this.expect('\r\n')
    if (this.at + size > this.bytes.length) throw new Fault('Literal is cut short')
    const literal = this.bytes.subarray(this.at, this.at + size)
    this.at += size
    if (!nul && literal.includes(0)) throw new Fault('NUL in a literal') // RFC 9051 §9, CHAR8
    return literal
  }

  /** The octets of a string, whatever they are; a NUL only in a literal8 (RFC 3516 §4.4). */
  octets(): Buffer {
    if (this.peek() !== TILDE) return this.string()
    this.at++
    return this.#literal({ nul: true })
  }

  /** Text of a string: UTF-8. */
  text(): string {
    return decode(this.string())
  }

  astring(): string {
    const c = this.peek()
    return c === DQUOTE || c === LBRACE ? this.text() : this.#take(2, 'an argument')
  }

  /** RFC 9051 §9 list-mailbox. */
  listMailbox(): string {
    const c = this.peek()
    return c === DQUOTE || c === LBRACE ? this.text() : this.#take(4, 'a mailbox pattern')
  }

  /** A string or NIL. */
  nstring(): string | null {
    if (this.looksAt('NIL')) {
      this.at += 3
      return null
    }
    return this.text()
  }

  /** `(` items parted by one space `)`; `item` takes one. An empty list needs `empty`. */
  list<T>(item: () => T, options: { empty?: boolean } = {}): T[] {
    this.open()
    const items: T[] = []
    if (options.empty === true && this.peek() === RPAREN) {
      this.close()
      return items
    }
    for (;;) {
      items.push(item())
      if (this.peek() === RPAREN) break
      this.space()
    }
    this.close()
    return items
  }

  open(): void {
    if (this.peek() !== LPAREN) throw new Fault('Expected (')
    if (++this.#depth > this.nestingMax) throw new Fault('Too many nested lists', { code: 'LIMIT' })
    this.at++
  }

  close(): void {
    if (this.peek() !== RPAREN) throw new Fault('Expected )')
    this.#depth--
    this.at++
  }
}

function unescape(bytes: Buffer, start: number, end: number): Buffer {
  const out = Buffer.allocUnsafe(end - start)
  let length = 0
  for (let at = start; at < end; at++) {
    if (bytes[at] === BACKSLASH) at++
    out[length++] = bytes[at]!
  }
  return out.subarray(0, length)
}

/** Octets as text. RFC 9051 §4.3: UTF-8 only. */
export function decode(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new Fault('Text is not UTF-8')
  return bytes.toString('utf8')
}
