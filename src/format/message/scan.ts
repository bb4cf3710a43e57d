import {
  ADDRESSES_PER_MESSAGE_MAX,
  BOUNDARY_MAX_OCTETS,
  HEADER_BLOCK_MAX_OCTETS,
  MIME_DEPTH_MAX,
  MIME_HEADERS_MAX_OCTETS,
  MIME_PARTS_MAX,
} from '../../model/limits.ts'
import type { HeaderSummary, MessageSummary, Part } from '../../model/message.ts'
import { parameterValue } from '../header/parameters.ts'
import { makeSortKeys } from '../sort/sort-keys.ts'
import {
  countFields,
  indexHeader,
  readReferences,
  readSentAt,
  readThreadReferences,
  summarize,
  type HeaderIndex,
} from './header-index.ts'
import { isMessage, PLAIN, readBoundary, readPart, type DefaultType, type GrowingPart } from './part-header.ts'
import { createPrefix, type Prefix } from './prefix.ts'
import { makePreview } from './preview.ts'

const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9
const DASH = 45
/** Octets of a text part that its preview is made from. */
const PREVIEW_SOURCE_MAX_OCTETS = 16 * 1024
/** `--`, the boundary, `--`. */
const DELIMITER_MAX_OCTETS = BOUNDARY_MAX_OCTETS + 4
const NO_OCTETS = Buffer.alloc(0)

export type ScanResult = {
  readonly summary: MessageSummary
  /** Received and From fields of the message's header, whoever wrote them. */
  readonly receivedCount: number
  readonly fromCount: number
  readonly malformed: {
    /** More octets than HEADER_BLOCK_MAX_OCTETS or fields than HEADER_LINES_MAX. What came after is not in the summary. */
    readonly headerTooLarge: boolean
    /** RFC 5322 §2.2: no NUL in a header. */
    readonly headerHasNul: boolean
    /** Legal with BODY=BINARYMIME only (RFC 3030). */
    readonly bodyHasNul: boolean
  }
}

export type Scanner = {
  /** Looks at the next octets of the message once and keeps no reference to them. */
  push(chunk: Uint8Array): void
  /** Ends the message. Called once. */
  finish(): ScanResult
}

/** A header whose end has not been seen: of the innermost part, so there is at most one. */
type OpenHeader = { readonly start: number; readonly defaultType: DefaultType; readonly octets: Prefix }

/** A body whose end has not been seen. */
type OpenBody = {
  readonly part: GrowingPart
  readonly at: 'leaf' | 'multipart' | 'message'
  /** Of a multipart before its closing delimiter. */
  boundary: string | null
  /** Line feeds of the message before the body. */
  readonly feedsBefore: number
}

type Capture = { readonly part: GrowingPart; readonly octets: Prefix }

/**
 * An indexer of messages: one pass, each octet looked at once, memory bounded by the limits of headers and parts.
 * Lines end with CRLF or LF; offsets are those of the octets as pushed, whatever the chunks.
 *
 * What is ambiguous has one meaning, here and thereby everywhere (S10):
 * Choice: a header ends at the first empty line; lines that are no fields do not end it.
 * Choice: a delimiter is a whole line, blanks at its end aside (RFC 2046 §5.1.1 would take any line that starts so, but
 * today's clients do not); where several open multiparts could own it, the innermost does.
 * Choice: after its closing delimiter a multipart has no more parts; without one it ends with what holds it.
 * Choice: a multipart without usable boundary or without any part, and one deeper than MIME_DEPTH_MAX, is a text/plain leaf.
 * Choice: part number MIME_PARTS_MAX takes all the rest of the message.
 */
