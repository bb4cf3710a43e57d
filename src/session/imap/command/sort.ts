import { parseSort, type SortArgs } from '../../../protocol/imap/command/sort.ts'
import { createBreather } from '../breather.ts'
import { bad, command, ok, untagged, type Answer, type Conversation } from '../command.ts'
import { findMessages } from '../search/find.ts'
import { mentions } from '../search/keys.ts'
import { printModSeq, printResults, tellsAnything, toSave, type Results } from '../search/results.ts'
import { isTagInUse, keepUpdated } from '../search/updating.ts'
import { requireUids } from '../uid-only.ts'
import { sortMessages } from '../sort/sort.ts'

/** Numbers per piece of answer. */
const NUMBERS_PER_PIECE = 4096

export const sort = command({
  name: 'SORT',
  rfc: 'RFC 5256 §3',
  capability: 'SORT',
  states: ['selected'],
  tells: 'no-expunge', // RFC 5256 §3
  parse: parseSort,
  run: (conversation, args) => sortFound(conversation, args, 'number'),
})

export const uidSort = command({
  name: 'UID SORT',
  rfc: 'RFC 5256 §3',
  capability: null,
  states: ['selected'],
  parse: parseSort,
  run: (conversation, args) => sortFound(conversation, args, 'uid'),
})

async function* sortFound(conversation: Conversation<'selected'>, args: SortArgs, by: 'number' | 'uid'): Answer {
  const { clock, enabled, tag } = conversation
  requireUids(enabled, args.key)
  if (isTagInUse(conversation, args)) return bad('Tag is in use')
  const withModSeq = mentions(args.key, 'modseq')
  if (withModSeq) enabled.add('CONDSTORE') // RFC 7162 §3.1
  const saves = args.returns?.has('SAVE') === true
  let results: Sorted
  try {
    results = await sorted(conversation, args, { by, withModSeq, breathe: createBreather(clock) })
  } catch (error) {
    if (saves) conversation.savedSearch = new Uint32Array(0) // RFC 5182 §2.1: one that failed saves nothing.
    throw error
  }
  if (saves) conversation.savedSearch = toSave(results.uids, args)
  if (args.returns === null) {
    yield* printPlain(results, printModSeq(results, args))
  } else if (tellsAnything(args)) {
    const uid = by === 'uid' ? ' UID' : ''
    yield untagged(`ESEARCH (TAG "${tag}")${uid}${printResults(results, args)}${printModSeq(results, args)}`) // RFC 5267 §3
  }
  const program = { args, criteria: args.criteria, by, correlator: `TAG "${tag}"` }
  yield await keepUpdated(conversation, program, results.uids)
  return ok('Sort completed')
}

type Sorted = Results & { readonly uids: Uint32Array }

async function sorted(
  conversation: Conversation<'selected'>,
  { key, criteria }: SortArgs,
  options: { by: 'number' | 'uid'; withModSeq: boolean; breathe: ReturnType<typeof createBreather> },
): Promise<Sorted> {
  const { handle, selected } = conversation.state
  const found = await findMessages(conversation, key)
  const what = { mailboxId: selected.mailboxId, uids: found.uids }
  const places = await sortMessages(handle, what, criteria, options.breathe)
  const uids = places.map((place) => found.uids[place]!)
  return {
    uids,
    shown: options.by === 'uid' ? uids : places.map((place) => found.numbers[place]!),
    modSeqs: options.withModSeq ? Array.from(places, (place) => found.modSeqs[place]!) : [],
  }
}

/** RFC 5256 §4; MODSEQ as in a SEARCH response (RFC 7162 §3.1.5). */
function* printPlain({ shown }: Results, modSeq: string): Generator<string, void, void> {
  let text = '* SORT'
  for (let i = 0; i < shown.length; i++) {
    text += ` ${shown[i]}`
    if (i % NUMBERS_PER_PIECE !== NUMBERS_PER_PIECE - 1) continue
    yield text
    text = ''
  }
  yield `${text}${modSeq === '' ? '' : ` (${modSeq.slice(1)})`}\r\n`
}
