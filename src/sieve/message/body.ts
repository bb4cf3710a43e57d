/** Texts of a letter's parts (RFC 5173 §5, RFC 5703 §7), read when a test wants them. */
import { SIEVE_PART_MAX_OCTETS } from '../../model/limits.ts'
import type { Part } from '../../model/message.ts'
import { decodeCharset } from '../../format/charset/charset.ts'
import { decodeBody } from '../../format/charset/transfer.ts'
import { parameterValue } from '../../format/header/parameters.ts'
import { htmlToText } from '../../format/message/html-text.ts'
import { ask, spend, type Machine } from '../machine.ts'
import type { Steps } from '../spec.ts'

/** All parts below and with `root`, from the outside in, in their order. */
export function* partsOf(root: Part): Generator<Part> {
  yield root
  for (const part of root.parts) yield* partsOf(part)
  if (root.message !== null) yield* partsOf(root.message.root)
}

/**
 * Octets of the letter.
 * Choice: of a part, and of all parts together, only so many are looked at (SIEVE_PART_MAX_OCTETS, SIEVE_BODY_MAX_OCTETS).
 */
export function* readOctets(machine: Machine, start: number, end: number): Steps<Buffer> {
  const length = Math.max(0, Math.min(end - start, SIEVE_PART_MAX_OCTETS, machine.bodyOctetsLeft))
  if (length === 0) return Buffer.alloc(0)
  machine.bodyOctetsLeft -= length
  spend(machine, 100 + (length >> 4))
  const octets = yield* ask<Uint8Array>({ ask: 'octets', start, end: start + length })
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length)
}

/** What a key of `machine.texts` stands for. */
type Form = 'raw' | 'text' | 'plain'

function* remembered(machine: Machine, part: Part, form: Form, make: () => Steps<string>): Steps<string> {
  const key = `${form} ${part.headerStart} ${part.bodyStart} ${part.bodyEnd}`
  const known = machine.texts.get(key)
  if (known !== undefined) return known
  const text = yield* make()
  machine.texts.set(key, text)
  return text
}

/** The body as it came, e.g. of the whole letter; 8-bit octets are UTF-8 when they can be. */
export const rawBody = (machine: Machine, part: Part): Steps<string> =>
  remembered(machine, part, 'raw', function* () {
    return decodeCharset(yield* readOctets(machine, part.bodyStart, part.bodyEnd), null)
  })

/** A leaf's content, transfer encoding and charset undone. */
export const decodedBody = (machine: Machine, part: Part): Steps<string> =>
  remembered(machine, part, 'text', function* () {
    const octets = yield* readOctets(machine, part.bodyStart, part.bodyEnd)
    const content = decodeBody(octets, part.encoding) ?? octets
    return decodeCharset(
      content,
      part.type === 'text' || isHtml(part) ? parameterValue(part.parameters, 'charset') : null,
    )
  })

export const isHtml = ({ type, subtype }: Part): boolean =>
  (type === 'text' && subtype === 'html') || (type === 'application' && subtype === 'xhtml+xml')

/** The same, without the mark-up of HTML. */
export const plainBody = (machine: Machine, part: Part): Steps<string> =>
  isHtml(part)
    ? remembered(machine, part, 'plain', function* () {
        const html = yield* decodedBody(machine, part)
        spend(machine, html.length >> 2)
        return htmlToText(html)
      })
    : decodedBody(machine, part)

/** A multipart's text before its first part, and after its last (RFC 5173 §5.2); each is a string of its own. */
export function* aroundParts(machine: Machine, part: Part): Steps<string[]> {
  const first = part.parts[0]
  const last = part.parts.at(-1)
  if (first === undefined || last === undefined) return []
  const before = decodeCharset(yield* readOctets(machine, part.bodyStart, first.headerStart), null)
  const after = decodeCharset(yield* readOctets(machine, last.bodyEnd, part.bodyEnd), null)
  return [withoutDelimiter(before), withoutClosing(after)]
}

/** Drops the delimiter line at the end, and the line break before it. */
function withoutDelimiter(text: string): string {
  const end = text.lastIndexOf('\n', text.length - 2)
  if (end === -1) return text.startsWith('--') ? '' : text
  return text.slice(0, text[end - 1] === '\r' ? end - 1 : end)
}

/** Drops the closing delimiter's line, and the line break before it. */
function withoutClosing(text: string): string {
  const start = text.startsWith('\r\n') ? 2 : text.startsWith('\n') ? 1 : 0
  if (!text.startsWith('--', start)) return ''
  const end = text.indexOf('\n', start)
  return end === -1 ? '' : text.slice(end + 1)
}
