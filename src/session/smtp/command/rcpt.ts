import { isAsciiAddress, printPath } from '../../../format/address/address.ts'
import type { Recipient } from '../../../model/envelope.ts'
import { reply, type SmtpReply } from '../../../model/reply.ts'
import type { RcptCommand } from '../../../protocol/smtp/command.ts'
import { factsOf, type Done, type SmtpContext } from '../context.ts'
import { replyToStoreError } from '../replies.ts'

/** RCPT, RFC 5321 §4.1.1.3. */
export async function rcpt(context: SmtpContext, command: RcptCommand): Promise<Done> {
  const { state, policy, log } = context
  if (state.at !== 'mail') return { reply: reply(503, '5.5.1', 'Send MAIL first') }
  const { forwardPath, notify, originalRecipient } = command
  const recipient: Recipient = {
    // RFC 5321 §4.5.1.
    address:
      forwardPath === 'postmaster'
        ? { localPart: 'postmaster', domain: policy.postmasterDomain ?? policy.hostname }
        : forwardPath,
    ...(notify === undefined ? {} : { notify }),
    ...(originalRecipient === undefined ? {} : { originalRecipient }),
  }
  const refusal = await judge(context, recipient)
  if (refusal === null) {
    // Choice: a recipient named twice counts twice, and gets what core makes of it (one message).
    context.state = { ...state, recipients: [...state.recipients, recipient] }
    return { reply: reply(250, '2.1.5', 'Ok') }
  }
  const { code, status } = refusal
  log.info({ event: 'smtp.rcpt.refused', to: printPath(recipient.address), code, status })
  const refused = state.refused + 1
  context.state = { ...state, refused }
  // R16: a long list with a few dead addresses is no attack; guessing names is.
  const pardoned = refused <= state.recipients.length
  return { reply: refusal, pardoned, close: code === 421 } // RFC 5321 §3.8
}

async function judge(context: SmtpContext, recipient: Recipient): Promise<SmtpReply | null> {
  const { state, policy } = context
  if (state.at !== 'mail') return null
  // RFC 5321 §4.5.3.1.10: those taken so far stay taken.
  if (state.recipients.length >= policy.recipientsMax) return reply(452, '4.5.3', 'Too many recipients')
  if (!state.mail.smtputf8 && !isAsciiAddress(recipient.address)) {
    return reply(553, '5.6.7', 'This recipient address needs SMTPUTF8') // RFC 6531 §3.5
  }
  const { reversePath, sizeOctets } = state.mail
  try {
    return await policy.onRecipient(factsOf(context), { reversePath, sizeOctets }, recipient)
  } catch (error) {
    return replyToStoreError(error)
  }
}
