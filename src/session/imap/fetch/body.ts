import { createBodyDecoder } from '../../../format/charset/transfer.ts'
import {
  filterHeader,
  findPart,
  sectionRange,
  type OctetRange,
  type SectionText,
} from '../../../format/message/section.ts'
import type { Mailboxes, StoredMessage } from '../../../core/contract.ts'
import type { MailboxEntry } from '../../../model/mailbox.ts'
import type { Part } from '../../../model/message.ts'
import type { FetchItem, Partial, Section } from '../../../protocol/imap/fetch.ts'
import { literalMark } from '../../../protocol/imap/print.ts'

export type BodyItem = Extract<FetchItem, { item: 'section' | 'binary' | 'binary-size' }>

export const isBodyItem = (item: FetchItem): item is BodyItem =>
  item.item === 'section' || item.item === 'binary' || item.item === 'binary-size'

/** Whether finding the octets needs the MIME tree; the whole message does not. */
export const needsTree = (item: BodyItem): boolean =>
  item.item === 'section' ? item.section.parts.length > 0 || item.section.text !== null : item.parts.length > 0

/** Bodies are read and written in pieces of this size. */
export const CHUNK_OCTETS = 64 * 1024

/** RFC 3516 §4.3: the part's encoding is not one that we can undo. */
export class UnknownEncoding extends Error {
  override name = 'UnknownEncoding'
}

type Candidate = MailboxEntry | StoredMessage

const treeOf = (message: Candidate): Part | null => ('summary' in message ? message.summary.root : null)

type Pieces = AsyncGenerator<string | Uint8Array, void, void>

/** The octets of a message; `read` may be answered from what was read before. */
export type Source = { read(start: number, end: number): Promise<Uint8Array> }

/** A source that reads a small message once when several items want it. */
export function sourceOf(handle: Mailboxes, message: Candidate, items: readonly BodyItem[]): Source {
  const read = (start: number, end: number): Promise<Uint8Array> => handle.read(message.messageKey, start, end)
  if (items.length < 2 || message.sizeOctets > CHUNK_OCTETS) return { read }
  let whole: Promise<Uint8Array> | null = null
  return {
    async read(start, end) {
      whole ??= read(0, message.sizeOctets)
      return (await whole).subarray(start, end)
    },
  }
}

/** At most how many octets an item reads: what decides between reading at once and streaming. */
export function weigh(message: Candidate, item: BodyItem): number {
  const range = rangeOf(message, item)
  if (range === null) return 0
  const octets = range.end - range.start
  return item.item !== 'binary-size' && item.partial !== null ? Math.min(octets, item.partial.count) : octets
}

const TEXTS = {
  all: 'all',
  HEADER: 'header',
  'HEADER.FIELDS': 'header',
  'HEADER.FIELDS.NOT': 'header',
  TEXT: 'text',
  MIME: 'mime',
} as const satisfies Record<string, SectionText>

function rangeOf(message: Candidate, item: BodyItem): OctetRange | null {
  const whole = { start: 0, end: message.sizeOctets }
  const root = treeOf(message)
  if (item.item === 'section')
    return root === null ? whole : sectionRange(root, item.section.parts, TEXTS[item.section.text ?? 'all'])
  if (item.parts.length === 0 || root === null) return whole
  const part = findPart(root, item.parts)
  return part === null ? null : { start: part.bodyStart, end: part.bodyEnd }
}

/** One item with its name, in pieces. @throws UnknownEncoding before anything was yielded; StoreError */
export function printBody(source: Source, message: Candidate, item: BodyItem): Pieces {
  switch (item.item) {
    case 'section':
      return printSection(source, message, item)
    case 'binary':
    case 'binary-size':
      return printBinary(source, message, item)
  }
}

export type SectionOctets = { readonly octets: number; pieces(): AsyncGenerator<Uint8Array, void, void> }

/** What FETCH BODY would tell of a section, as octets alone; null where there is none. @throws StoreError */
export async function openSection(
  handle: Pick<Mailboxes, 'read'>,
  message: StoredMessage,
  named: { section: Section | null; partial: { start: number; count: number | null } | null },
): Promise<SectionOctets | null> {
  const section = named.section ?? WHOLE
  const partial = named.partial === null ? null : { ...named.partial, count: named.partial.count ?? Infinity }
  const read = (start: number, end: number): Promise<Uint8Array> => handle.read(message.messageKey, start, end)
  const range = sectionRange(message.summary.root, section.parts, TEXTS[section.text ?? 'all'])
  if (range === null) return null
  if (section.text === 'HEADER.FIELDS' || section.text === 'HEADER.FIELDS.NOT') {
    const header = await read(range.start, range.end)
    const fields = filterHeader(header, section.fields, { not: section.text === 'HEADER.FIELDS.NOT' })
    const { start, end } = clip(fields.length, partial)
    return {
      octets: end - start,
      async *pieces() {
        yield withoutNul(fields.subarray(start, end))
      },
    }
  }
  const { start, end } = clip(range.end - range.start, partial)
  return {
    octets: end - start,
    async *pieces() {
      for await (const chunk of chunks({ read }, range.start + start, range.start + end)) yield withoutNul(chunk)
    },
  }
}

