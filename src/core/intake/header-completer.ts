import { HEADER_BLOCK_MAX_OCTETS } from '../../model/limits.ts'

/** Rewrites the header of a submitted message while it streams by (RFC 6409 §8); the body passes untouched. */
export type HeaderCompleter = {
  /** @returns what may be written on: nothing while the header is still incomplete */
  push(chunk: Uint8Array): readonly Uint8Array[]
  finish(): readonly Uint8Array[]
}

const LF = 0x0a
const CR = 0x0d
const CRLF = Buffer.from('\r\n')

/** RFC 5322 §3.6.3: blind recipients are nobody else's business. RFC 5321 §4.4: Return-Path is the last server's to write. */
const DROPPED = new Set(['bcc', 'resent-bcc', 'return-path'])
/** Longer names are none of those we look for. */
const NAME_MAX_OCTETS = 32

const isBlank = (octet: number | undefined): boolean => octet === 0x20 || octet === 0x09

/** The field's name in lower case, or null when the line is no field (RFC 5322 §3.6.8; §4.5: blanks before the colon). */
function fieldName(line: Buffer): string | null {
  let end = 0
  while (end < line.length && line[end]! > 0x20 && line[end]! < 0x7f && line[end] !== 0x3a) end++
  if (end === 0) return null
  let colon = end
  while (isBlank(line[colon])) colon++
  if (line[colon] !== 0x3a) return null
  return end > NAME_MAX_OCTETS ? '' : line.toString('latin1', 0, end).toLowerCase()
}

/**
 * Drops Bcc, Resent-Bcc and Return-Path; adds Date and Message-ID where they are missing.
 * Choice: a line that is no header field ends the header, and an empty line is put before it.
 * Choice: a header larger than HEADER_BLOCK_MAX_OCTETS passes as it is; the scan refuses it.
 * @param options.date the Date field's value; `messageId` with its angle brackets
 */
export function createHeaderCompleter(options: { date: string; messageId: string }): HeaderCompleter {
  let buffer = Buffer.allocUnsafe(4096)
  let length = 0
  let lineStart = 0
  let searched = 0
  let passing = false
  let dropping = false
  const present = new Set<string>()
  /** Parts of the header to keep, as [start, end) in `buffer`. */
  const kept: [start: number, end: number][] = []

  const take = (chunk: Uint8Array): void => {
    if (length + chunk.length > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + chunk.length))
      buffer.copy(larger, 0, 0, length)
      buffer = larger
    }
    buffer.set(chunk, length)
    length += chunk.length
  }

  const keep = (start: number, end: number): void => {
    const last = kept.at(-1)
    if (last?.[1] === start) last[1] = end
    else kept.push([start, end])
  }

  /** @returns whether the line still belongs to the header */
  const readLine = (start: number, end: number): boolean => {
    const line = buffer.subarray(start, end)
    if (line[0] === LF || (line[0] === CR && line[1] === LF)) return false
    if (isBlank(line[0]) && start > 0) {
      if (!dropping) keep(start, end)
      return true
    }
    // Interop: some programs leave the separator line of an mbox file in front.
    if (start === 0 && line.toString('latin1', 0, 5) === 'From ') return true
    const name = fieldName(line)
    if (name === null) return false
    present.add(name)
    dropping = DROPPED.has(name)
    if (!dropping) keep(start, end)
    return true
  }

  /** The header as it shall be, and what came after it. */
  const close = (bodyStart: number): readonly Uint8Array[] => {
    passing = true
    const parts: Uint8Array[] = kept.map(([start, end]) => buffer.subarray(start, end))
    const last = parts.at(-1)
    if (last !== undefined && last.at(-1) !== LF) parts.push(CRLF)
    let added = ''
    if (!present.has('date')) added += `Date: ${options.date}\r\n` // RFC 6409 §8.2.
    if (!present.has('message-id')) added += `Message-ID: ${options.messageId}\r\n` // RFC 6409 §8.3.
    if (added !== '') parts.push(Buffer.from(added))
    const rest = buffer.subarray(bodyStart, length)
    const separated = rest.length === 0 || rest[0] === LF || (rest[0] === CR && rest[1] === LF)
    if (!separated) parts.push(CRLF)
    if (rest.length > 0) parts.push(rest)
    return parts
  }

  return {
    push(chunk) {
      if (passing) return [chunk]
      take(chunk)
      const view = buffer.subarray(0, length) // Past it lie octets that nobody wrote.
      for (let end = view.indexOf(LF, searched); end !== -1; end = view.indexOf(LF, lineStart)) {
        if (!readLine(lineStart, end + 1)) return close(lineStart)
        lineStart = end + 1
      }
      searched = length
      if (length <= HEADER_BLOCK_MAX_OCTETS) return []
      passing = true
      return [buffer.subarray(0, length)]
    },
    finish() {
      if (passing) return []
      if (lineStart < length && !readLine(lineStart, length)) return close(lineStart)
      return close(length)
    },
  }
}
