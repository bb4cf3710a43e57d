import type { Uid } from '../../model/ids.ts'
import type { UidRange } from '../../model/mailbox.ts'
import { Fault } from '../../protocol/imap/cursor.ts'
import { rangesOf, resolve, type SequenceSet } from '../../protocol/imap/sequence-set.ts'
import type { Conversation } from './command.ts'
import { placeFrom, sequenceMap, uidRangesOf } from './selected.ts'

/**
 * The messages that a command names, as ranges of uids. Uids that no message has are passed over; a message number
 * above EXISTS is an error, also `*` in an empty mailbox (RFC 9051 §9 seq-number).
 * @throws Fault, StoreError
 */
export async function uidRangesNamed(
  { state, savedSearch }: Pick<Conversation<'selected'>, 'state' | 'savedSearch'>,
  set: SequenceSet,
  by: 'number' | 'uid',
): Promise<UidRange[]> {
  // RFC 5182 §2: `$` stands for messages, whichever way the command counts.
  if (set.kind === 'saved') return asUids(rangesOf(savedSearch))
  const uids = await sequenceMap(state.handle, state.selected)
  if (by === 'uid') return asUids(resolve(set.ranges, uids.at(-1) ?? 0))
  const numbers = resolve(set.ranges, uids.length)
  if (uids.length === 0 || (numbers.at(-1)?.to ?? 0) > uids.length) throw new Fault('No message has this number')
  return uidRangesOf(uids, numbers)
}

const asUids = (ranges: readonly { from: number; to: number }[]): UidRange[] =>
  ranges.map(({ from, to }) => ({ from: from as Uid, to: to as Uid }))

/** The ranges (ascending) in portions that name at most so many of the messages each; a portion names some. */
export function inPortions(ranges: readonly UidRange[], uids: Uint32Array, messages: number): UidRange[][] {
  const portions: UidRange[][] = []
  let portion: UidRange[] = []
  let room = messages
  for (const { from, to } of ranges) {
    const end = placeFrom(uids, to + 1)
    let start = placeFrom(uids, from)
    while (start < end) {
      const count = Math.min(end - start, room)
      portion.push({ from: uids[start]! as Uid, to: uids[start + count - 1]! as Uid })
      start += count
      room -= count
      if (room > 0) continue
      portions.push(portion)
      portion = []
      room = messages
    }
  }
  if (portion.length > 0) portions.push(portion)
  return portions
}
