import { parseRename } from '../../../protocol/imap/command/mailbox.ts'
import { command, ok } from '../command.ts'
import { problem } from '../problems.ts'

export const rename = command({
  name: 'RENAME',
  rfc: 'RFC 9051 §6.3.6',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseRename,
  async *run({ state }, { from, to }) {
    const found = await state.handle.find(from)
    if (found === null) return problem({ at: 'not-found' })
    const outcome = await state.handle.rename(found.mailboxId, to)
    return outcome.at === 'done' ? ok('Mailbox renamed') : problem(outcome)
  },
})
