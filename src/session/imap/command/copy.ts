import { parseCopy } from '../../../protocol/imap/command/copy.ts'
import { printNumbers, type SequenceSet } from '../../../protocol/imap/sequence-set.ts'
import { command, no, ok, untagged, type Answer, type Conversation } from '../command.ts'
import { uidRangesNamed } from '../named.ts'
import { noteOwn } from '../notify/watch.ts'
import { problem, tryCreate } from '../problems.ts'
import { knownModSeq, tellChanges } from '../selected.ts'

type CopyArgs = { readonly set: SequenceSet; readonly to: string }

export const copy = command({
  name: 'COPY',
  rfc: 'RFC 9051 §6.4.7',
  capability: null,
  states: ['selected'],
  parse: parseCopy,
  run: (conversation, args) => copyMessages(conversation, args, 'number'),
})

export const uidCopy = command({
  name: 'UID COPY',
  rfc: 'RFC 9051 §6.4.9',
  capability: 'UIDPLUS',
  states: ['selected'],
  parse: parseCopy,
  run: (conversation, args) => copyMessages(conversation, args, 'uid'),
})

export const move = command({
  name: 'MOVE',
  rfc: 'RFC 9051 §6.4.8',
  capability: 'MOVE',
  states: ['selected'],
  parse: parseCopy,
  run: (conversation, args) => moveMessages(conversation, args, 'number'),
})

export const uidMove = command({
  name: 'UID MOVE',
  rfc: 'RFC 6851 §3.2',
  capability: 'MOVE',
  states: ['selected'],
  parse: parseCopy,
  run: (conversation, args) => moveMessages(conversation, args, 'uid'),
})

/** RFC 4315 §3. */
const copyUid = (outcome: { uidValidity: number; sources: readonly number[]; uids: readonly number[] }): string =>
  `COPYUID ${outcome.uidValidity} ${printNumbers(outcome.sources)} ${printNumbers(outcome.uids)}`

async function* copyMessages(conversation: Conversation<'selected'>, args: CopyArgs, by: 'number' | 'uid'): Answer {
  const { handle, selected } = conversation.state
  const uids = await uidRangesNamed(conversation, args.set, by)
  const target = await handle.find(args.to)
  if (target === null) return tryCreate()
  const outcome = await handle.copy(selected.mailboxId, uids, target.mailboxId)
  if (outcome.at === 'not-found') return tryCreate()
  if (outcome.at !== 'done') return problem(outcome)
  if (target.mailboxId === selected.mailboxId) selected.dirty = true
  noteOwn(conversation, target.mailboxId, outcome.uids)
  if (outcome.uids.length === 0) return ok('Nothing to copy')
  return ok('Copy completed', copyUid(outcome))
}

async function* moveMessages(conversation: Conversation<'selected'>, args: CopyArgs, by: 'number' | 'uid'): Answer {
  const { enabled, log, state } = conversation
  const { handle, selected } = state
  if (selected.readOnly) return no('Mailbox is read-only', 'READ-ONLY')
  const uids = await uidRangesNamed(conversation, args.set, by)
  const target = await handle.find(args.to)
  if (target === null) return tryCreate()
  const outcome = await handle.move(selected.mailboxId, uids, target.mailboxId)
  if (outcome.at === 'not-found') return tryCreate()
  if (outcome.at !== 'done') return problem(outcome)
  if (outcome.uids.length === 0) return ok('Nothing to move')
  yield untagged(`OK [${copyUid(outcome)}] New uids`) // RFC 6851 §4.3: before any EXPUNGE.
  selected.dirty = true
  noteOwn(conversation, target.mailboxId, outcome.uids)
  yield* tellChanges(handle, selected, { expunge: true, enabled, log })
  return ok('Move completed', enabled.has('CONDSTORE') ? `HIGHESTMODSEQ ${knownModSeq(selected)}` : undefined)
}
