import { IMAP_IDLE_KEEPALIVE_MS } from '../../../model/limits.ts'
import { parseNone } from '../../../protocol/imap/command/none.ts'
import { bad, command, ok, type Answer, type Conversation, untagged } from '../command.ts'
import { Ended } from '../input.ts'
import { tellEntries } from '../metadata.ts'
import { tellOthers, tellSelected } from '../notify/tell.ts'

/** DONE, and a little more, so that a wrong line is told from an endless one. */
const LINE_MAX_OCTETS = 64

export const idle = command({
  name: 'IDLE',
  rfc: 'RFC 9051 §6.3.13',
  capability: 'IDLE',
  states: ['logged-in', 'selected'],
  parse: parseNone,
  run: idling,
})

/**
 * Tells changes as they are kept, until DONE.
 * Choice: an idle client is never logged out while its connection takes the keep-alive (Dovecot does the same).
 */
async function* idling(conversation: Conversation<'logged-in' | 'selected'>): Answer {
  const { input, output, state } = conversation
  yield '+ idling\r\n'
  for (;;) {
    const framed = input.reader.nextLine(LINE_MAX_OCTETS)
    if (framed.kind === 'bad') return bad('Expected DONE')
    if (framed.kind === 'line') {
      const done = framed.line.toString('latin1').toUpperCase() === 'DONE'
      return done ? ok('Idle completed') : bad('Expected DONE')
    }
    yield* tellSelected(conversation, { expunge: true })
    if (state.at === 'selected' && state.selected.gone) return ok('Idle ended')
    yield* tellOthers(conversation) // RFC 5465 §4
    yield* tellEntries(conversation) // RFC 5464 §4.4.2
    await output.flush()
    const woken = await input.wait({ timeoutMs: IMAP_IDLE_KEEPALIVE_MS, notices: true })
    if (woken === 'timeout') yield untagged('OK Still here')
    else if (woken === 'end' || woken === 'drain') throw new Ended(woken)
  }
}
