import { reply } from '../../../model/reply.ts'
import type { SectionOctets } from '../../imap/fetch/body.ts'
import { openUrl } from '../../url-octets.ts'
import type { Done, SmtpContext } from '../context.ts'
import { openIncoming, type Incoming } from '../incoming.ts'
import { replyToStoreError } from '../replies.ts'
import { withoutRecipients } from './data.ts'
import { resetTransaction } from './simple.ts'

/** RFC 4468 §6. It is not said what is wrong: a URL that is refused may name what is there (S27). */
const NOT_RESOLVED = reply(554, '5.6.6', 'IMAP URL resolution failed')
const BARE_IN_URL = reply(554, '5.6.0', 'Bare CR or LF in what the URL names')
const NO_URLS = reply(502, '5.5.1', 'BURL is not offered here')

/** BURL (RFC 4468 §3.2): what a URL of this server names becomes the message, or a piece of it among chunks of BDAT. */
export async function burl(
  context: SmtpContext,
  { url, last }: { url: string; last: boolean },
  outOfOrder: Done | null,
): Promise<Done> {
  if (context.policy.urls === undefined) return { reply: NO_URLS }
  const refusal = outOfOrder ?? withoutRecipients(context)
  if (refusal !== null) return refusal
  try {
    const found = await find(context, url)
    if ('reply' in found) return await failed(context, found)
    const incoming = context.incoming ?? openIncoming(context, { transparency: false })
    if (incoming === null) return { reply: reply(503, '5.5.1', 'Send MAIL first') }
    context.incoming = incoming
    if (context.state.at === 'mail') context.state = { ...context.state, at: 'bdat' }
    if (!(await take(incoming, found, last))) return await failed(context, { reply: BARE_IN_URL })
    if (!last && incoming.failure === null) return { reply: reply(250, '2.5.0', 'Waiting for more') }
    const answer = await incoming.finish()
    await resetTransaction(context)
    return { reply: answer }
  } catch (error) {
    return await failed(context, { reply: replyToStoreError(error) })
  }
}

/** RFC 4468 §3.2: with one URL fails the whole transaction. */
async function failed(context: SmtpContext, done: Done): Promise<Done> {
  await resetTransaction(context)
  return done
}

async function find(context: SmtpContext, url: string): Promise<SectionOctets | Done> {
  const { account, clock, policy } = context
  if (policy.urls === undefined || account === null) return { reply: NO_URLS }
  const reader = { account, by: 'submission' } as const // RFC 4468 §3.3
  const part = await openUrl(url, { access: policy.urls, reader, hostname: policy.hostname, now: clock.now() })
  return part ?? { reply: NOT_RESOLVED }
}

/** @returns whether its lines are clean */
async function take(incoming: Incoming, part: SectionOctets, last: boolean): Promise<boolean> {
  for await (const piece of part.pieces()) {
    const octets = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    if (incoming.decoder.decode(octets).bad !== null) return false
    await incoming.write(octets)
    if (incoming.failure !== null) return true
  }
  return !last || incoming.decoder.mayEnd
}
