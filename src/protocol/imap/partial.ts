import type { Cursor } from './cursor.ts'

/** Places in a list, from 1 on (RFC 9394 §4 partial-range): `first` ≤ `last`, counted from its end where `fromEnd`. */
export type PartialRange = {
  readonly first: number
  readonly last: number
  readonly fromEnd: boolean
  /** As the client wrote it. */
  readonly text: string
}

export function parsePartialRange(cursor: Cursor): PartialRange {
  const start = cursor.at
  const fromEnd = cursor.skip('-')
  const a = cursor.nzNumber()
  cursor.expect(':')
  if (fromEnd) cursor.expect('-')
  const b = cursor.nzNumber()
  const text = cursor.bytes.toString('latin1', start, cursor.at)
  return { first: Math.min(a, b), last: Math.max(a, b), fromEnd, text } // RFC 9394 §4: 500:400 is 400:500.
}

/** The part of a list of so many that a range names: [start, end), in the list's own order. */
export function partOf(range: PartialRange, count: number): { start: number; end: number } {
  const { first, last, fromEnd } = range
  return fromEnd
    ? { start: Math.max(0, count - last), end: Math.max(0, count - first + 1) }
    : { start: Math.min(first - 1, count), end: Math.min(last, count) }
}
