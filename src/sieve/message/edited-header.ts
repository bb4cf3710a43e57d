/** A letter's header as a script sees it, with its edits (RFC 5293). */
import { isDeepStrictEqual } from 'node:util'
import { HEADER_BLOCK_MAX_OCTETS, HEADER_LINES_MAX } from '../../model/limits.ts'
import { fieldText, headerFields, unfold, type HeaderField } from '../../format/header/field.ts'
import { decodeWords } from '../../format/header/words.ts'
import type { HeaderVersion } from '../contract.ts'

export type Field = {
  /** Lower-case. */
  readonly name: string
  /** Unfolded, encoded words kept. */
  raw(): string
  /** Encoded words decoded. */
  text(): string
  /** Where it stands in the letter; null for one that was added. */
  readonly range: { readonly start: number; readonly end: number } | null
  /** Of one that was added: its lines, with CRLF. */
  readonly lines: string
}

export type EditedHeader = {
  readonly fields: readonly Field[]
  named(name: string): readonly Field[]
  /** @param lines of one field, folded, with CRLF */
  add(name: string, value: string, lines: string, where: 'first' | 'last'): void
  remove(field: Field): void
  /** Index of the version that stands now, into `versions`. */
  version(): number
  readonly versions: readonly HeaderVersion[]
}

/** Fields of a header block, in order; lines that are no fields are left out. */
export function readFields(block: Uint8Array, charset: string | null = null): Field[] {
  const octets = Buffer.from(block.buffer, block.byteOffset, Math.min(block.length, HEADER_BLOCK_MAX_OCTETS))
  return headerFields(octets, HEADER_LINES_MAX)
    .filter((field) => field.name !== '')
    .map((field) => storedField(octets, field, charset))
}

function storedField(block: Buffer, field: HeaderField, charset: string | null): Field {
  let raw: string | null = null
  let text: string | null = null
  // Interop: a tab that a line was folded at is a blank, as in Pigeonhole, so that a value can name a mailbox.
  const readRaw = (): string => (raw ??= fieldText(block, field, charset).replaceAll('\t', ' '))
  return {
    name: field.name.toLowerCase(),
    raw: readRaw,
    text: () => (text ??= decodeWords(readRaw())),
    range: { start: field.start, end: field.end },
    lines: '',
  }
}

export function createEditedHeader(block: Uint8Array): EditedHeader {
  let fields = readFields(block)
  const removed: { start: number; end: number }[] = []
  /** Fields before this one were added in front. */
  let firsts = 0
  const versions: HeaderVersion[] = [{ removed: [], first: '', last: '' }]
  let current = 0
  let changed = false
  /** Made when a name is looked for, forgotten when something changes. */
  let byName: Map<string, Field[]> | null = null

  return {
    get fields() {
      return fields
    },
    named(name) {
      byName ??= Map.groupBy(fields, (field) => field.name)
      return byName.get(name.toLowerCase()) ?? []
    },
    add(name, value, lines, where) {
      const clean = unfold(value)
      const field: Field = { name: name.toLowerCase(), raw: () => clean, text: () => clean, range: null, lines }
      if (where === 'first') firsts++
      byName = null
      fields = where === 'first' ? [field, ...fields] : [...fields, field]
      changed = true
    },
    remove(field) {
      const index = fields.indexOf(field)
      if (index === -1) return
      if (field.range !== null) removed.push(field.range)
      else if (index < firsts) firsts--
      byName = null
      fields = fields.filter((other) => other !== field)
      changed = true
    },
    version() {
      if (changed) {
        const lines = (of: readonly Field[]): string => of.map((field) => field.lines).join('')
        const version: HeaderVersion = {
          removed: removed.toSorted((a, b) => a.start - b.start),
          first: lines(fields.slice(0, firsts)),
          last: lines(fields.slice(firsts)),
        }
        // RFC 5293 §7: added and deleted again, the letter is what it was.
        current = versions.findIndex((other) => isDeepStrictEqual(other, version))
        if (current === -1) current = versions.push(version) - 1
        changed = false
      }
      return current
    },
    versions,
  }
}

/**
 * The octets of an edited header.
 * @param header octets of the letter from its start, at least to the end of its header
 * @param headerEnd where its header ends, the empty line not counted
 */
export function editHeader(header: Uint8Array, headerEnd: number, version: HeaderVersion): Buffer {
  const octets = Buffer.from(header.buffer, header.byteOffset, header.length)
  const pieces: Buffer[] = [Buffer.from(version.first)]
  let at = 0
  for (const { start, end } of version.removed) {
    pieces.push(octets.subarray(at, Math.max(at, start)))
    at = Math.max(at, end)
  }
  const rest = octets.subarray(at, headerEnd)
  pieces.push(rest)
  // A header that was cut in its last line: what is added begins a line of its own.
  if (version.last !== '' && headerEnd > 0 && octets[headerEnd - 1] !== 10) pieces.push(Buffer.from('\r\n'))
  pieces.push(Buffer.from(version.last), octets.subarray(headerEnd))
  return Buffer.concat(pieces)
}
