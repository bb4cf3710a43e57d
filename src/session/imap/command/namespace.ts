import { SHARED_ROOT } from '../../../format/mailbox/shared-name.ts'
import { parseNone } from '../../../protocol/imap/command/none.ts'
import { command, ok, untagged } from '../command.ts'

export const namespace = command({
  name: 'NAMESPACE',
  rfc: 'RFC 9051 §6.3.10',
  capability: 'NAMESPACE',
  states: ['logged-in', 'selected'],
  parse: parseNone,
  async *run() {
    yield untagged(`NAMESPACE (("" "/")) (("${SHARED_ROOT}/" "/")) NIL`) // RFC 2342 §5
    return ok('Namespace completed')
  },
})
