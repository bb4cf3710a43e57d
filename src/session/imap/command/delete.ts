import { parseOneMailbox } from '../../../protocol/imap/command/mailbox.ts'
import { command, no, ok } from '../command.ts'
import { noteCaused } from '../notify/watch.ts'
import { problem } from '../problems.ts'

export const deleteMailbox = command({
  name: 'DELETE',
  rfc: 'RFC 9051 §6.3.5',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseOneMailbox,
  async *run(conversation, { mailbox }) {
    const { state } = conversation
    if (mailbox === 'INBOX') return no('INBOX cannot be deleted', 'CANNOT')
    const found = await state.handle.find(mailbox)
    if (found === null) return problem({ at: 'not-found' })
    const outcome = await state.handle.remove(found.mailboxId)
    if (outcome.at !== 'done') return problem(outcome)
    noteCaused(conversation.notify, mailbox)
    // Choice: deleting the selected mailbox leaves nothing selected.
    if (state.at === 'selected' && state.selected.mailboxId === found.mailboxId) {
      conversation.become({ at: 'logged-in', handle: state.handle })
    }
    return ok('Mailbox deleted')
  },
})
