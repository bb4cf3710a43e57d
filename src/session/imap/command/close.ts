import { parseNone } from '../../../protocol/imap/command/none.ts'
import { command, ok } from '../command.ts'
import { ALL_UIDS } from '../selected.ts'
import { expungeDeleted } from './expunge.ts'

export const close = command({
  name: 'CLOSE',
  rfc: 'RFC 9051 §6.4.1',
  capability: null,
  states: ['selected'],
  parse: parseNone,
  async *run(conversation) {
    const { handle, selected } = conversation.state
    // Only what this session may see as deleted could surprise; RFC 9051 §6.4.1 removes all that have the flag.
    if (!selected.readOnly) await expungeDeleted(handle, selected.mailboxId, ALL_UIDS)
    conversation.become({ at: 'logged-in', handle })
    return ok('Mailbox closed')
  },
})

export const unselect = command({
  name: 'UNSELECT',
  rfc: 'RFC 9051 §6.4.2',
  capability: 'UNSELECT',
  states: ['selected'],
  parse: parseNone,
  async *run(conversation) {
    conversation.become({ at: 'logged-in', handle: conversation.state.handle })
    return ok('Mailbox unselected')
  },
})
