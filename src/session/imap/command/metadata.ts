import type { MailboxView } from '../../../core/contract.ts'
import { ANNOTATION_VALUE_MAX_OCTETS } from '../../../model/limits.ts'
import { SPECIAL_USE_ENTRY } from '../../../model/mailbox.ts'
import {
  parseGetMetadata,
  parseSetMetadata,
  type GetMetadataArgs,
  type SetMetadataArgs,
} from '../../../protocol/imap/command/metadata.ts'
import { command, no, ok, type Answer, type Conversation, type Tagged } from '../command.ts'
import { ownKey, printMetadata, select } from '../metadata.ts'
import { problem } from '../problems.ts'

type In = Conversation<'logged-in' | 'selected'>

/** RFC 5464 §3.2.1.1: how to reach who runs the server; nobody can change it. */
const ADMIN_ENTRY = '/shared/admin'

export const getMetadata = command({
  name: 'GETMETADATA',
  rfc: 'RFC 5464 §4.2',
  capability: 'METADATA',
  states: ['logged-in', 'selected'],
  parse: parseGetMetadata,
  run: get,
})

export const setMetadata = command({
  name: 'SETMETADATA',
  rfc: 'RFC 5464 §4.3',
  capability: 'METADATA',
  states: ['logged-in', 'selected'],
  parse: parseSetMetadata,
  run: set,
})

async function* get(conversation: In, args: GetMetadataArgs): Answer {
  const { handle } = conversation.state
  const found = args.mailbox === '' ? null : await handle.find(args.mailbox)
  if (args.mailbox !== '' && found === null) return problem({ at: 'not-found' })
  const outcome = await handle.annotations(found?.mailboxId ?? null)
  if (outcome.at !== 'done') return problem(outcome)
  const admin = { entry: ADMIN_ENTRY, value: Buffer.from(`mailto:postmaster@${handle.account.address.domain}`) }
  const { chosen, tooLongOctets } = select(found === null ? [...outcome.entries, admin] : outcome.entries, args)
  yield* printMetadata(conversation, found?.name ?? '', chosen)
  return ok('Getmetadata completed', tooLongOctets > 0 ? `METADATA LONGENTRIES ${tooLongOctets}` : undefined)
}

async function* set(conversation: In, { mailbox, changes }: SetMetadataArgs): Answer {
  const { handle } = conversation.state
  const tooBig = changes.some(({ value }) => value !== null && value.length > ANNOTATION_VALUE_MAX_OCTETS)
  if (tooBig) return no('Value is too big', `METADATA MAXSIZE ${ANNOTATION_VALUE_MAX_OCTETS}`) // RFC 5464 §4.3
  // RFC 5464 §3.3: what all accounts see of the server is the administrator's to say.
  if (mailbox === '' && changes.some(({ entry }) => entry.startsWith('/shared/'))) return problem({ at: 'denied' })
  const found = mailbox === '' ? null : await handle.find(mailbox)
  if (mailbox !== '' && found === null) return problem({ at: 'not-found' })
  const loses = await losesUse(conversation, found, changes)
  const outcome = await setEntries(conversation, found?.mailboxId ?? null, changes)
  // RFC 6154 §5.4: who had the use before.
  if (loses !== null && outcome.status === 'OK') {
    yield* printMetadata(conversation, loses.name, [{ entry: SPECIAL_USE_ENTRY, value: null }])
  }
  return outcome
}

/** The mailbox that has the use which another is given. */
async function losesUse(
  { state }: In,
  found: MailboxView | null,
  changes: SetMetadataArgs['changes'],
): Promise<MailboxView | null> {
  const use = changes
    .find(({ entry }) => entry === SPECIAL_USE_ENTRY)
    ?.value?.toString('latin1')
    .toLowerCase()
  if (use === undefined) return null
  const list = await state.handle.list()
  return (
    list.find(({ mailboxId, owner, specialUse }) => {
      return owner === null && mailboxId !== found?.mailboxId && use === `\\${specialUse?.toLowerCase()}`
    }) ?? null
  )
}

async function setEntries(
  { entries, notify, state }: In,
  mailboxId: Parameters<In['state']['handle']['setAnnotations']>[0],
  changes: SetMetadataArgs['changes'],
): Promise<Tagged> {
  // Notices come before the outcome: each of these is this session's own once, and no longer than until then.
  const own = changes.map(({ entry }) => ownKey(mailboxId, entry))
  const told = [entries, notify?.entries ?? null].filter((each) => each !== null)
  for (const each of told) for (const key of own) each.own.add(key)
  try {
    const outcome = await state.handle.setAnnotations(mailboxId, changes)
    if (outcome.at === 'too-many') return no('Too many annotations', 'METADATA TOOMANY')
    return outcome.at === 'done' ? ok('Setmetadata completed') : problem(outcome)
  } finally {
    for (const each of told) for (const key of own) each.own.delete(key)
  }
}
