import { parseNone } from '../../../protocol/imap/command/none.ts'
import { command, ok } from '../command.ts'

/** What changed is told at the end, as of every command. */
export const noop = command({
  name: 'NOOP',
  rfc: 'RFC 9051 §6.1.2',
  capability: null,
  states: ['connected', 'logged-in', 'selected'],
  parse: parseNone,
  async *run() {
    return ok('Noop completed')
  },
})

export const check = command({
  name: 'CHECK',
  rfc: 'RFC 3501 §6.4.1',
  capability: null,
  states: ['selected'],
  parse: parseNone,
  async *run() {
    return ok('Check completed')
  },
})
