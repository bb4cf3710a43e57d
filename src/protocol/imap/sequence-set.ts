import { Fault, type Cursor } from './cursor.ts'

/** `*`, the largest number in use, as it stands in a set that is not yet resolved. */
export const STAR = 0x1_0000_0000

/** Inclusive. In a parsed set either end may be STAR and they stand as they came; after `resolve` from ≤ to. */
export type NumberRange = { readonly from: number; readonly to: number }

/** RFC 9051 §9 sequence-set; `saved` is `$` (RFC 5182). Numbers or uids, as the command says. */
export type SequenceSet =
  | { readonly kind: 'ranges'; readonly ranges: readonly NumberRange[] }
  | { readonly kind: 'saved' }

const DIGIT_0 = 0x30
const DIGIT_9 = 0x39

export function parseSequenceSet(cursor: Cursor): SequenceSet {
  if (cursor.skip('$')) return { kind: 'saved' }
  return { kind: 'ranges', ranges: parseRanges(cursor, { star: true }) }
}

/** A set without `*` and `$` (RFC 7162 §7 known-uids). */
export const parseUidSet = (cursor: Cursor): readonly NumberRange[] => parseRanges(cursor, { star: false })

function parseRanges(cursor: Cursor, options: { star: boolean }): NumberRange[] {
  const ranges: NumberRange[] = []
  do {
    const from = seqNumber(cursor, options.star)
    const to = cursor.skip(':') ? seqNumber(cursor, options.star) : from
    ranges.push({ from, to })
  } while (cursor.skip(','))
  return ranges
}

function seqNumber(cursor: Cursor, star: boolean): number {
  if (cursor.skip('*')) {
    if (!star) throw new Fault('* is not allowed here')
    return STAR
  }
  return cursor.nzNumber()
}

/** Whether a set (and not, say, a search key) comes next. */
export function looksLikeSet(cursor: Cursor): boolean {
  const c = cursor.peek()
  return (c >= DIGIT_0 && c <= DIGIT_9) || c === 0x2a || c === 0x24
}

/**
 * Ascending, merged, `*` replaced by `largest` (RFC 9051 §9: `*:5` is `5:*`, and `559:*` names the last one
 * even when it is below 559). With `largest` 0, ranges of `*` alone are empty.
 */
export function resolve(ranges: readonly NumberRange[], largest: number): NumberRange[] {
  const ordered: NumberRange[] = []
  for (const range of ranges) {
    const a = range.from === STAR ? largest : range.from
    const b = range.to === STAR ? largest : range.to
    if (a === 0 && b === 0) continue
    ordered.push(a <= b ? { from: Math.max(a, 1), to: b } : { from: Math.max(b, 1), to: a })
  }
  return merge(ordered)
}

/** Ascending and without overlap; neighbours become one. */
export function merge(ranges: readonly NumberRange[]): NumberRange[] {
  const sorted = ranges.toSorted((a, b) => a.from - b.from)
  const merged: { from: number; to: number }[] = []
  for (const range of sorted) {
    const last = merged.at(-1)
    if (last !== undefined && range.from <= last.to + 1) last.to = Math.max(last.to, range.to)
    else merged.push({ from: range.from, to: range.to })
  }
  return merged
}

/** What two ascending merged sets share. */
export function intersect(a: readonly NumberRange[], b: readonly NumberRange[]): NumberRange[] {
  const shared: NumberRange[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const from = Math.max(a[i]!.from, b[j]!.from)
    const to = Math.min(a[i]!.to, b[j]!.to)
    if (from <= to) shared.push({ from, to })
    if (a[i]!.to < b[j]!.to) i++
    else j++
  }
  return shared
}

/** Whether an ascending merged set holds a number. */
export function holds(ranges: readonly NumberRange[], value: number): boolean {
  let low = 0
  let high = ranges.length - 1
  while (low <= high) {
    const mid = (low + high) >>> 1
    const range = ranges[mid]!
    if (value < range.from) high = mid - 1
    else if (value > range.to) low = mid + 1
    else return true
  }
  return false
}

/** Numbers as ranges, in their own order: only a run that ascends by one becomes one (RFC 5267 §3.2). */
export function rangesOf(numbers: ArrayLike<number>): NumberRange[] {
  const ranges: NumberRange[] = []
  for (let i = 0; i < numbers.length;) {
    const from = numbers[i]!
    let to = from
    while (++i < numbers.length && numbers[i] === to + 1) to++
    ranges.push({ from, to })
  }
  return ranges
}

/** `1:3,5`. */
export const printNumbers = (numbers: ArrayLike<number>): string => printRanges(rangesOf(numbers))

export function printRanges(ranges: readonly NumberRange[]): string {
  let text = ''
  for (const { from, to } of ranges) {
    if (text !== '') text += ','
    text += from === to ? String(from) : `${from}:${to}`
  }
  return text
}
