import { parseSearchCommand } from '../../../protocol/imap/command/search.ts'
import type { SearchArgs, SearchReturn } from '../../../protocol/imap/search.ts'
import { printNumbers } from '../../../protocol/imap/sequence-set.ts'
import { bad, command, ok, untagged, type Answer, type Conversation } from '../command.ts'
import { findMessages, type Found } from '../search/find.ts'
import { mentions } from '../search/keys.ts'

export const search = command({
  name: 'SEARCH',
  rfc: 'RFC 9051 §6.4.4',
  capability: 'ESEARCH',
  states: ['selected'],
  tells: 'no-expunge',
  parse: parseSearchCommand,
  run: (conversation, args) => searchMessages(conversation, args, 'number'),
})

export const uidSearch = command({
  name: 'UID SEARCH',
  rfc: 'RFC 9051 §6.4.9',
  capability: null,
  states: ['selected'],
  parse: parseSearchCommand,
  run: (conversation, args) => searchMessages(conversation, args, 'uid'),
})

async function* searchMessages(conversation: Conversation<'selected'>, args: SearchArgs, by: 'number' | 'uid'): Answer {
  const { enabled, tag } = conversation
  // RFC 6855 §3: all is UTF-8 then.
  if (args.charset !== null && enabled.has('UTF8=ACCEPT')) return bad('CHARSET is not allowed with UTF8=ACCEPT')
  const withModSeq = mentions(args.key, 'modseq')
  if (withModSeq) enabled.add('CONDSTORE') // RFC 7162 §3.1
  const saves = args.returns?.has('SAVE') === true
  let found: Found
  try {
    found = await findMessages(conversation, args.key)
  } catch (error) {
    if (saves) conversation.savedSearch = new Uint32Array(0) // RFC 5182 §2.1: a SEARCH that failed saves nothing.
    throw error
  }
  const shown = by === 'uid' ? found.uids : found.numbers
  if (saves) conversation.savedSearch = toSave(found.uids, args.returns)
  // RFC 9051 §6.4.4: IMAP4rev2 answers with ESEARCH only.
  if (args.returns === null && !enabled.has('IMAP4REV2')) {
    const modSeq = withModSeq && found.uids.length > 0 ? ` (MODSEQ ${highest(found.modSeqs)})` : ''
    yield untagged(`SEARCH${shown.length === 0 ? '' : ` ${shown.join(' ')}`}${modSeq}`)
  } else {
    const returns = args.returns ?? new Set<SearchReturn>(['ALL'])
    // RFC 5182 §2.4: SAVE alone asks for no data.
    if (!(saves && returns.size === 1)) {
      yield untagged(
        `ESEARCH (TAG "${tag}")${by === 'uid' ? ' UID' : ''}${results(shown, returns)}${
          withModSeq ? modSeqOf(found, returns) : ''
        }`,
      )
    }
  }
  return ok('Search completed')
}

/** RFC 4731 §3.1: in the order of the RFC; MIN, MAX and ALL only where something was found. */
function results(shown: readonly number[], returns: ReadonlySet<SearchReturn>): string {
  let text = ''
  const any = shown.length > 0
  if (returns.has('MIN') && any) text += ` MIN ${shown[0]}`
  if (returns.has('MAX') && any) text += ` MAX ${shown.at(-1)}`
  if (returns.has('ALL') && any) text += ` ALL ${printNumbers(shown)}`
  if (returns.has('COUNT')) text += ` COUNT ${shown.length}`
  return text
}

const onlyEnds = (returns: ReadonlySet<SearchReturn>): boolean =>
  (returns.has('MIN') || returns.has('MAX')) && !returns.has('ALL') && !returns.has('COUNT')

/** RFC 4731 §3.2: of the messages that are told; with MIN or MAX alone, of those. */
function modSeqOf({ modSeqs }: Found, returns: ReadonlySet<SearchReturn>): string {
  if (modSeqs.length === 0) return ''
  if (!onlyEnds(returns)) return ` MODSEQ ${highest(modSeqs)}`
  const ends: number[] = []
  if (returns.has('MIN')) ends.push(modSeqs[0]!)
  if (returns.has('MAX')) ends.push(modSeqs.at(-1)!)
  return ` MODSEQ ${highest(ends)}`
}

const highest = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0)

/** RFC 5182 §2.2: MIN and MAX alone save only what they tell. */
function toSave(uids: readonly number[], returns: ReadonlySet<SearchReturn>): Uint32Array {
  if (!onlyEnds(returns) || uids.length === 0) return Uint32Array.from(uids)
  const ends = new Set<number>()
  if (returns.has('MIN')) ends.add(uids[0]!)
  if (returns.has('MAX')) ends.add(uids.at(-1)!)
  return Uint32Array.from(ends)
}
