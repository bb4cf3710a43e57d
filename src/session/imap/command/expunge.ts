import type { Mailboxes } from '../../../core/contract.ts'
import type { MailboxId } from '../../../model/ids.ts'
import { STORE_PORTION_MESSAGES } from '../../../model/limits.ts'
import type { UidRange } from '../../../model/mailbox.ts'
import { parseNone } from '../../../protocol/imap/command/none.ts'
import { parseUidExpunge } from '../../../protocol/imap/command/copy.ts'
import { command, no, ok, type Answer, type Conversation } from '../command.ts'
import { inPortions, uidRangesNamed } from '../named.ts'
import { problem } from '../problems.ts'
import { ALL_UIDS, knownModSeq, tellChanges } from '../selected.ts'

export const expunge = command({
  name: 'EXPUNGE',
  rfc: 'RFC 9051 §6.4.3',
  capability: null,
  states: ['selected'],
  parse: parseNone,
  run: (conversation) => expungeUids(conversation, ALL_UIDS),
})

export const uidExpunge = command({
  name: 'UID EXPUNGE',
  rfc: 'RFC 4315 §2.1',
  capability: 'UIDPLUS',
  states: ['selected'],
  parse: parseUidExpunge,
  async *run(conversation, { set }) {
    return yield* expungeUids(conversation, await uidRangesNamed(conversation, set, 'uid'))
  },
})

async function* expungeUids(conversation: Conversation<'selected'>, uids: readonly UidRange[]): Answer {
  const { enabled, log, state } = conversation
  const { handle, selected } = state
  if (selected.readOnly) return no('Mailbox is read-only', 'READ-ONLY')
  const outcome = await expungeDeleted(handle, selected.mailboxId, uids)
  if (outcome.at !== 'done') return problem(outcome)
  selected.dirty = true
  yield* tellChanges(handle, selected, { expunge: true, enabled, log })
  // RFC 7162 §3.2.10: where something went, how far the client now knows.
  const tell = enabled.has('CONDSTORE') && outcome.removed > 0
  return ok('Expunge completed', tell ? `HIGHESTMODSEQ ${knownModSeq(selected)}` : undefined)
}

/** Removes what has \Deleted, in as many commands to the store as leave others their turns. @throws StoreError */
export async function expungeDeleted(
  handle: Mailboxes,
  mailboxId: MailboxId,
  ranges: readonly UidRange[],
): Promise<{ readonly at: 'done'; readonly removed: number } | { readonly at: 'not-found' | 'denied' }> {
  let removed = 0
  for (const uids of inPortions(ranges, await handle.uids(mailboxId), STORE_PORTION_MESSAGES)) {
    const outcome = await handle.expunge(mailboxId, uids, { deletedOnly: true })
    if (outcome.at !== 'done') return outcome
    removed += outcome.uids.length
  }
  return { at: 'done', removed }
}
