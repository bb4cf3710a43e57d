import { StoreError, type Mailboxes, type StoredMessage } from '../../../core/contract.ts'
import type { ModSeq, Uid } from '../../../model/ids.ts'
import type { MailboxEntry, UidRange } from '../../../model/mailbox.ts'
import { parseFetch, type FetchArgs } from '../../../protocol/imap/command/fetch.ts'
import type { FetchItem } from '../../../protocol/imap/fetch.ts'
import { holds, printNumbers, rangesOf, resolve } from '../../../protocol/imap/sequence-set.ts'
import { bad, command, no, ok, untagged, type Answer, type Conversation, type Tagged } from '../command.ts'
import { isBodyItem, needsTree, type BodyItem } from '../fetch/body.ts'
import { flagPrinter, needsSummary, plainPrinter } from '../fetch/print-items.ts'
import { printFlagRows, printMessages } from '../fetch/print-messages.ts'
import { knownIds } from '../object-id.ts'
import { uidRangesNamed } from '../named.ts'
import { partOfRanges } from '../part.ts'
import { problem } from '../problems.ts'
import { asUidRanges, placeFrom, remember, sequenceMap, type Selected } from '../selected.ts'

export const fetch = command({
  name: 'FETCH',
  rfc: 'RFC 9051 §6.4.5',
  capability: 'BINARY', // RFC 3516
  states: ['selected'],
  tells: 'no-expunge',
  parse: parseFetch,
  run: (conversation, args) => fetchMessages(conversation, args, 'number'),
})

export const uidFetch = command({
  name: 'UID FETCH',
  rfc: 'RFC 9051 §6.4.9',
  capability: null,
  states: ['selected'],
  parse: parseFetch,
  run: (conversation, args) => fetchMessages(conversation, args, 'uid'),
})

async function* fetchMessages(conversation: Conversation<'selected'>, args: FetchArgs, by: 'number' | 'uid'): Answer {
  const { enabled, state } = conversation
  const utf8 = conversation.utf8()
  const { handle, selected } = state
  if (args.vanished && (by !== 'uid' || !enabled.has('QRESYNC'))) return bad('VANISHED needs UID FETCH and QRESYNC')
  const items = allItems(args, by === 'uid' && !enabled.has('UIDONLY'))
  if (items.some(({ item }) => item === 'MODSEQ')) enabled.add('CONDSTORE') // RFC 7162 §3.1
  if (args.partial !== null && by !== 'uid') return bad('PARTIAL needs UID FETCH') // RFC 9394 §3.3
  let named = await uidRangesNamed(conversation, args.set, by)
  // RFC 9394 §3.4: first the part, then what has changed of it.
  if (args.partial !== null) named = partOfRanges(named, await sequenceMap(handle, selected), args.partial)
  if (args.vanished) yield await vanished(handle, selected, args)

  const bodies = items.filter(isBodyItem)
  const marks = !selected.readOnly && bodies.some((item) => item.item !== 'binary-size' && item.marks)
  const { uids, changedSince } = await narrowed(handle, selected, { uids: named, args, marks })
  const seen = marks ? await markSeen(handle, selected, uids) : NOBODY
  if ('at' in seen) return problem(seen)

  const plain = items.filter((item): item is Exclude<FetchItem, BodyItem> => !isBodyItem(item))
  const map = await sequenceMap(handle, selected)
  const flagsAlone = changedSince === null ? flagPrinter(items) : null
  if (flagsAlone !== null) {
    const printed = yield* printFlagRows(map, handle.flagRows(selected.mailboxId, uids), { plain: flagsAlone, enabled })
    return completed(by === 'number' && printed < count(map, uids))
  }
  const whole = plain.some(needsSummary) || bodies.some(needsTree)
  const options = changedSince === null ? {} : { changedSince }
  const batches: AsyncIterable<readonly (MailboxEntry | StoredMessage)[]> = whole
    ? handle.messages(selected.mailboxId, uids, options)
    : handle.entries(selected.mailboxId, uids, options)
  const ids = knownIds(handle)
  const printed = printMessages(handle, map, ids.along(batches, plain), {
    plain: plainPrinter(plain, utf8, ids),
    // A flag that this command set is told along (RFC 9051 §6.4.5), unless the client asked for it anyway.
    plainIfSeen: plainPrinter(withFlags(plain, enabled.has('CONDSTORE')), utf8, ids),
    seen,
    bodies,
    enabled,
  })
  const outcome = yield* printed
  if (outcome.unknownEncoding) return no('A transfer encoding is not known', 'UNKNOWN-CTE')
  if (outcome.unreadable > 0) return no(`${outcome.unreadable} messages could not be read`, 'UNAVAILABLE')
  return completed(by === 'number' && changedSince === null && outcome.printed < count(map, uids))
}

