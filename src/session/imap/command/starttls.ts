import { parseNone } from '../../../protocol/imap/command/none.ts'
import { bad, command } from '../command.ts'

export const starttls = command({
  name: 'STARTTLS',
  rfc: 'RFC 9051 §6.2.1',
  capability: null, // announced only where it can be done; see capability.ts
  states: ['connected'],
  parse: parseNone,
  async *run({ connection }) {
    if (connection.tls !== null) return bad('TLS is active already')
    if (!connection.canStartTls) return bad('TLS is not available here')
    return { status: 'OK', text: 'Begin TLS negotiation now', then: 'start-tls' }
  },
})
