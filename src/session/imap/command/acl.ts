import { parseMailboxIdentifier, parseSetAcl, type SetAclArgs } from '../../../protocol/imap/command/acl.ts'
import { parseOneMailbox } from '../../../protocol/imap/command/mailbox.ts'
import { RIGHTS } from '../../../model/rights.ts'
import { toWire } from '../../../protocol/imap/mailbox-name.ts'
import { printAstring } from '../../../protocol/imap/print.ts'
import { command, no, ok, untagged, type Conversation, type Session, type Tagged } from '../command.ts'
import { printedRights, printMyRights } from '../my-rights.ts'
import { problem } from '../problems.ts'

type In = Conversation<'logged-in' | 'selected'>

const wireName = ({ form, utf8 }: Pick<Session, 'form' | 'utf8'>, name: string): string =>
  printAstring(toWire(name, form()), utf8())

export const getAcl = command({
  name: 'GETACL',
  rfc: 'RFC 4314 §3.3',
  capability: 'ACL',
  states: ['logged-in', 'selected'],
  parse: parseOneMailbox,
  async *run(conversation, { mailbox }) {
    const { handle } = conversation.state
    const found = await handle.find(mailbox)
    if (found === null) return problem({ at: 'not-found' })
    const outcome = await handle.acl(found.mailboxId)
    if (outcome.at !== 'done') return problem(outcome)
    const utf8 = conversation.utf8()
    const entries = outcome.entries.map(
      ({ identifier, rights }) => ` ${printAstring(identifier, utf8)} ${printedRights(rights)}`,
    )
    yield untagged(`ACL ${wireName(conversation, found.name)}${entries.join('')}`)
    return ok('Getacl completed')
  },
})

export const setAcl = command({
  name: 'SETACL',
  rfc: 'RFC 4314 §3.1',
  capability: 'ACL',
  states: ['logged-in', 'selected'],
  parse: parseSetAcl,
  async *run(conversation, args) {
    return change(conversation, args)
  },
})

export const deleteAcl = command({
  name: 'DELETEACL',
  rfc: 'RFC 4314 §3.2',
  capability: 'ACL',
  states: ['logged-in', 'selected'],
  parse: parseMailboxIdentifier,
  async *run(conversation, args) {
    return change(conversation, { ...args, mode: 'replace', rights: [] })
  },
})

async function change({ state }: In, { mailbox, identifier, mode, rights }: SetAclArgs): Promise<Tagged> {
  const { handle } = state
  const found = await handle.find(mailbox)
  if (found === null) return problem({ at: 'not-found' })
  const outcome = await handle.setAcl(found.mailboxId, { identifier, mode, rights })
  switch (outcome.at) {
    case 'done':
      return ok('Acl changed')
    case 'owner':
      // RFC 4314 §2: rights may be forced; these are, so what leaves them as they are is done.
      return mode === 'add' || (mode === 'replace' && rights.length === RIGHTS.length)
        ? ok('The owner has all rights')
        : no('The owner has all rights, always', 'CANNOT')
    case 'unknown-identifier':
      return unknownIdentifier(identifier)
    case 'too-many':
      return no('Too many identifiers with rights', 'LIMIT')
    default:
      return problem(outcome)
  }
}

/** Choice: no negative rights; RFC 4314 §2 leaves them open. */
const unknownIdentifier = (identifier: string): Tagged =>
  identifier.startsWith('-')
    ? no('Negative rights are not supported', 'CANNOT')
    : no('No account of this name; an identifier is an address, or anyone', 'CANNOT')

export const listRights = command({
  name: 'LISTRIGHTS',
  rfc: 'RFC 4314 §3.4',
  capability: 'ACL',
  states: ['logged-in', 'selected'],
  parse: parseMailboxIdentifier,
  async *run(conversation, { mailbox, identifier }) {
    const { handle } = conversation.state
    const found = await handle.find(mailbox)
    if (found === null) return problem({ at: 'not-found' })
    const outcome = await handle.identify(found.mailboxId, identifier)
    if (outcome.at === 'unknown-identifier') return unknownIdentifier(identifier)
    if (outcome.at === 'not-found' || outcome.at === 'denied') return problem(outcome)
    // The owner's are all always granted; others get each by itself. No right is tied to another (RFC 4314 §3.7).
    const rights = outcome.at === 'owner' ? `${RIGHTS.join('')}cd` : `"" ${RIGHTS.join(' ')} c d`
    yield untagged(
      `LISTRIGHTS ${wireName(conversation, found.name)} ${printAstring(identifier, conversation.utf8())} ${rights}`,
    )
    return ok('Listrights completed')
  },
})

export const myRights = command({
  name: 'MYRIGHTS',
  rfc: 'RFC 4314 §3.5',
  capability: 'ACL',
  states: ['logged-in', 'selected'],
  parse: parseOneMailbox,
  async *run(conversation, { mailbox }) {
    const found = await conversation.state.handle.find(mailbox)
    if (found === null) return problem({ at: 'not-found' })
    yield printMyRights(conversation, found)
    return ok('Myrights completed')
  },
})
