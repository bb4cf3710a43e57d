import { parseNone } from '../../../protocol/imap/command/none.ts'
import { command, ok, untagged } from '../command.ts'

export const capability = command({
  name: 'CAPABILITY',
  rfc: 'RFC 9051 §6.1.1',
  capability: null,
  states: ['connected', 'logged-in', 'selected'],
  parse: parseNone,
  async *run(conversation) {
    yield untagged(`CAPABILITY ${conversation.capabilities()}`)
    return ok('Capability completed')
  },
})
