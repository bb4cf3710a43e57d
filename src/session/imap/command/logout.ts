import { parseNone } from '../../../protocol/imap/command/none.ts'
import { command, untagged } from '../command.ts'

export const logout = command({
  name: 'LOGOUT',
  rfc: 'RFC 9051 §6.1.3',
  capability: null,
  states: ['connected', 'logged-in', 'selected'],
  parse: parseNone,
  async *run() {
    yield untagged('BYE Logging out')
    return { status: 'OK', text: 'Logout completed', then: 'close' }
  },
})
