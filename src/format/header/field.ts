import { isAscii, isUtf8 } from 'node:buffer'
import { decodeCharset } from '../charset/charset.ts'

const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9
const COLON = 58

/** A header field and its place in the block that it was read from. */
export type HeaderField = {
  /** As written; empty for a line that is no field. */
  readonly name: string
  readonly start: number
  readonly valueStart: number
  /** After the line break of its last line. */
  readonly end: number
}

/**
 * Finds the fields of a header block (RFC 5322 §2.2), up to its empty line.
 * Lines end with CRLF or LF. A blank before the colon is tolerated (RFC 5322 §4.5), since clients see such a field too.
 * @param max fields after this many are left out
 */
export function headerFields(block: Buffer, max = Number.POSITIVE_INFINITY): HeaderField[] {
  const fields: HeaderField[] = []
  for (let at = 0; at < block.length && fields.length < max;) {
    if (emptyLineAt(block, at) > 0) break
    let end = lineEndFrom(block, at)
    // RFC 5322 §2.2.3: a line that starts with white space continues the field.
    while (end < block.length && (block[end] === SPACE || block[end] === TAB)) end = lineEndFrom(block, end)
    fields.push(fieldAt(block, at, end))
    at = end
  }
  return fields
}

/** @returns the length of the empty line at `at`, or 0 when the line there is not empty */
export function emptyLineAt(block: Buffer, at: number): number {
  if (block[at] === LF) return 1
  return block[at] === CR && block[at + 1] === LF ? 2 : 0
}

function lineEndFrom(block: Buffer, at: number): number {
  const feed = block.indexOf(LF, at)
  return feed === -1 ? block.length : feed + 1
}

function fieldAt(block: Buffer, start: number, end: number): HeaderField {
  let at = start
  // RFC 5322 §3.6.8: printable US-ASCII except the colon.
  while (at < end && block[at]! > SPACE && block[at]! < 127 && block[at] !== COLON) at++
  const name = block.toString('latin1', start, at)
  while (block[at] === SPACE || block[at] === TAB) at++
  if (name === '' || at >= end || block[at] !== COLON) return { name: '', start, valueStart: start, end }
  return { name, start, valueStart: at + 1, end }
}

/**
 * A field's value as text: unfolded (RFC 5322 §2.2.3), trimmed, encoded words kept.
 * Choice: 8-bit octets are UTF-8 (RFC 6532) when they can be, else `charset`, else windows-1252.
 * NUL becomes U+FFFD and a bare CR a blank, so that no reader stops early (S9).
 */
export function fieldText(block: Buffer, field: HeaderField, charset: string | null = null): string {
  const octets = block.subarray(field.valueStart, field.end)
  const text = isAscii(octets)
    ? octets.toString('latin1')
    : isUtf8(octets)
      ? octets.toString('utf8')
      : decodeCharset(octets, charset)
  return unfold(text)
}

/** Takes out line breaks, keeps the blanks after them, trims. */
export function unfold(text: string): string {
  if (!/[\r\n\0]/.test(text)) return text.trim()
  return text.replace(/\r?\n/g, '').replace(/\r/g, ' ').replaceAll('\0', '\ufffd').trim()
}
