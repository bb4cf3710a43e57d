import type { Uid } from '../../model/ids.ts'
import type { UidRange } from '../../model/mailbox.ts'
import { partOf, type PartialRange } from '../../protocol/imap/partial.ts'
import { placeFrom } from './selected.ts'

/** Of the messages that ranges (ascending) name, those at some places in their list (RFC 9394 §3.3). */
export function partOfRanges(ranges: readonly UidRange[], uids: Uint32Array, partial: PartialRange): UidRange[] {
  const spans = ranges.map(({ from, to }) => ({ start: placeFrom(uids, from), end: placeFrom(uids, to + 1) }))
  const { start, end } = partOf(
    partial,
    spans.reduce((sum, span) => sum + span.end - span.start, 0),
  )
  const part: UidRange[] = []
  let passed = 0
  for (const span of spans) {
    const first = span.start + Math.max(0, start - passed)
    const last = Math.min(span.end, span.start + end - passed) - 1
    if (first <= last) part.push({ from: uids[first]! as Uid, to: uids[last]! as Uid })
    passed += span.end - span.start
  }
  return part
}