export function createScanner(): Scanner {
  const stack: OpenBody[] = []
  let header: OpenHeader | null = null
  /** Boundaries of open multiparts, each with the place in the stack of the innermost that uses it. */
  const boundaries = new Map<string, number>()
  /** Lengths that boundaries have had: spares most lines a look-up. */
  const lengths = new Set<number>()
  const line = Buffer.alloc(DELIMITER_MAX_OCTETS)
  const budget = { left: ADDRESSES_PER_MESSAGE_MAX }
  const captures: { plain: Capture | null; html: Capture | null } = { plain: null, html: null }
  const root: { header: HeaderIndex; summary: HeaderSummary; tooLarge: boolean; part: GrowingPart }[] = []
  let parts = 0
  let headersOctets = 0
  let sealed = false

  // The chunk at hand and where the message is.
  let chunk: Buffer = NO_OCTETS
  let chunkStart = 0
  let lastOctet = 0
  let feeds = 0
  let lineStart = 0
  let previousLineStart = 0
  /** Length of the line break before `lineStart`. */
  let breakOctets = 0
  /** Octets of the line collected in `line`; -1 when it cannot be a delimiter. */
  let held = 0
  let firstNul = -1
  let lastNul = -1

  open(0, 'text/plain')

  function open(start: number, defaultType: DefaultType): void {
    parts++
    if (parts >= MIME_PARTS_MAX || headersOctets >= MIME_HEADERS_MAX_OCTETS) {
      sealed = true
      boundaries.clear()
    }
    header = { start, defaultType, octets: createPrefix(start, HEADER_BLOCK_MAX_OCTETS + 1) }
  }

  /** The header has ended, by an empty line, a delimiter or the end of the message. */
  function endHeader(ended: OpenHeader, bodyStart: number): void {
    header = null
    ended.octets.take(chunk, chunkStart, bodyStart)
    const block = ended.octets.bytes(bodyStart)
    headersOctets += block.length
    const index = indexHeader(block.subarray(0, HEADER_BLOCK_MAX_OCTETS))
    const part = readPart(index, ended.defaultType, ended.start, bodyStart)
    attach(part, index, block.length > HEADER_BLOCK_MAX_OCTETS)
    openBody(part)
  }

  function attach(part: GrowingPart, index: HeaderIndex, cut: boolean): void {
    const parent = stack.at(-1)
    if (parent?.at === 'multipart') {
      parent.part.parts.push(part)
      return
    }
    const summary = summarize(index, parameterValue(part.parameters, 'charset'), budget)
    if (parent !== undefined) parent.part.message = { summary, root: part }
    else root.push({ header: index, summary, tooLarge: cut || index.overflow, part })
  }

  /** Decides what the part is, now that its header is known. */
  function openBody(part: GrowingPart): void {
    const mayHold = !sealed && stack.length < MIME_DEPTH_MAX
    const boundary = part.type === 'multipart' && mayHold ? readBoundary(part) : null
    const at = boundary !== null ? 'multipart' : isMessage(part) && mayHold ? 'message' : 'leaf'
    if (at === 'leaf') {
      if (part.type === 'multipart' || isMessage(part)) becomePlain(part)
      capture(part)
    }
    stack.push({ part, at, boundary, feedsBefore: feeds })
    if (boundary !== null) {
      boundaries.set(boundary, stack.length - 1)
      lengths.add(boundary.length)
    }
    if (at === 'message') open(part.bodyStart, 'text/plain')
  }

  function capture(part: GrowingPart): void {
    if (part.type !== 'text' || (part.subtype !== 'plain' && part.subtype !== 'html')) return
    if (captures[part.subtype] !== null || part.disposition?.type === 'attachment') return
    if (stack.some((above) => above.at === 'message')) return
    captures[part.subtype] = { part, octets: createPrefix(part.bodyStart, PREVIEW_SOURCE_MAX_OCTETS) }
  }

  /**
   * Closes all parts above `depth`, from the inside out.
   * @param end where their bodies end: before the line break that a delimiter owns (RFC 2046 §5.1.1)
   * @param linesEnd line feeds before `end`, one more when its last line has none
   */
  function closeDownTo(depth: number, end: number, linesEnd: number): void {
    let bodyEnd = end
    while (header !== null || stack.length > depth) {
      if (header !== null) {
        endHeader(header, Math.max(bodyEnd, header.start))
        continue
      }
      const { part, at, boundary, feedsBefore } = stack.pop()!
      // An empty part starts where the delimiter does, after the line break: its holder reaches as far.
      bodyEnd = Math.max(bodyEnd, part.bodyStart)
      part.bodyEnd = bodyEnd
      part.lines = bodyEnd === part.bodyStart ? 0 : Math.max(0, (bodyEnd === end ? linesEnd : feeds) - feedsBefore)
      if (boundary !== null) forget(boundary)
      if (at === 'multipart' && part.parts.length === 0) becomePlain(part)
      if (captures.plain?.part === part) endCapture('plain', bodyEnd)
      if (captures.html?.part === part) endCapture('html', bodyEnd)
    }
  }

  /** An empty text is no preview: the next one may be. */
  function endCapture(kind: 'plain' | 'html', end: number): void {
    const { octets } = captures[kind]!
    octets.take(chunk, chunkStart, end)
    if (octets.bytes(end).toString('latin1').trim() === '') captures[kind] = null
  }

  function forget(boundary: string): void {
    boundaries.delete(boundary)
    for (let i = 0; i < stack.length; i++) if (stack[i]!.boundary === boundary) boundaries.set(boundary, i)
  }

  /** @returns whose delimiter the collected line is, or null */
  function matchDelimiter(): { index: number; closing: boolean } | null {
    if (held < 3) return null
    let length = held
    while (length > 2 && isPadding(line[length - 1]!)) length--
    if (!lengths.has(length - 2) && !lengths.has(length - 4)) return null
    const text = line.toString('latin1', 2, length)
    const opening = boundaries.get(text) ?? -1
    const closing = text.endsWith('--') ? (boundaries.get(text.slice(0, -2)) ?? -1) : -1
    if (opening === -1 && closing === -1) return null
    return closing > opening ? { index: closing, closing: true } : { index: opening, closing: false }
  }

  /** The line from `lineStart` is a delimiter; what comes after it starts at `next`. */
  function takeDelimiter(index: number, closing: boolean, next: number): void {
    const end = lineStart - breakOctets
    closeDownTo(index + 1, end, end > previousLineStart ? feeds : feeds - 1)
    const owner = stack[index]!
    if (!closing) open(next, isDigest(owner.part) ? 'message/rfc822' : 'text/plain')
    else {
      const { boundary } = owner
      owner.boundary = null
      forget(boundary!)
    }
  }

  /** The line feed at `i` of the chunk ends a line. */
  function endLine(i: number): void {
    const next = chunkStart + i + 1
    const afterCr = (i === 0 ? lastOctet : chunk[i - 1]) === CR && next - lineStart > 1
    const delimiter = matchDelimiter()
    if (delimiter !== null) takeDelimiter(delimiter.index, delimiter.closing, next)
    feeds++
    breakOctets = afterCr ? 2 : 1
    const isEmpty = next - lineStart === breakOctets
    previousLineStart = lineStart
    lineStart = next
    held = 0
    if (header !== null && isEmpty) endHeader(header, next)
  }

  /** Collects a line that may be a delimiter. @returns where it stopped: at a line feed, or where the line is none */
  function collect(from: number): number {
    for (let i = from; i < chunk.length; i++) {
      const octet = chunk[i]!
      if (octet === LF) {
        if (held < 3) held = -1
        return i
      }
      if (held < 2 ? octet !== DASH : held === DELIMITER_MAX_OCTETS && !isPadding(octet)) {
        held = -1
        return i
      }
      if (held < DELIMITER_MAX_OCTETS) line[held++] = octet
    }
    return chunk.length
  }

  /**
   * Passes lines that mean nothing here.
   * @returns the index of the next line feed that matters: before a line that may be a delimiter, at the end of a header
   * line that may be empty, or last in the chunk; the end of the chunk when there is none
   */
  function skipLines(from: number, inHeader: boolean): number {
    const octets = chunk
    const last = octets.length - 1
    let passed = 0
    let start = lineStart - chunkStart
    let i = from
    for (; i < last; i++) {
      if (octets[i] !== LF) continue
      if (octets[i + 1] === DASH || (inHeader && i - start < 2)) break
      passed++
      start = i + 1
    }
    feeds += passed
    lineStart = chunkStart + start
    return i < last || octets[last] === LF ? i : octets.length
  }

  /** Without open boundaries nothing but line feeds counts any more. */
  function countFeeds(from: number): void {
    const octets = chunk
    let passed = 0
    for (let i = from; i < octets.length; i++) if (octets[i] === LF) passed++
    feeds += passed
  }

  function scanChunk(): void {
    let i = 0
    while (i < chunk.length) {
      const inHeader = header !== null
      if (!inHeader && boundaries.size === 0) return countFeeds(i)
      if (held >= 0) i = collect(i)
      if (held < 0) i = skipLines(i, inHeader)
      if (i < chunk.length) endLine(i++)
    }
  }

  return {
    push(bytes) {
      if (bytes.length === 0) return
      chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      const nul = chunk.indexOf(0)
      if (nul !== -1) {
        if (firstNul === -1) firstNul = chunkStart + nul
        lastNul = chunkStart + chunk.lastIndexOf(0)
      }
      scanChunk()
      const end = chunkStart + chunk.length
      header?.octets.take(chunk, chunkStart, end)
      captures.plain?.octets.take(chunk, chunkStart, end)
      captures.html?.octets.take(chunk, chunkStart, end)
      chunkStart = end
      lastOctet = chunk.at(-1)!
      chunk = NO_OCTETS
    },
    finish() {
      const size = chunkStart
      const delimiter = matchDelimiter()
      // A delimiter cut off by the end of the message starts no part.
      if (delimiter !== null) takeDelimiter(delimiter.index, true, size)
      closeDownTo(0, size, lastOctet === LF ? feeds : feeds + 1)
      const { header: index, summary, tooLarge, part } = root[0]!
      const sentAt = readSentAt(index)
      return {
        summary: {
          sizeOctets: size,
          header: summary,
          root: part,
          references: readReferences(index),
          sentAt,
          preview: previewOf(captures.plain) || previewOf(captures.html),
          sortKeys: makeSortKeys(summary, sentAt, readThreadReferences(index)),
        },
        receivedCount: countFields(index, 'received'),
        fromCount: countFields(index, 'from'),
        malformed: {
          headerTooLarge: tooLarge,
          headerHasNul: firstNul !== -1 && firstNul < part.bodyStart,
          bodyHasNul: lastNul >= part.bodyStart,
        },
      }
    },
  }
}

function previewOf(capture: Capture | null): string {
  if (capture === null) return ''
  const { part, octets } = capture
  const body = octets.bytes(part.bodyEnd)
  return makePreview(part, body, body.length < part.bodyEnd - part.bodyStart)
}

/** RFC 2046 §5.1.5. */
function isDigest(part: Part): boolean {
  return part.type === 'multipart' && part.subtype === 'digest'
}

function becomePlain(part: GrowingPart): void {
  Object.assign(part, PLAIN)
}

/** RFC 2046 §5.1.1: transport padding may follow a delimiter. */
function isPadding(octet: number): boolean {
  return octet === SPACE || octet === TAB || octet === CR
}
