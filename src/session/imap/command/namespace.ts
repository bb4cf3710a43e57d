import { parseNone } from '../../../protocol/imap/command/none.ts'
import { command, ok, untagged } from '../command.ts'

export const namespace = command({
  name: 'NAMESPACE',
  rfc: 'RFC 9051 §6.3.10',
  capability: 'NAMESPACE',
  states: ['logged-in', 'selected'],
  parse: parseNone,
  async *run() {
    yield untagged('NAMESPACE (("" "/")) NIL NIL')
    return ok('Namespace completed')
  },
})
