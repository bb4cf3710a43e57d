import { isAsciiAddress, printPath } from '../../../format/address/address.ts'
import { TRANSACTIONS_PER_CONNECTION_MAX } from '../../../model/limits.ts'
import { reply, type SmtpReply } from '../../../model/reply.ts'
import type { MailCommand } from '../../../protocol/smtp/command.ts'
import { factsOf, type Done, type SmtpContext } from '../context.ts'
import { replyToStoreError, TOO_BIG } from '../replies.ts'

/** MAIL, RFC 5321 §4.1.1.2. */
export async function mail(context: SmtpContext, command: MailCommand): Promise<Done> {
  const { state, log } = context
  if (state.at !== 'ready') return { reply: reply(503, '5.5.1', 'Send EHLO first') }
  if (context.transactions >= TRANSACTIONS_PER_CONNECTION_MAX) {
    return { reply: reply(421, '4.7.0', 'Too many messages on one connection, open another'), close: true }
  }
  const refusal = offence(context, command) ?? (await ask(context, command))
  if (refusal !== null) {
    const { code, status } = refusal
    log.info({ event: 'smtp.mail.refused', from: printPath(command.reversePath), code, status })
    return { reply: refusal }
  }
  context.transactions++
  const { helo, esmtp } = state
  context.state = { at: 'mail', helo, esmtp, mail: command, recipients: [], refused: 0 }
  return { reply: reply(250, '2.1.0', 'Ok') }
}

function offence(context: SmtpContext, command: MailCommand): SmtpReply | null {
  const { reversePath, smtputf8, sizeOctets, requireTls } = command
  if (requireTls && !(context.offerRequireTls && context.connection.tls !== null)) {
    return reply(555, '5.5.4', 'Parameter REQUIRETLS not supported')
  }
  if (!smtputf8 && reversePath !== null && !isAsciiAddress(reversePath)) {
    return reply(553, '5.6.7', 'This sender address needs SMTPUTF8') // RFC 6531 §3.5
  }
  // RFC 1870 §6.1.
  return sizeOctets !== null && sizeOctets > context.policy.messageMaxOctets ? TOO_BIG : null
}

async function ask(context: SmtpContext, { reversePath, sizeOctets }: MailCommand): Promise<SmtpReply | null> {
  try {
    return await context.policy.onMail(factsOf(context), { reversePath, sizeOctets })
  } catch (error) {
    return replyToStoreError(error)
  }
}
