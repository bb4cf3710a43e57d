import { parseOneMailbox } from '../../../protocol/imap/command/mailbox.ts'
import { command, ok } from '../command.ts'
import { noteCaused } from '../notify/watch.ts'
import { problem } from '../problems.ts'

export const subscribe = command({
  name: 'SUBSCRIBE',
  rfc: 'RFC 9051 §6.3.7',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseOneMailbox,
  async *run({ notify, state }, { mailbox }) {
    const outcome = await state.handle.setSubscribed(mailbox, true)
    if (outcome.at !== 'done') return problem(outcome)
    noteCaused(notify, mailbox)
    return ok('Subscribed')
  },
})

export const unsubscribe = command({
  name: 'UNSUBSCRIBE',
  rfc: 'RFC 9051 §6.3.8',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseOneMailbox,
  async *run({ notify, state }, { mailbox }) {
    const outcome = await state.handle.setSubscribed(mailbox, false)
    if (outcome.at !== 'done') return problem(outcome)
    noteCaused(notify, mailbox)
    return ok('Unsubscribed')
  },
})
