import { OUT_REPLY_LINES_MAX, OUT_REPLY_LINE_MAX_OCTETS } from '../../model/limits.ts'
import { createFramer } from '../framer/framer.ts'

/** What a remote server said: RFC 5321 §4.2, with the enhanced status of RFC 2034 taken out of the text. */
export type RemoteReply = {
  /** 200 … 599. */
  readonly code: number
  /** `4.2.2`; null when none was given or its class contradicts the code's. */
  readonly status: string | null
  /** Texts without code and status; control characters replaced. At least one, maybe empty. */
  readonly lines: readonly string[]
}

export type ReplyFramed =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'reply'; readonly reply: RemoteReply }
  /** The stream cannot be trusted from here on: a temporary failure, and the connection ends. */
  | { readonly kind: 'bad'; readonly why: 'line-too-long' | 'too-many-lines' | 'malformed' }

export type ReplyParser = {
  /** Takes over the chunk. */
  push(chunk: Uint8Array): void
  next(): ReplyFramed
  /** Octets that no one has asked for: said before they were due. */
  readonly heldOctets: number
  /** RFC 3207 §4.2: nothing said before TLS counts after it (S3). */
  discard(): void
}

type ReplyLine = { readonly code: number; readonly more: boolean; readonly text: string }

const DIGIT_0 = 48
const SPACE = 32
const HYPHEN = 45
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g
/** RFC 2034 §4: class "." subject "." detail, then a space. */
const STATUS = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/

function parseLine(line: Buffer): ReplyLine | null {
  if (line.length < 3) return null
  let code = 0
  for (let i = 0; i < 3; i++) {
    const digit = line[i]! - DIGIT_0
    if (digit < 0 || digit > 9) return null
    code = code * 10 + digit
  }
  // RFC 5321 §4.2.1: there is no 1yz in mail, and nothing above 5yz.
  if (code < 200 || code > 599) return null
  // Interop: some servers send the bare code, without the space that RFC 5321 §4.2 asks for.
  if (line.length === 3) return { code, more: false, text: '' }
  if (line[3] !== SPACE && line[3] !== HYPHEN) return null
  return { code, more: line[3] === HYPHEN, text: line.toString('utf8', 4).replace(CONTROL, '?') }
}

function finish(code: number, texts: readonly string[]): RemoteReply {
  const status = STATUS.exec(texts[0]!)?.[1] ?? null
  if (status === null || Number(status[0]) !== Math.floor(code / 100)) return { code, status: null, lines: texts }
  return {
    code,
    status,
    lines: texts.map((text) => (STATUS.exec(text)?.[1] === status ? text.slice(status.length + 1) : text)),
  }
}

/** Reads the replies of a remote server; holds at most OUT_REPLY_LINES_MAX lines of OUT_REPLY_LINE_MAX_OCTETS. */
export function createReplyParser(): ReplyParser {
  const framer = createFramer({ lineMaxOctets: OUT_REPLY_LINE_MAX_OCTETS })
  let code = 0
  let texts: string[] = []

  return {
    push: (chunk) => framer.push(chunk),
    get heldOctets() {
      return framer.heldOctets()
    },
    discard() {
      framer.discard()
      texts = []
    },
    next() {
      for (;;) {
        const framed = framer.next()
        if (framed.kind === 'need-more') return framed
        if (framed.kind === 'bad') {
          return { kind: 'bad', why: framed.why === 'line-too-long' ? 'line-too-long' : 'malformed' }
        }
        const line = parseLine(framed.line)
        // RFC 5321 §4.2.1: every line of a reply has the same code.
        if (line === null || (texts.length > 0 && line.code !== code)) return { kind: 'bad', why: 'malformed' }
        if (texts.length === OUT_REPLY_LINES_MAX) return { kind: 'bad', why: 'too-many-lines' }
        code = line.code
        texts.push(line.text)
        if (line.more) continue
        const reply = finish(code, texts)
        texts = []
        return { kind: 'reply', reply }
      }
    },
  }
}
