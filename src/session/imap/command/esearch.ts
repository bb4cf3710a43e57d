import type { MailboxView } from '../../../core/contract.ts'
import { parseEsearch, type EsearchArgs } from '../../../protocol/imap/command/esearch.ts'
import { toWire } from '../../../protocol/imap/mailbox-name.ts'
import { printAstring } from '../../../protocol/imap/print.ts'
import { bad, command, ok, untagged, type Answer, type Conversation } from '../command.ts'
import { createProgress } from '../progress.ts'
import { findIn, type Found } from '../search/find.ts'
import { mentions } from '../search/keys.ts'
import { printModSeq, printResults, tellsAnything, toSave } from '../search/results.ts'
import { keepUpdated } from '../search/updating.ts'
import { searchedMailboxes } from '../search/sources.ts'
import { sequenceMap } from '../selected.ts'
import { requireUids } from '../uid-only.ts'

type In = Conversation<'logged-in' | 'selected'>

export const esearch = command({
  name: 'ESEARCH',
  rfc: 'RFC 7377 §2',
  capability: 'MULTISEARCH',
  states: ['logged-in', 'selected'],
  parse: parseEsearch,
  async *run(conversation, args): Answer {
    const { enabled, state } = conversation
    requireUids(enabled, args.key)
    const refused = refusal(conversation, args)
    if (refused !== null) return bad(refused)
    const withModSeq = mentions(args.key, 'modseq')
    if (withModSeq) enabled.add('CONDSTORE') // RFC 7162 §3.1
    const selected = state.at === 'selected' ? state.selected.mailboxId : null
    const saves = args.returns?.has('SAVE') === true
    const updates = args.returns?.has('UPDATE') === true
    const { savedSearch } = conversation // The keys may name it.
    if (saves) conversation.savedSearch = new Uint32Array(0) // RFC 5182 §2.1: one that fails saves nothing.
    for (const mailbox of await searchedMailboxes(state.handle, args.sources, selected)) {
      const found = await findInMailbox(conversation, mailbox, { args, savedSearch })
      if (saves) conversation.savedSearch = toSave(found.uids, args)
      // RFC 7377 §2.1: no response for a mailbox without matches, also with COUNT.
      const correlator = correlators(conversation, mailbox)
      if (updates && state.at === 'selected') {
        const { clock, contentSearch, tag } = conversation
        const session = { clock, contentSearch, savedSearch, state, tag }
        yield await keepUpdated(session, { args, criteria: null, by: 'uid', correlator }, found.uids)
      }
      if (found.uids.length === 0 || !tellsAnything(args)) continue
      const results = { shown: found.uids, modSeqs: withModSeq ? found.modSeqs : [] }
      yield untagged(`ESEARCH (${correlator}) UID${printResults(results, args)}${printModSeq(results, args)}`)
    }
    return ok('Search completed')
  },
})

/** RFC 7377 §2.2. */
function refusal({ enabled, state, tag }: In, { charset, returns, sources }: EsearchArgs): string | null {
  // RFC 6855 §3: all is UTF-8 then.
  if (charset !== null && enabled.has('UTF8=ACCEPT')) return 'CHARSET is not allowed with UTF8=ACCEPT'
  if (sources.some(({ of }) => of === 'selected') && state.at !== 'selected') return 'No mailbox is selected'
  const others = sources.some(({ of }) => of !== 'selected')
  if (returns?.has('SAVE') === true && others) return 'SAVE is for the selected mailbox'
  if (returns?.has('UPDATE') === true) {
    if (others) return 'UPDATE is for the selected mailbox'
    if (state.at === 'selected' && state.selected.updates.has(tag)) return 'Tag is in use' // RFC 5267 §4.3
  }
  return null
}

/** `$` names messages of the selected mailbox: elsewhere it names nobody. */
async function findInMailbox(
  conversation: In,
  { mailboxId }: MailboxView,
  { args, savedSearch }: { args: EsearchArgs; savedSearch: Uint32Array },
): Promise<Found> {
  const { clock, contentSearch, state } = conversation
  const { handle } = state
  const isSelected = state.at === 'selected' && state.selected.mailboxId === mailboxId
  const context = {
    uids: isSelected ? await sequenceMap(handle, state.selected) : await handle.uids(mailboxId),
    savedSearch: isSelected ? savedSearch : new Uint32Array(0),
    now: clock.now(),
  }
  return findIn({ handle, mailboxId, context, contentSearch, progress: createProgress(conversation) }, args.key)
}

function correlators(conversation: In, { name, uidValidity }: MailboxView): string {
  const form = conversation.form()
  return `TAG "${conversation.tag}" MAILBOX ${printAstring(toWire(name, form), form === 'utf8')} UIDVALIDITY ${uidValidity}`
}
