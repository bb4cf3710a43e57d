import type { Part } from '../../model/message.ts'
import { emptyLineAt, headerFields } from '../header/field.ts'
import { isMessage } from './part-header.ts'

/** Octets [start, end) of the stored message. */
export type OctetRange = { readonly start: number; readonly end: number }

/** `all`: BODY[…] without text; the others as RFC 9051 §6.4.5.1 names them. HEADER.FIELDS filters what `header` gives. */
export type SectionText = 'all' | 'header' | 'text' | 'mime'

/**
 * Finds a part by its number, e.g. `[4, 2, 1]` for `4.2.1` (RFC 9051 §6.4.5.1).
 * A message that is no multipart has itself as part 1; so has one inside a message/rfc822.
 * @param root of the whole message
 * @param path not empty
 * @returns null when there is no such part
 */
export function findPart(root: Part, path: readonly number[]): Part | null {
  let holder: Part = root
  let inside: readonly Part[] = partsOfMessage(root)
  for (const [depth, number] of path.entries()) {
    if (depth > 0) inside = holder.message === null ? holder.parts : partsOfMessage(holder.message.root)
    const next = inside[number - 1]
    if (next === undefined) return null
    holder = next
  }
  return path.length === 0 ? null : holder
}

function partsOfMessage(root: Part): readonly Part[] {
  return root.parts.length > 0 ? root.parts : [root]
}

/**
 * Where a section stands in the stored message (RFC 9051 §6.4.5.1).
 * @param path part number; empty for the message itself
 * @returns null when there is no such part, or the part has no such text
 */
export function sectionRange(root: Part, path: readonly number[], text: SectionText): OctetRange | null {
  if (path.length === 0) {
    if (text === 'mime') return null // RFC 9051 §6.4.5.1: MIME must be prefixed by a number.
    return text === 'all' ? { start: root.headerStart, end: root.bodyEnd } : rangeOf(root, text)
  }
  const part = findPart(root, path)
  if (part === null) return null
  if (text === 'all') return { start: part.bodyStart, end: part.bodyEnd }
  if (text === 'mime') return rangeOf(part, 'header')
  // RFC 9051 §6.4.5.1: HEADER and TEXT after a number are for message/rfc822 and message/global.
  return part.message === null || !isMessage(part) ? null : rangeOf(part.message.root, text)
}

function rangeOf(part: Part, text: 'header' | 'text'): OctetRange {
  return text === 'header'
    ? { start: part.headerStart, end: part.bodyStart }
    : { start: part.bodyStart, end: part.bodyEnd }
}

/**
 * HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 §6.4.5.1): the fields with, or without, these names as written, then the
 * empty line when the header has one. Names compare without ASCII case. Lines that are no fields go with `not`.
 * @param header octets of a whole header
 */
export function filterHeader(header: Uint8Array, names: readonly string[], options: { not: boolean }): Buffer {
  const block = Buffer.from(header.buffer, header.byteOffset, header.length)
  const wanted = new Set(names.map((name) => name.toLowerCase()))
  const kept: Buffer[] = []
  let end = 0
  for (const field of headerFields(block)) {
    end = field.end
    if (wanted.has(field.name.toLowerCase()) !== options.not) kept.push(block.subarray(field.start, end))
  }
  kept.push(block.subarray(end, end + emptyLineAt(block, end)))
  return Buffer.concat(kept)
}
