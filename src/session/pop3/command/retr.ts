import { StoreError } from '../../../core/contract.ts'
import { createTopLimiter } from '../../../protocol/pop3/top-limiter.ts'
import { createDotStuffer } from '../../../protocol/smtp/client-data.ts'
import { error, TRY_LATER, type Pop3Context, type Pop3Done } from '../context.ts'
import { inLanguage } from '../language.ts'
import type { Maildrop } from '../maildrop.ts'
import { isThere } from './listing.ts'

/** What is read, stuffed and written at once: memory of one download stays within a few of these. */
const PIECE_OCTETS = 64 * 1024

/**
 * RETR and TOP, RFC 1939 §5, §7: streamed, never held whole. `lines` null: all.
 * Deviation: RFC 6856 §2.1 wants a surrogate or -ERR for UTF-8 headers when the client has not said UTF8; we send the message
 * as it is, as 8-bit bodies always were, since old clients could neither read nor delete it otherwise.
 */
export async function retr(
  context: Pop3Context,
  drop: Maildrop,
  { number, lines }: { number: number; lines: number | null },
): Promise<Pop3Done> {
  if (!isThere(drop, number)) return error('No such message')
  const message = await drop.message(number)
  if (message === null) return error('Message is gone')
  const limiter = lines === null ? null : createTopLimiter(lines)
  const stuffer = createDotStuffer()
  // The first piece is read before +OK is said: a message that cannot be read gets an answer.
  let piece: Uint8Array
  try {
    piece = await drop.read(message, 0, Math.min(PIECE_OCTETS, message.sizeOctets))
  } catch (failure) {
    if (!(failure instanceof StoreError)) throw failure
    if (failure.kind !== 'damaged') return TRY_LATER
    // Another session has expunged it meanwhile, and its octets are gone with it.
    if (!(await drop.isStillThere(number))) return error('Message is gone')
    context.log.error({ event: 'pop3.read.failed', kind: failure.kind, cause: failure.message })
    return error('[SYS/PERM] Message cannot be read')
  }
  const head = lines === null ? `+OK ${message.sizeOctets} octets` : '+OK Top follows'
  context.say(`${inLanguage(context.language, head)}\r\n`)
  context.answering = true
  for (let end = piece.length; ; end += piece.length) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    await context.send(stuffer.push(limiter === null ? bytes : limiter.push(bytes)))
    if (end >= message.sizeOctets || piece.length === 0 || limiter?.done === true) break
    // A failure from here on ends the connection: the client must not take the half for the whole.
    piece = await drop.read(message, end, Math.min(end + PIECE_OCTETS, message.sizeOctets))
  }
  await context.send(stuffer.end())
  context.answering = false
  if (lines === null) drop.retrieved(number)
  return { say: null }
}
