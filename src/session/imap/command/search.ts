import { parseSearchCommand } from '../../../protocol/imap/command/search.ts'
import type { SearchArgs } from '../../../protocol/imap/search.ts'
import { bad, command, ok, untagged, type Answer, type Conversation } from '../command.ts'
import { findMessages, type Found } from '../search/find.ts'
import { mentions } from '../search/keys.ts'
import { printModSeq, printResults, tellsAnything, toSave } from '../search/results.ts'
import { isTagInUse, keepUpdated } from '../search/updating.ts'
import { requireUids } from '../uid-only.ts'

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
  requireUids(enabled, args.key)
  if (isTagInUse(conversation, args)) return bad('Tag is in use')
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
  if (saves) conversation.savedSearch = toSave(found.uids, args)
  const results = { shown: by === 'uid' ? found.uids : found.numbers, modSeqs: withModSeq ? found.modSeqs : [] }
  // RFC 9051 §6.4.4: IMAP4rev2 answers with ESEARCH only.
  if (args.returns === null && !enabled.has('IMAP4REV2')) {
    const { shown } = results
    const modSeq = printModSeq(results, args)
    yield untagged(
      `SEARCH${shown.length === 0 ? '' : ` ${shown.join(' ')}`}${modSeq === '' ? '' : ` (${modSeq.slice(1)})`}`,
    )
  } else if (tellsAnything(args)) {
    const uid = by === 'uid' ? ' UID' : ''
    yield untagged(`ESEARCH (TAG "${tag}")${uid}${printResults(results, args)}${printModSeq(results, args)}`)
  }
  yield await keepUpdated(conversation, { args, criteria: null, by, correlator: `TAG "${tag}"` }, found.uids)
  return ok('Search completed')
}
