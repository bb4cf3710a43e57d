import { parseOneMailbox } from '../../../protocol/imap/command/mailbox.ts'
import { command, ok } from '../command.ts'
import { problem } from '../problems.ts'

export const subscribe = command({
  name: 'SUBSCRIBE',
  rfc: 'RFC 9051 §6.3.7',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseOneMailbox,
  async *run({ state }, { mailbox }) {
    const outcome = await state.handle.setSubscribed(mailbox, true)
    return outcome.at === 'done' ? ok('Subscribed') : problem(outcome)
  },
})

export const unsubscribe = command({
  name: 'UNSUBSCRIBE',
  rfc: 'RFC 9051 §6.3.8',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseOneMailbox,
  async *run({ state }, { mailbox }) {
    const outcome = await state.handle.setSubscribed(mailbox, false)
    return outcome.at === 'done' ? ok('Unsubscribed') : problem(outcome)
  },
})
