import type { ContentSearch, Mailboxes, StoredMessage } from '../../../core/contract.ts'
import { IMAP_SORTED_UPDATE_MAX, IMAP_UPDATES_MAX } from '../../../model/limits.ts'
import type { MailboxId } from '../../../model/ids.ts'
import type { MailboxEntry } from '../../../model/mailbox.ts'
import type { SortCriterion } from '../../../protocol/imap/command/sort.ts'
import type { SearchArgs } from '../../../protocol/imap/search.ts'
import { printNumbers, rangesOf } from '../../../protocol/imap/sequence-set.ts'
import type { Clock } from '../../../std/clock.ts'
import { createBreather } from '../breather.ts'
import { untagged, type Conversation } from '../command.ts'
import { asUidRanges, placeOf, sequenceMap, type Selected } from '../selected.ts'
import { sortMessages } from '../sort/sort.ts'
import { compileKey, COST, type SearchContext } from './evaluate.ts'
import { candidate } from './find.ts'
import { mentions } from './keys.ts'

/** A search whose results the client is kept told of (RFC 5267 §4.3). Both return the response, or '' . */
export type Updating = {
  readonly by: 'number' | 'uid'
  /** Messages that are about to be told as expunged. @param uids the sequence map before it */
  removed(gone: readonly number[], uids: Uint32Array): string
  /** New messages, and those whose flags are others now. @param uids the sequence map with the new ones */
  changed(entries: readonly MailboxEntry[], uids: Uint32Array): Promise<string>
}

type Searching = Pick<Conversation<'selected'>, 'clock' | 'contentSearch' | 'savedSearch' | 'state' | 'tag'>

type Program = {
  readonly args: SearchArgs
  /** Null: in the order of the mailbox. */
  readonly criteria: readonly SortCriterion[] | null
  readonly by: 'number' | 'uid'
  /** What the responses are told apart by, without parentheses. */
  readonly correlator: string
}

/**
 * Keeps the results of a searching command up to date from now on, where it asks for that.
 * @param uids what it found, in the order asked for
 * @returns what is to be told of it: nothing, or that it is not done (RFC 5267 §4.3.1)
 */
export async function keepUpdated(
  { clock, contentSearch, savedSearch, state, tag }: Searching,
  program: Program,
  uids: ArrayLike<number>,
): Promise<string> {
  const { handle, selected } = state
  if (program.args.returns?.has('UPDATE') !== true) return ''
  if (selected.updates.size >= IMAP_UPDATES_MAX) return untagged(`NO [NOUPDATE "${tag}"] Too many contexts`)
  // Choice: a long list in an order of its own is not kept up to date: each new message would be a sort of it all.
  if (program.criteria !== null && uids.length > IMAP_SORTED_UPDATE_MAX)
    return untagged(`NO [NOUPDATE "${tag}"] Too many results to keep in order`)
  const map = mentions(program.args.key, 'sequence') || mentions(program.args.key, 'uid')
  // RFC 5267 §4.3: numbers are those of the time of the command.
  const context = { uids: map ? await sequenceMap(handle, selected) : new Uint32Array(0), savedSearch }
  const place = { handle, mailboxId: selected.mailboxId, contentSearch, clock, context }
  selected.updates.set(tag, createUpdating(place, program, Array.from(uids)))
  return ''
}

/** RFC 5267 §4.3: the tag names what is kept up to date, and would name two. */
export const isTagInUse = ({ state, tag }: Conversation<'selected'>, { returns }: SearchArgs): boolean =>
  returns?.has('UPDATE') === true && state.selected.updates.has(tag)

/** Ends those that tell numbers. */
export function dropNumbered({ updates }: Selected): void {
  for (const [tag, { by }] of updates) if (by === 'number') updates.delete(tag)
}

type Place = {
  readonly handle: Mailboxes
  readonly mailboxId: MailboxId
  readonly contentSearch: ContentSearch
  readonly clock: Clock
  readonly context: Omit<SearchContext, 'now'>
}

