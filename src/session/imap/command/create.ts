import { parseCreate } from '../../../protocol/imap/command/mailbox.ts'
import { command, ok } from '../command.ts'
import { noteCaused } from '../notify/watch.ts'
import { mailboxIdText } from '../object-id.ts'
import { problem } from '../problems.ts'

export const create = command({
  name: 'CREATE',
  rfc: 'RFC 9051 §6.3.4',
  capability: 'CREATE-SPECIAL-USE', // RFC 6154 §3
  states: ['logged-in', 'selected'],
  parse: parseCreate,
  async *run({ notify, state }, { mailbox, specialUse }) {
    const made = await state.handle.create(mailbox, specialUse)
    if (made.at !== 'done') return problem(made)
    noteCaused(notify, mailbox)
    return ok('Mailbox created', `MAILBOXID (${mailboxIdText(made.mailboxId)})`)
  },
})
