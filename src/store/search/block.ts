/**
 * A block: which of up to 1024 messages hold which of 65,536 grams. Each gram has a list of places: gaps as varints, or
 * one bit for each message, whichever is shorter. Lists of 32 grams are a row, with a checksum: damage must not lose results.
 */
import { crc32 } from 'node:zlib'
import { StoreError } from '../contract.ts'

const GRAMS = 65_536
const GRAMS_PER_ROW = 32
export const ROWS = GRAMS / GRAMS_PER_ROW
const CRC_OCTETS = 4

export const rowOf = (gram: number): number => Math.floor(gram / GRAMS_PER_ROW)
export const bitmapOctets = (messages: number): number => (messages + 7) >> 3

/** Rows that are not all empty. The octets hold until the next is asked for. */
export function* encodeBlock(messages: readonly Uint16Array[]): Generator<{ row: number; octets: Uint8Array }> {
  const { starts, places } = placesByGram(messages)
  const bitmap = bitmapOctets(messages.length)
  const into = Buffer.allocUnsafe(GRAMS_PER_ROW * (bitmap + 2) + CRC_OCTETS)
  for (let row = 0; row < ROWS; row++) {
    const first = row * GRAMS_PER_ROW
    if (starts[first] === starts[first + GRAMS_PER_ROW]) continue
    let at = 0
    for (let gram = first; gram < first + GRAMS_PER_ROW; gram++) {
      at = writeList(into, at, places.subarray(starts[gram], starts[gram + 1]), bitmap)
    }
    into.writeUInt32LE(crc32(into.subarray(0, at)), at)
    yield { row, octets: into.subarray(0, at + CRC_OCTETS) }
  }
}

/** The messages of gram g are `places[starts[g]] … places[starts[g + 1] - 1]`, ascending. */
function placesByGram(messages: readonly Uint16Array[]): { starts: Uint32Array; places: Uint16Array } {
  const starts = new Uint32Array(GRAMS + 1)
  for (const grams of messages) for (let i = 0; i < grams.length; i++) starts[grams[i]! + 1]!++
  for (let gram = 0; gram < GRAMS; gram++) starts[gram + 1]! += starts[gram]!
  const next = starts.slice()
  const places = new Uint16Array(starts[GRAMS]!)
  messages.forEach((grams, place) => {
    for (let i = 0; i < grams.length; i++) places[next[grams[i]!]!++] = place
  })
  return { starts, places }
}

/** A list of the bitmap's length is one. */
function writeList(into: Buffer, at: number, places: Uint16Array, bitmap: number): number {
  const length = gapsLength(places, bitmap)
  let to = writeVarint(into, at, length)
  if (length === bitmap) {
    into.fill(0, to, to + bitmap)
    for (let i = 0; i < places.length; i++) into[to + (places[i]! >> 3)]! |= 1 << (places[i]! & 7)
    return to + bitmap
  }
  let last = -1
  for (let i = 0; i < places.length; i++) {
    to = writeVarint(into, to, places[i]! - last - 1)
    last = places[i]!
  }
  return to
}

/** At most `max`: then a bitmap is as good. */
function gapsLength(places: Uint16Array, max: number): number {
  if (places.length >= max) return max
  let length = 0
  let last = -1
  for (let i = 0; i < places.length; i++) {
    length += places[i]! - last - 1 < 0x80 ? 1 : 2
    last = places[i]!
  }
  return Math.min(length, max)
}

/** Up to 14 bits. */
function writeVarint(into: Buffer, at: number, value: number): number {
  if (value < 0x80) {
    into[at] = value
    return at + 1
  }
  into[at] = 0x80 | (value & 0x7f)
  into[at + 1] = value >> 7
  return at + 2
}

/** Leaves in `bits`, one bit for each message, those that hold all of a row's `grams`. @throws StoreError `damaged` */
export function keepThose(bits: Uint8Array, octets: Uint8Array, grams: readonly number[], messages: number): void {
  const lists = readLists(octets, messages)
  for (const gram of grams) {
    const list = bitsOf(lists[gram % GRAMS_PER_ROW]!, messages)
    for (let i = 0; i < bits.length; i++) bits[i]! &= list[i]!
  }
}

/** Calls `each` for every gram of a row and every message that holds it. @throws StoreError `damaged` */
export function eachPlace(
  row: { row: number; octets: Uint8Array },
  messages: number,
  each: (gram: number, place: number) => void,
): void {
  readLists(row.octets, messages).forEach((list, i) => {
    if (list.length === 0) return
    const bits = bitsOf(list, messages)
    for (let place = 0; place < messages; place++) if (hasBit(bits, place)) each(row.row * GRAMS_PER_ROW + i, place)
  })
}

export const hasBit = (bits: Uint8Array, place: number): boolean => (bits[place >> 3]! & (1 << (place & 7))) !== 0

function readLists(octets: Uint8Array, messages: number): Uint8Array[] {
  const end = octets.length - CRC_OCTETS
  if (end < 0 || Buffer.from(octets.buffer, octets.byteOffset).readUInt32LE(end) !== crc32(octets.subarray(0, end))) {
    throw new StoreError('damaged', 'a row of the search index does not verify')
  }
  const lists: Uint8Array[] = []
  let at = 0
  for (let i = 0; i < GRAMS_PER_ROW; i++) {
    let length = octets[at++]!
    if (length >= 0x80) length = (length & 0x7f) | (octets[at++]! << 7)
    lists.push(octets.subarray(at, at + length))
    at += length
  }
  if (at !== end || messages === 0) throw new StoreError('damaged', 'a row of the search index is not of its block')
  return lists
}

function bitsOf(list: Uint8Array, messages: number): Uint8Array {
  const bitmap = bitmapOctets(messages)
  if (list.length === bitmap) return list
  const bits = new Uint8Array(bitmap)
  let place = -1
  for (let i = 0; i < list.length;) {
    let gap = list[i++]!
    if (gap >= 0x80) gap = (gap & 0x7f) | (list[i++]! << 7)
    place += gap + 1
    bits[place >> 3]! |= 1 << (place & 7)
  }
  return bits
}
