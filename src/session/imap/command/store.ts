import type { ModSeq, Uid } from '../../../model/ids.ts'
import { STORE_PORTION_MESSAGES } from '../../../model/limits.ts'
import type { Flag, UidRange } from '../../../model/mailbox.ts'
import { parseStore, type StoreArgs } from '../../../protocol/imap/command/store.ts'
import { printNumbers } from '../../../protocol/imap/sequence-set.ts'
import { command, no, ok, type Answer, type Conversation } from '../command.ts'
import { inPortions, uidRangesNamed } from '../named.ts'
import { problem } from '../problems.ts'
import { fetchHead } from '../uid-only.ts'
import { newKeywords, placeOf, printFlagsFetch, remember, sequenceMap } from '../selected.ts'

/** Lines per piece of answer. */
const LINES_PER_PIECE = 500

export const store = command({
  name: 'STORE',
  rfc: 'RFC 9051 §6.4.6',
  capability: null,
  states: ['selected'],
  tells: 'no-expunge',
  parse: parseStore,
  run: (conversation, args) => storeFlags(conversation, args, 'number'),
})

export const uidStore = command({
  name: 'UID STORE',
  rfc: 'RFC 9051 §6.4.9',
  capability: null,
  states: ['selected'],
  parse: parseStore,
  run: (conversation, args) => storeFlags(conversation, args, 'uid'),
})

async function* storeFlags(conversation: Conversation<'selected'>, args: StoreArgs, by: 'number' | 'uid'): Answer {
  const { enabled, state } = conversation
  const { handle, selected } = state
  if (selected.readOnly) return no('Mailbox is read-only', 'READ-ONLY')
  if (args.unchangedSince !== null) enabled.add('CONDSTORE') // RFC 7162 §3.1
  const ranges = await uidRangesNamed(conversation, args.set, by)
  const map = await sequenceMap(handle, selected)
  const condstore = enabled.has('CONDSTORE')
  const setFlags = (uids: readonly UidRange[]) =>
    handle.setFlags(selected.mailboxId, {
      uids,
      mode: args.mode,
      flags: args.flags,
      unchangedSince: args.unchangedSince as ModSeq | null,
    })
  const modified: Uid[] = []
  // A command to the store for each portion: others get their turns, and one portion is told while the next is stored.
  const portions = inPortions(ranges, map, STORE_PORTION_MESSAGES).values()
  const begin = (): ReturnType<typeof setFlags> | null => {
    const { value } = portions.next()
    return value === undefined ? null : setFlags(value)
  }
  let next = begin()
  try {
    while (next !== null) {
      const outcome = await next
      next = null
      if (outcome.at !== 'done') return problem(outcome)
      next = begin()
      const { changed, modSeq } = outcome
      for (const uid of outcome.modified) modified.push(uid)
      remember(selected, modSeq, changed)
      if (changed.length > 0) yield await newKeywords(handle, selected)
      // Choice: flags are told where they changed; a STORE that leaves a message as it was says nothing of it.
      if (modSeq !== null && (!args.silent || condstore))
        yield* echo(conversation, map, { changed, modSeq, by, silent: args.silent })
    }
  } finally {
    next?.catch(() => {}) // Of a session that has ended meanwhile.
  }
  if (modified.length === 0) return ok('Store completed')
  const named = by === 'uid' ? modified : modified.map((uid) => placeOf(map, uid) + 1).filter((number) => number > 0)
  return ok('Conditional store: some were changed by others', `MODIFIED ${printNumbers(named)}`)
}

type Changed = readonly { uid: Uid; flags: readonly Flag[] }[]

function* echo(
  { enabled }: Conversation<'selected'>,
  uids: Uint32Array,
  told: { changed: Changed; modSeq: ModSeq; by: 'number' | 'uid'; silent: boolean },
): Generator<string, void, void> {
  const shown = { uid: told.by === 'uid' || enabled.has('QRESYNC'), modSeq: enabled.has('CONDSTORE'), enabled }
  let text = ''
  let lines = 0
  let place = -1
  for (const { uid, flags } of told.changed) {
    // Both ascend: the next one is mostly the next place.
    place = uids[place + 1] === uid ? place + 1 : placeOf(uids, uid)
    if (place < 0) continue
    // RFC 7162 §3.1.3: with CONDSTORE the new mod-sequence is told, .SILENT or not.
    text += told.silent
      ? `${fetchHead(enabled, place + 1, uid)}${shown.uid && !enabled.has('UIDONLY') ? `UID ${uid} ` : ''}MODSEQ (${told.modSeq}))\r\n`
      : printFlagsFetch(place + 1, { uid, flags, modSeq: told.modSeq }, shown)
    if (++lines % LINES_PER_PIECE !== 0) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}
