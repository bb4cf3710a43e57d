import { HEADER_BLOCK_MAX_OCTETS } from '../../model/limits.ts'
import { emptyLineAt, headerFields } from '../../format/header/field.ts'

/** Rewrites the header of a submitted message while it streams by (RFC 6409 §8); the body passes untouched. */
export type HeaderCompleter = {
  /** @returns what may be written on: nothing while the header is still incomplete */
  push(chunk: Uint8Array): readonly Uint8Array[]
  finish(): readonly Uint8Array[]
}

const LF = 0x0a
const CRLF = Buffer.from('\r\n')

/** RFC 5322 §3.6.3: blind recipients are nobody else's business. RFC 5321 §4.4: Return-Path is the last server's to write. */
const DROPPED = new Set(['bcc', 'resent-bcc', 'return-path'])

/**
 * Drops Bcc, Resent-Bcc and Return-Path; adds Date and Message-ID where they are missing.
 * Choice: a message whose first line is no header field has no header, and gets one of its own before an empty line.
 * Choice: a header larger than HEADER_BLOCK_MAX_OCTETS passes as it is; the scan refuses it.
 * @param options.date the Date field's value; `messageId` with its angle brackets
 */
export function createHeaderCompleter(options: { date: string; messageId: string }): HeaderCompleter {
  let buffer = Buffer.allocUnsafe(4096)
  let length = 0
  /** The line that starts here is the first that has not been seen whole. */
  let lineStart = 0
  /** No line feed lies between `lineStart` and here. */
  let searched = 0
  let passing = false

  const take = (chunk: Uint8Array): void => {
    if (length + chunk.length > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + chunk.length))
      buffer.copy(larger, 0, 0, length)
      buffer = larger
    }
    buffer.set(chunk, length)
    length += chunk.length
  }

  // Interop: some programs leave the separator line of an mbox file in front.
  const separatorEnd = (block: Buffer): number =>
    block.toString('latin1', 0, 5) === 'From ' ? block.indexOf(LF) + 1 || block.length : 0

  /** @returns where the header ends, once that is known: at an empty line, or at 0 when there is none */
  const findEnd = (view: Buffer): number | null => {
    for (;;) {
      if (emptyLineAt(view, lineStart) > 0) return lineStart
      const feed = view.indexOf(LF, Math.max(lineStart, searched))
      if (feed === -1) return null
      if (lineStart === 0 && separatorEnd(view) === 0 && headerFields(view.subarray(0, feed + 1))[0]?.name === '')
        return 0
      lineStart = feed + 1
    }
  }
  const additions = (present: ReadonlySet<string>): string => {
    const date = present.has('date') ? '' : `Date: ${options.date}\r\n` // RFC 6409 §8.2.
    return present.has('message-id') ? date : `${date}Message-ID: ${options.messageId}\r\n` // RFC 6409 §8.3.
  }

  /** The header as it shall be, and what came after it. */
  const close = (end: number): readonly Uint8Array[] => {
    passing = true
    const skip = end === 0 ? 0 : separatorEnd(buffer.subarray(0, end))
    const block = buffer.subarray(skip, end)
    const parts: Uint8Array[] = []
    const present = new Set<string>()
    for (const field of headerFields(block)) {
      const name = field.name.toLowerCase()
      present.add(name)
      if (!DROPPED.has(name)) parts.push(block.subarray(field.start, field.end))
    }
    const last = parts.at(-1)
    if (last !== undefined && last.at(-1) !== LF) parts.push(CRLF)
    parts.push(Buffer.from(additions(present)))
    const rest = buffer.subarray(end, length)
    if (rest.length > 0 && emptyLineAt(rest, 0) === 0) parts.push(CRLF)
    parts.push(rest)
    // One piece: a header of a thousand fields is not a thousand writes.
    return [Buffer.concat(parts)]
  }

  return {
    push(chunk) {
      if (passing) return [chunk]
      take(chunk)
      const view = buffer.subarray(0, length) // Past it lie octets that nobody wrote.
      const end = findEnd(view)
      if (end !== null) return close(end)
      // A CR at the end may yet turn out to be half an empty line: `findEnd` looks at the line's start again.
      searched = length
      if (length <= HEADER_BLOCK_MAX_OCTETS) return []
      passing = true
      return [view]
    },
    finish() {
      if (passing) return []
      const unfinished = buffer.subarray(0, length)
      const isHeader = lineStart > 0 || separatorEnd(unfinished) > 0 || headerFields(unfinished)[0]?.name !== ''
      return close(isHeader ? length : 0)
    },
  }
}