const WHOLE: Section = { parts: [], text: null, fields: [] }

const origin = (partial: Partial | null): string => (partial === null ? '' : `<${partial.start}>`)

/** What of a length a partial leaves. */
function clip(octets: number, partial: Partial | null): OctetRange {
  if (partial === null) return { start: 0, end: octets }
  const start = Math.min(partial.start, octets)
  return { start, end: Math.min(start + partial.count, octets) }
}

async function* printSection(source: Source, message: Candidate, item: Extract<BodyItem, { item: 'section' }>): Pieces {
  const { section, partial } = item
  const name = `${item.label}${origin(partial)} `
  const range = rangeOf(message, item)
  if (range === null) {
    yield `${name}NIL`
    return
  }
  if (section.text === 'HEADER.FIELDS' || section.text === 'HEADER.FIELDS.NOT') {
    const header = await source.read(range.start, range.end)
    const fields = filterHeader(header, section.fields, { not: section.text === 'HEADER.FIELDS.NOT' })
    const { start, end } = clip(fields.length, partial)
    yield `${name}${literalMark(end - start)}`
    yield withoutNul(fields.subarray(start, end))
    return
  }
  const { start, end } = clip(range.end - range.start, partial)
  let first = true
  for await (const chunk of chunks(source, range.start + start, range.start + end)) {
    if (first) yield `${name}${literalMark(end - start)}`
    first = false
    yield withoutNul(chunk)
  }
  if (first) yield `${name}""`
}

async function* chunks(source: Source, start: number, end: number): AsyncGenerator<Uint8Array, void, void> {
  for (let at = start; at < end; at += CHUNK_OCTETS) yield source.read(at, Math.min(at + CHUNK_OCTETS, end))
}

/** RFC 9051 §4.3.1: a literal cannot carry NUL. Interop: Dovecot shows it as 0x80 too. */
function withoutNul(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(0)) return bytes
  return bytes.map((octet) => (octet === 0 ? 0x80 : octet))
}

/** RFC 3516 §4.3: the transfer encoding undone. A large part is decoded twice, first to learn its size. */
async function* printBinary(
  source: Source,
  message: Candidate,
  item: Extract<BodyItem, { item: 'binary' | 'binary-size' }>,
): Pieces {
  const sized = item.item === 'binary-size'
  const partial = sized ? null : item.partial
  const name = `BINARY${sized ? '.SIZE' : ''}[${item.parts.join('.')}]${origin(partial)} `
  const range = rangeOf(message, item)
  if (range === null) {
    yield `${name}${sized ? '0' : 'NIL'}`
    return
  }
  const encoding = encodingOf(message, item.parts)
  let size = 0
  for await (const piece of decoded(source, range, encoding)) size += piece.length
  if (sized) {
    yield `${name}${size}`
    return
  }
  const { start, end } = clip(size, partial)
  yield `${name}${literalMark(end - start, true)}`
  let at = 0
  for await (const piece of decoded(source, range, encoding)) {
    const from = Math.max(start - at, 0)
    const to = Math.min(end - at, piece.length)
    at += piece.length
    if (from < to) yield piece.subarray(from, to)
    if (at >= end) break
  }
}

/** Of multiparts and messages nothing is undone (RFC 2045 §6.4). */
function encodingOf(message: Candidate, parts: readonly number[]): string {
  const root = treeOf(message)
  const part = root === null || parts.length === 0 ? null : findPart(root, parts)
  if (part === null || part.type === 'multipart' || part.message !== null) return 'binary'
  return part.encoding
}

async function* decoded(source: Source, range: OctetRange, encoding: string): AsyncGenerator<Uint8Array, void, void> {
  const decoder = createBodyDecoder(encoding)
  if (decoder === null) throw new UnknownEncoding(encoding)
  for await (const chunk of chunks(source, range.start, range.end)) yield decoder.push(chunk)
  const rest = decoder.end()
  if (rest.length > 0) yield rest
}
