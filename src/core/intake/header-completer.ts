import { emptyLineAt, headerFields } from '../../format/header/field.ts'
import { createHeaderRewriter, separatorEnd, type HeaderRewriter } from './header-rewriter.ts'

const LF = 0x0a
const CRLF = Buffer.from('\r\n')

/** RFC 5322 §3.6.3: blind recipients are nobody else's business. RFC 5321 §4.4: Return-Path is the last server's to write. */
const DROPPED = new Set(['bcc', 'resent-bcc', 'return-path'])

/**
 * The header of a submitted message (RFC 6409 §8): drops Bcc, Resent-Bcc and Return-Path; adds Date and Message-ID where they
 * are missing.
 * Choice: a message whose first line is no header field has no header, and gets one of its own before an empty line.
 * @param options.date the Date field's value; `messageId` with its angle brackets
 */
export function createHeaderCompleter(options: { date: string; messageId: string }): HeaderRewriter {
  const additions = (present: ReadonlySet<string>): string => {
    const date = present.has('date') ? '' : `Date: ${options.date}\r\n` // RFC 6409 §8.2.
    return present.has('message-id') ? date : `${date}Message-ID: ${options.messageId}\r\n` // RFC 6409 §8.3.
  }

  /** The header as it shall be, and what came after it. */
  return createHeaderRewriter((all, end) => {
    const skip = end === 0 ? 0 : separatorEnd(all.subarray(0, end))
    const block = all.subarray(skip, end)
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
    const rest = all.subarray(end)
    if (rest.length > 0 && emptyLineAt(rest, 0) === 0) parts.push(CRLF)
    parts.push(rest)
    // One piece: a header of a thousand fields is not a thousand writes.
    return Buffer.concat(parts)
  })
}