function createUpdating(place: Place, program: Program, found: readonly number[]): Updating {
  const { args, criteria, by, correlator } = program
  const { handle, mailboxId, clock } = place
  /** In the order asked for. */
  let results = found
  const members = new Set(found)

  const show = (uid: number, uids: Uint32Array): number => (by === 'uid' ? uid : placeOf(uids, uid) + 1)
  /** Position 0: wherever the order of the mailbox puts them. */
  const inMailboxOrder = (item: string, some: readonly number[], uids: Uint32Array): string =>
    some.length === 0
      ? ''
      : ` ${item} (0 ${printNumbers(some.toSorted((a, b) => a - b).map((uid) => show(uid, uids)))})`

  /** RFC 5267 §4.3.4. */
  const remove = (some: readonly number[], uids: Uint32Array): string => {
    const leaving = some.filter((uid) => members.delete(uid))
    if (leaving.length === 0) return ''
    const isLeaving = new Set(leaving)
    const before = results
    results = before.filter((uid) => !isLeaving.has(uid))
    if (criteria === null) return inMailboxOrder('REMOVEFROM', leaving, uids)
    const removal = createPositions('REMOVEFROM')
    let passed = 0
    for (const uid of before) {
      if (isLeaving.has(uid)) removal.take(passed + 1, show(uid, uids))
      else passed++
    }
    return removal.print()
  }

  /** RFC 5267 §4.3.3. */
  const add = async (some: readonly number[], uids: Uint32Array): Promise<string> => {
    if (some.length === 0) return ''
    const isNew = new Set(some)
    for (const uid of some) members.add(uid)
    const all = Uint32Array.from(members).toSorted()
    if (criteria === null) {
      results = [...all]
      return inMailboxOrder('ADDTO', some, uids)
    }
    const order = await sortMessages(handle, { mailboxId, uids: all }, criteria, createBreather(clock))
    results = Array.from(order, (at) => all[at]!)
    const addition = createPositions('ADDTO')
    for (const [i, uid] of results.entries()) if (isNew.has(uid)) addition.take(i + 1, show(uid, uids))
    return addition.print()
  }

  const respond = (data: string): string =>
    data === '' ? '' : untagged(`ESEARCH (${correlator})${by === 'uid' ? ' UID' : ''}${data}`)

  return {
    by,
    removed: (gone, uids) => respond(remove(gone, uids)),
    async changed(entries, uids) {
      const leaving: number[] = []
      const coming: number[] = []
      for await (const { uid, fits } of judge(place, args, entries)) {
        if (fits === members.has(uid)) continue
        if (fits) coming.push(uid)
        else leaving.push(uid)
      }
      return respond(remove(leaving, uids) + (await add(coming, uids)))
    },
  }
}

async function* judge(
  place: Place,
  { key }: SearchArgs,
  entries: readonly MailboxEntry[],
): AsyncGenerator<{ uid: number; fits: boolean }, void, void> {
  const matcher = compileKey(key, { ...place.context, now: place.clock.now() })
  const named = asUidRanges(rangesOf(entries.map(({ uid }) => uid)))
  const batches: AsyncIterable<readonly (MailboxEntry | StoredMessage)[]> | readonly (readonly MailboxEntry[])[] =
    matcher.cost === COST.entry ? [entries] : place.handle.messages(place.mailboxId, named)
  for await (const batch of batches) {
    // The number is of no use: what keys name by it was resolved when the command came.
    for (const entry of batch) yield { uid: entry.uid, fits: await matcher.test(candidate(place, entry, 0)) }
  }
}

/** Pairs of a position and what stands there; what follows one another at one place is told together. */
function createPositions(item: 'ADDTO' | 'REMOVEFROM'): {
  take(position: number, shown: number): void
  print(): string
} {
  const pairs: { at: number; shown: number[] }[] = []
  return {
    take(position, shown) {
      const last = pairs.at(-1)
      // What was taken out leaves the next one at its position; what was put in moves it on.
      const next = last === undefined ? 0 : item === 'ADDTO' ? last.at + last.shown.length : last.at
      if (last !== undefined && next === position) last.shown.push(shown)
      else pairs.push({ at: position, shown: [shown] })
    },
    print: () => ` ${item} (${pairs.map(({ at, shown }) => `${at} ${printNumbers(shown)}`).join(' ')})`,
  }
}
