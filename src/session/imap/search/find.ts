import type { StoredMessage } from '../../../core/contract.ts'
import type { MailboxEntry } from '../../../model/mailbox.ts'
import type { SearchKey } from '../../../protocol/imap/search.ts'
import { intersect, type NumberRange } from '../../../protocol/imap/sequence-set.ts'
import type { Conversation } from '../command.ts'
import { asUidRanges, placeFrom, sequenceMap } from '../selected.ts'
import { compileKey, COST, uidsNamed, type Candidate, type SearchContext } from './evaluate.ts'
import { conjuncts } from './keys.ts'

/** Parallel, ascending. `modSeqs` is empty where entries were not looked at. */
export type Found = {
  readonly numbers: readonly number[]
  readonly uids: readonly number[]
  readonly modSeqs: readonly number[]
}

/** All messages, among those announced, that a key fits. */
export async function findMessages(conversation: Conversation<'selected'>, key: SearchKey): Promise<Found> {
  const { handle, selected } = conversation.state
  const uids = await sequenceMap(handle, selected)
  const context: SearchContext = { uids, savedSearch: conversation.savedSearch, now: conversation.clock.now() }
  const ranges = narrow(key, context)
  if (conjuncts(key).every(isSet)) return fromMap(uids, ranges)
  const matcher = compileKey(key, context)
  const numbers: number[] = []
  const found: number[] = []
  const modSeqs: number[] = []
  const named = asUidRanges(ranges)
  const batches: AsyncIterable<readonly (MailboxEntry | StoredMessage)[]> =
    matcher.cost === COST.entry ? handle.entries(selected.mailboxId, named) : handle.messages(selected.mailboxId, named)
  let place = 0
  for await (const batch of batches) {
    for (const entry of batch) {
      while (place < uids.length && uids[place]! < entry.uid) place++
      if (uids[place] !== entry.uid) continue
      const verdict = matcher.test(candidate(conversation, entry, place + 1))
      if (!(typeof verdict === 'boolean' ? verdict : await verdict)) continue
      numbers.push(place + 1)
      found.push(entry.uid)
      modSeqs.push(entry.modSeq)
    }
  }
  return { numbers, uids: found, modSeqs }
}

function candidate(
  { contentSearch, state }: Conversation<'selected'>,
  entry: MailboxEntry | StoredMessage,
  number: number,
): Candidate {
  let probe: ReturnType<Candidate['probe']> | null = null
  return {
    number,
    entry,
    probe: () => (probe ??= contentSearch.probe(state.handle, entry as StoredMessage)),
  }
}

const isSet = ({ key }: SearchKey): boolean => key === 'all' || key === 'uid' || key === 'sequence'

/** Where the sets that must hold leave anything to look at. */
function narrow(key: SearchKey, context: SearchContext): readonly NumberRange[] {
  let ranges: readonly NumberRange[] = [{ from: 1, to: context.uids.at(-1) ?? 0 }]
  if (context.uids.length === 0) return []
  for (const each of conjuncts(key)) {
    if (each.key === 'uid') ranges = intersect(ranges, uidsNamed(each.set, 'uid', context))
    else if (each.key === 'sequence') ranges = intersect(ranges, uidsNamed(each.set, 'number', context))
  }
  return ranges
}

function fromMap(uids: Uint32Array, ranges: readonly NumberRange[]): Found {
  const numbers: number[] = []
  const found: number[] = []
  for (const { from, to } of ranges) {
    for (let place = placeFrom(uids, from); place < uids.length && uids[place]! <= to; place++) {
      numbers.push(place + 1)
      found.push(uids[place]!)
    }
  }
  return { numbers, uids: found, modSeqs: [] }
}
