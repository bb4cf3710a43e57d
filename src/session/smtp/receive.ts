import {
  SMTP_DATA_IDLE_TIMEOUT_MS,
  SMTP_DATA_MIN_OCTETS_PER_SECOND,
  SMTP_DATA_TOTAL_TIMEOUT_MS,
} from '../../model/limits.ts'
import { reply } from '../../model/reply.ts'
import { ConversationOver } from '../input.ts'
import type { Done, SmtpContext } from './context.ts'
import type { Incoming } from './incoming.ts'

/** S2: whoever disagrees with us about lines is not talked to any longer. */
export const BARE: Done = {
  reply: reply(550, '5.6.0', 'Bare CR or LF in the message; lines must end with CRLF'),
  close: true,
}

/** Waits for content within its deadlines: no long silence, and past the total time not too slow. */
export function createPatience({ clock, input }: SmtpContext): { more(): Promise<void>; got(octets: number): void } {
  const begun = clock.monotonic()
  let octets = 0
  return {
    got(count) {
      octets += count
    },
    async more() {
      if (input.framer.heldOctets() > 0) return
      await input.more(SMTP_DATA_IDLE_TIMEOUT_MS)
      const elapsedMs = clock.monotonic() - begun
      if (elapsedMs <= SMTP_DATA_TOTAL_TIMEOUT_MS) return
      if ((octets * 1000) / elapsedMs < SMTP_DATA_MIN_OCTETS_PER_SECOND) throw new ConversationOver('timeout')
    },
  }
}

/** Reads DATA's content up to CRLF.CRLF. @returns whether its lines were clean */
export async function receiveData(context: SmtpContext, incoming: Incoming): Promise<'ended' | 'bare'> {
  const { framer } = context.input
  const patience = createPatience(context)
  for (;;) {
    await patience.more()
    const step = incoming.decoder.decode(framer.peek())
    framer.skip(step.consumed)
    patience.got(step.consumed)
    if (step.bad !== null) return 'bare'
    for (const piece of step.pieces) await incoming.write(piece)
    if (step.ended) return 'ended'
  }
}

/**
 * Reads one BDAT chunk; `incoming` null throws it away. BINARYMIME content may hold any octet (RFC 3030 §3).
 * @returns whether its lines were clean
 */
export async function receiveChunk(
  context: SmtpContext,
  incoming: Incoming | null,
  chunk: { sizeOctets: number; binary: boolean },
): Promise<'ended' | 'bare'> {
  const patience = createPatience(context)
  for (let left = chunk.sizeOctets; left > 0;) {
    await patience.more()
    const piece = context.input.framer.take(left)
    if (piece === null) continue
    left -= piece.length
    patience.got(piece.length)
    if (incoming === null) continue
    if (!chunk.binary && incoming.decoder.decode(piece).bad !== null) return 'bare'
    await incoming.write(piece)
  }
  return 'ended'
}
