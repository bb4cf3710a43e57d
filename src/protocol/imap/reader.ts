import {
  IMAP_COMMAND_MAX_OCTETS,
  IMAP_LINE_BEFORE_LOGIN_MAX_OCTETS,
  IMAP_LINE_MAX_OCTETS,
  IMAP_LITERALS_BEFORE_LOGIN_MAX,
  IMAP_LITERALS_MAX,
  IMAP_LITERAL_BEFORE_LOGIN_MAX_OCTETS,
  IMAP_LITERAL_MAX_OCTETS,
} from '../../model/limits.ts'
import { createFramer, type BadLine, type Framed } from '../framer/framer.ts'
import { isTagChar } from './cursor.ts'

/** A literal as announced at the end of a line (RFC 9051 §4.3, RFC 7888, RFC 3516). */
export type Literal = {
  /** Infinity when the number is beyond reason. */
  readonly sizeOctets: number
  /** The client waits for `+`. */
  readonly synchronising: boolean
  readonly binary: boolean
}

export type Received =
  | { readonly kind: 'need-more' }
  /** A whole command: lines and literals as they came, without the last CRLF. */
  | { readonly kind: 'command'; readonly bytes: Buffer }
  /**
   * A literal is announced; `head` is the command's first line, `text` gives all up to and with the announcement's CRLF. The owner answers with
   * `keep` (then says `+` if it is synchronising), `pass` (takes the octets itself) or `drop`.
   */
  | { readonly kind: 'literal'; readonly head: Buffer; readonly text: () => Buffer; readonly literal: Literal }
  /** The command is gone. */
  | { readonly kind: 'bad'; readonly why: BadLine | 'command-too-long'; readonly tag: string | null }

export type Reader = {
  push(chunk: Uint8Array): void
  next(): Received
  /** Whether a literal that is not a message is within the limits; asked before `keep`. */
  fits(literal: Literal): boolean
  keep(literal: Literal): void
  /** The octets of the literal are the owner's, by `take`; what follows them is read as a command of its own. */
  pass(): void
  take(count: number): Buffer | null
  /** Forgets the command so far. */
  drop(): void
  /** One line of a SASL exchange or IDLE's DONE. */
  nextLine(maxOctets: number): Framed
  /** Everything held is gone (RFC 9051 §6.2.1, S3). */
  discard(): void
  /** Octets pushed and not yet taken. */
  heldOctets(): number
  /** A command has begun to come. */
  isWithin(): boolean
  loggedIn(): void
  loggedOut(): void
}

const CRLF = Buffer.from('\r\n')
const LBRACE = 0x7b
const RBRACE = 0x7d
const PLUS = 0x2b
const TILDE = 0x7e
/** `{` 16 digits `+}`. */
const SIZE_DIGITS_MAX = 16

/** The literal that a line ends with, if it does. */
export function announced(line: Buffer): Literal | null {
  let at = line.length - 1
  if (at < 2 || line[at] !== RBRACE) return null
  at--
  const synchronising = line[at] !== PLUS
  if (!synchronising) at--
  const end = at
  while (at >= 0 && line[at]! >= 0x30 && line[at]! <= 0x39) at--
  const digits = end - at
  if (digits === 0 || at < 0 || line[at] !== LBRACE) return null
  const sizeOctets = digits > SIZE_DIGITS_MAX ? Infinity : Number(line.toString('latin1', at + 1, end + 1))
  return { sizeOctets, synchronising, binary: at > 0 && line[at - 1] === TILDE }
}

/** The tag that a line begins with, for an answer to a command that could not be read. */
export function tagOf(line: Buffer): string | null {
  let at = 0
  while (at < line.length && isTagChar(line[at]!)) at++
  return at > 0 && at < 64 && line[at] === 0x20 ? line.toString('latin1', 0, at) : null
}

/** Puts commands together from lines and literals. Memory stays within the limits of model/limits.ts plus one chunk. */
export function createReader(): Reader {
  let isLoggedIn = false
  const lineMax = (): number => (isLoggedIn ? IMAP_LINE_MAX_OCTETS : IMAP_LINE_BEFORE_LOGIN_MAX_OCTETS)
  const framer = createFramer({ lineMaxOctets: lineMax() })
  let parts: Buffer[] = []
  let textOctets = 0
  let literalOctets = 0
  let literals = 0
  /** Octets of the literal being kept that are still to come. */
  let wanted = 0

  const drop = (): void => {
    parts = []
    textOctets = literalOctets = literals = wanted = 0
  }
  const joined = (): Buffer => (parts.length === 1 ? parts[0]! : Buffer.concat(parts))

  const onLine = (line: Buffer): Received => {
    textOctets += line.length
    if (textOctets > lineMax()) {
      const tag = tagOf(parts[0] ?? line)
      drop()
      return { kind: 'bad', why: 'command-too-long', tag }
    }
    parts.push(line)
    const literal = announced(line)
    if (literal === null) {
      const bytes = joined()
      drop()
      return { kind: 'command', bytes }
    }
    parts.push(CRLF)
    return { kind: 'literal', head: parts[0]!, text: joined, literal }
  }

  return {
    push: (chunk) => framer.push(chunk),
    next() {
      while (wanted > 0) {
        const piece = framer.take(wanted)
        if (piece === null) return { kind: 'need-more' }
        parts.push(piece)
        wanted -= piece.length
      }
      framer.lineMaxOctets = lineMax()
      const framed = framer.next()
      switch (framed.kind) {
        case 'need-more':
          return framed
        case 'line':
          return onLine(framed.line)
        case 'bad': {
          const tag = tagOf(parts[0] ?? framed.head)
          drop()
          return { kind: 'bad', why: framed.why, tag }
        }
      }
    },
    fits(literal) {
      const each = isLoggedIn ? IMAP_LITERAL_MAX_OCTETS : IMAP_LITERAL_BEFORE_LOGIN_MAX_OCTETS
      const count = isLoggedIn ? IMAP_LITERALS_MAX : IMAP_LITERALS_BEFORE_LOGIN_MAX
      return (
        literal.sizeOctets <= each && literals < count && literalOctets + literal.sizeOctets <= IMAP_COMMAND_MAX_OCTETS
      )
    },
    keep(literal) {
      literals++
      literalOctets += literal.sizeOctets
      wanted = literal.sizeOctets
    },
    pass: drop,
    take: (count) => framer.take(count),
    drop,
    nextLine(maxOctets) {
      framer.lineMaxOctets = maxOctets
      return framer.next()
    },
    discard() {
      framer.discard()
      drop()
    },
    heldOctets: () => framer.heldOctets(),
    isWithin: () => parts.length > 0 || framer.heldOctets() > 0,
    loggedIn() {
      isLoggedIn = true
    },
    loggedOut() {
      isLoggedIn = false
    },
  }
}
