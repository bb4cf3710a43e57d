import { parseNone } from '../../../protocol/imap/command/none.ts'
import { command } from '../command.ts'

/**
 * Choice: a compressed answer ends with a flush and the layer with it, without DEFLATE's last block: after the CRLF of the
 * OK everything is in the clear (RFC 8437 §4.1).
 */
export const unauthenticate = command({
  name: 'UNAUTHENTICATE',
  rfc: 'RFC 8437 §3',
  capability: 'UNAUTHENTICATE',
  states: ['logged-in', 'selected'],
  parse: parseNone,
  // Changes of the mailbox are not told any more: no expunge event comes (RFC 8437 §3).
  async *run() {
    return { status: 'OK', text: 'Logged out, the connection stays', then: 'log-out' }
  },
})
