import { reply } from '../../../model/reply.ts'
import type { Done, SmtpContext } from '../context.ts'
import { openIncoming, type Incoming } from '../incoming.ts'
import { BARE, receiveChunk, receiveData } from '../receive.ts'
import { replyToStoreError } from '../replies.ts'
import { resetTransaction } from './simple.ts'

/** RFC 5321 §3.3: nobody to deliver to. */
export function withoutRecipients({ state }: SmtpContext): Done | null {
  if (state.at !== 'mail' || state.recipients.length > 0) return null
  if (state.refused > 0) return { reply: reply(554, '5.5.1', 'No valid recipients'), pardoned: true }
  return { reply: reply(503, '5.5.1', 'Send RCPT first') }
}

/** @returns the open message, or what to answer instead */
function open(context: SmtpContext, options: { transparency: boolean }): Incoming | Done {
  try {
    const incoming = openIncoming(context, options)
    if (incoming === null) return { reply: reply(503, '5.5.1', 'Send MAIL first') }
    context.incoming = incoming
    return incoming
  } catch (error) {
    return { reply: replyToStoreError(error) }
  }
}

/** DATA, RFC 5321 §4.1.1.4. */
export async function data(context: SmtpContext): Promise<Done> {
  const { state } = context
  const nobody = withoutRecipients(context)
  if (nobody !== null) return nobody
  if (state.at === 'mail' && state.mail.body === 'BINARYMIME') {
    return { reply: reply(503, '5.5.1', 'BINARYMIME comes by BDAT only') } // RFC 3030 §3
  }
  const incoming = open(context, { transparency: true })
  if ('reply' in incoming) {
    await resetTransaction(context)
    return incoming
  }
  context.say(reply(354, null, 'End data with <CR><LF>.<CR><LF>'))
  if ((await receiveData(context, incoming)) === 'bare') return bare(context)
  const answer = await incoming.finish()
  await resetTransaction(context)
  return { reply: answer }
}

async function bare(context: SmtpContext): Promise<Done> {
  const octets = context.incoming?.octets
  await resetTransaction(context)
  context.log.info({ event: 'smtp.refused', code: 550, status: '5.6.0', why: 'bare CR or LF', sizeOctets: octets })
  return BARE
}

/** BDAT, RFC 3030 §2. The chunk is read whatever the answer. @param outOfOrder the answer when it may not come now */
export async function bdat(
  context: SmtpContext,
  command: { sizeOctets: number; last: boolean },
  outOfOrder: Done | null,
): Promise<Done> {
  const { state } = context
  const { sizeOctets, last } = command
  const refusal = outOfOrder ?? withoutRecipients(context)
  const incoming = refusal === null ? (context.incoming ?? open(context, { transparency: false })) : refusal
  if ('reply' in incoming) {
    await receiveChunk(context, null, { sizeOctets, binary: true })
    await resetTransaction(context)
    return incoming
  }
  if (state.at === 'mail') context.state = { ...state, at: 'bdat' }
  const binary = (state.at === 'mail' || state.at === 'bdat') && state.mail.body === 'BINARYMIME'
  const read = await receiveChunk(context, incoming, { sizeOctets, binary })
  if (read === 'bare' || (last && !binary && !incoming.decoder.mayEnd)) return bare(context)
  if (!last && incoming.failure === null) return { reply: reply(250, '2.0.0', `${sizeOctets} octets received`) }
  // A failed message is answered at once; chunks still to come find no transaction.
  const answer = await incoming.finish()
  await resetTransaction(context)
  return { reply: answer }
}
