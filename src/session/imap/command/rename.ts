import { parseRename } from '../../../protocol/imap/command/mailbox.ts'
import { command, ok } from '../command.ts'
import { noteCaused } from '../notify/watch.ts'
import { problem } from '../problems.ts'

export const rename = command({
  name: 'RENAME',
  rfc: 'RFC 9051 §6.3.6',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseRename,
  async *run({ notify, state }, { from, to }) {
    const found = await state.handle.find(from)
    if (found === null) return problem({ at: 'not-found' })
    const outcome = await state.handle.rename(found.mailboxId, to)
    if (outcome.at !== 'done') return problem(outcome)
    noteCaused(notify, to)
    return ok('Mailbox renamed')
  },
})
