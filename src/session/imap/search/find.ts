import type { ContentSearch, Mailboxes, StoredMessage } from '../../../core/contract.ts'
import type { MailboxId, MessageKey } from '../../../model/ids.ts'
import { IMAP_SEARCH_IDS_MAX } from '../../../model/limits.ts'
import type { MailboxEntry } from '../../../model/mailbox.ts'
import { Fault } from '../../../protocol/imap/cursor.ts'
import type { SearchKey } from '../../../protocol/imap/search.ts'
import { intersect, type NumberRange } from '../../../protocol/imap/sequence-set.ts'
import type { Conversation } from '../command.ts'
import { createProgress, type Progress } from '../progress.ts'
import { keysNamed } from '../object-id.ts'
import { asUidRanges, placeFrom, sequenceMap } from '../selected.ts'
import { askIndex, pickByIndex } from './by-index.ts'
import { compileKey, COST, uidsNamed, type Candidate, type SearchContext } from './evaluate.ts'
import { conjuncts } from './keys.ts'

/** Parallel, ascending. `modSeqs` is empty where entries were not looked at. */
export type Found = {
  readonly numbers: readonly number[]
  readonly uids: readonly number[]
  readonly modSeqs: readonly number[]
}

/** Where to look: a mailbox and its messages by number. */
export type Place = {
  readonly handle: Mailboxes
  readonly mailboxId: MailboxId
  readonly context: SearchContext
  readonly contentSearch: ContentSearch
  readonly progress: Progress
}

/** All messages of the mailbox selected, among those announced, that a key fits. */
export async function findMessages(conversation: Conversation<'selected'>, key: SearchKey): Promise<Found> {
  const { clock, contentSearch, savedSearch } = conversation
  const { handle, selected } = conversation.state
  const uids = await sequenceMap(handle, selected)
  const context: SearchContext = { uids, savedSearch, now: clock.now() }
  const progress = createProgress(conversation)
  return findIn({ handle, mailboxId: selected.mailboxId, context, contentSearch, progress }, key)
}

/** All messages of a mailbox that a key fits. */
export async function findIn(place: Place, key: SearchKey): Promise<Found> {
  const { handle, mailboxId, context } = place
  const { uids } = context
  const named = narrow(key, context)
  if (conjuncts(key).every(isSet)) return fromMap(uids, named)
  const known = await askIndex(place, key)
  const picked = await pickByIndex(place, key, known)
  const ranges = picked === null ? named : intersect(named, picked)
  const matcher = compileKey(key, { ...context, known, keysNamed: await lookUpIds(place, key) })
  const numbers: number[] = []
  const found: number[] = []
  const modSeqs: number[] = []
  const where = asUidRanges(ranges)
  const batches: AsyncIterable<readonly (MailboxEntry | StoredMessage)[]> =
    matcher.cost === COST.entry ? handle.entries(mailboxId, where) : handle.messages(mailboxId, where)
  let at = 0
  for await (const batch of batches) {
    for (const entry of batch) {
      while (at < uids.length && uids[at]! < entry.uid) at++
      if (uids[at] !== entry.uid) continue
      const verdict = matcher.test(candidate(place, entry, at + 1))
      if (!(typeof verdict === 'boolean' ? verdict : await verdict)) {
        if (matcher.cost >= COST.header) await place.progress.tell(at + 1, uids.length)
        continue
      }
      numbers.push(at + 1)
      found.push(entry.uid)
      modSeqs.push(entry.modSeq)
    }
    await place.progress.tell(at, uids.length)
  }
  return { numbers, uids: found, modSeqs }
}

/** RFC 8474 §6: which messages the ids in a key stand for. */
async function lookUpIds(
  { handle, mailboxId }: Place,
  key: SearchKey,
): Promise<ReadonlyMap<string, ReadonlySet<MessageKey>>> {
  const found = new Map<string, ReadonlySet<MessageKey>>()
  const ids = idsIn(key)
  if (ids.length > IMAP_SEARCH_IDS_MAX) throw new Fault('Too many ids in one search', { status: 'NO', code: 'LIMIT' })
  for (const { kind, id } of ids) {
    if (!found.has(`${kind} ${id}`)) found.set(`${kind} ${id}`, await keysNamed(handle, mailboxId, { kind, id }))
  }
  return found
}

function idsIn(key: SearchKey): readonly { kind: 'emailid' | 'threadid'; id: string }[] {
  if (key.key === 'and' || key.key === 'or') return key.of.flatMap(idsIn)
  if (key.key === 'not') return idsIn(key.of)
  return key.key === 'emailid' || key.key === 'threadid' ? [{ kind: key.key, id: key.id }] : []
}

export function candidate(
  { contentSearch, handle }: Pick<Place, 'contentSearch' | 'handle'>,
  entry: MailboxEntry | StoredMessage,
  number: number,
): Candidate {
  let probe: ReturnType<Candidate['probe']> | null = null
  return {
    number,
    entry,
    probe: () => (probe ??= contentSearch.probe(handle, entry as StoredMessage)),
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
