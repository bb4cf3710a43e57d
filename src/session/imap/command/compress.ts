import { parseCompress } from '../../../protocol/imap/command/compress.ts'
import { bad, command, no } from '../command.ts'

export const compress = command({
  name: 'COMPRESS',
  rfc: 'RFC 4978 §3',
  capability: 'COMPRESS=DEFLATE',
  states: ['logged-in', 'selected'],
  parse: parseCompress,
  async *run({ connection, input }) {
    // RFC 4978 §3 has BAD in its list, and NO with this code in its text; the code tells a client more.
    if (connection.deflated) return no('DEFLATE is active already', 'COMPRESSIONACTIVE')
    // RFC 4978 §3: nothing may follow before the answer; nobody knows whether it is meant to be compressed.
    if (input.reader.heldOctets() > 0) return bad('Wait for the answer to COMPRESS before the next command')
    return { status: 'OK', text: 'DEFLATE active', then: 'start-deflate' }
  },
})