/** RFC 5530 §3: numbers may name what another session removed. */
const completed = (missing: boolean): Tagged =>
  missing ? ok('Fetch completed, some messages are gone', 'EXPUNGEISSUED') : ok('Fetch completed')

const NOBODY: ReadonlySet<Uid> = new Set()

/** UID FETCH shows UID (RFC 9051 §6.4.9), but where each response begins with it (RFC 9586 §3); CHANGEDSINCE shows MODSEQ (RFC 7162 §3.1.4.1). */
function allItems({ items, changedSince }: FetchArgs, withUid: boolean): FetchItem[] {
  const has = (name: string): boolean => items.some(({ item }) => item === name)
  const all = [...items]
  if (withUid && !has('UID')) all.unshift({ item: 'UID' })
  if (changedSince !== null && !has('MODSEQ')) all.push({ item: 'MODSEQ' })
  return all
}

function withFlags<T extends FetchItem>(plain: readonly T[], condstore: boolean): readonly (T | FetchItem)[] {
  const has = (name: string): boolean => plain.some(({ item }) => item === name)
  const all: (T | FetchItem)[] = [...plain]
  if (!has('FLAGS')) all.push({ item: 'FLAGS' })
  if (condstore && !has('MODSEQ')) all.push({ item: 'MODSEQ' })
  return all
}

/** RFC 7162 §3.2.6. `*` stands for every uid that ever was. */
async function vanished(handle: Mailboxes, selected: Selected, { set, changedSince }: FetchArgs): Promise<string> {
  const gone = await handle.expungedSince(selected.mailboxId, changedSince as ModSeq)
  const within = set.kind === 'saved' ? null : resolve(set.ranges, 0xffffffff)
  const told = within === null ? [] : gone.filter((uid) => holds(within, uid))
  return told.length === 0 ? '' : untagged(`VANISHED (EARLIER) ${printNumbers(told)}`)
}

/** With CHANGEDSINCE, \Seen is set only on what will be shown: those are found first. */
async function narrowed(
  handle: Mailboxes,
  selected: Selected,
  { uids, args, marks }: { uids: readonly UidRange[]; args: FetchArgs; marks: boolean },
): Promise<{ uids: readonly UidRange[]; changedSince: ModSeq | null }> {
  const changedSince = args.changedSince as ModSeq | null
  if (!marks || changedSince === null) return { uids, changedSince }
  const found: number[] = []
  for await (const batch of handle.entries(selected.mailboxId, uids, { changedSince })) {
    for (const { uid } of batch) found.push(uid)
  }
  return { uids: asUidRanges(rangesOf(found)), changedSince: null }
}

/** Sets \Seen once for the whole command. @returns those that did not have it */
async function markSeen(
  handle: Mailboxes,
  selected: Selected,
  uids: readonly UidRange[],
): Promise<ReadonlySet<Uid> | { at: 'not-found' } | { at: 'too-many-keywords' }> {
  const change = { uids, mode: 'add', flags: ['\\Seen'], unchangedSince: null } as const
  try {
    const outcome = await handle.setFlags(selected.mailboxId, change)
    if (outcome.at === 'denied') return NOBODY // RFC 4314 §4: read on, without the flag.
    if (outcome.at !== 'done') return outcome
    const seen = new Set(outcome.changed.map(({ uid }) => uid))
    remember(selected, outcome.modSeq, outcome.changed)
    return seen
  } catch (error) {
    // R6: reading goes on when nothing can be written.
    if (error instanceof StoreError) return NOBODY
    throw error
  }
}

function count(uids: Uint32Array, ranges: readonly UidRange[]): number {
  let total = 0
  for (const { from, to } of ranges) total += placeFrom(uids, to + 1) - placeFrom(uids, from)
  return total
}
