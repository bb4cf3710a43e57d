/** Commands that change little: RFC 5321 §4.1.1.5–10. */
import { TRANSACTIONS_PER_CONNECTION_MAX } from '../../../model/limits.ts'
import { reply } from '../../../model/reply.ts'
import { ehloLines } from '../../../protocol/smtp/ehlo-lines.ts'
import { withoutTransaction } from '../../../protocol/smtp/state.ts'
import type { Done, SmtpContext } from '../context.ts'

/** Ends a transaction, whatever has come of it. */
export async function resetTransaction(context: SmtpContext): Promise<void> {
  const { incoming } = context
  context.incoming = null
  context.state = withoutTransaction(context.state)
  await incoming?.abort()
}

/** RFC 5321 §4.1.1.1; ends a transaction too (§4.1.4). */
export async function hello(context: SmtpContext, command: { verb: 'EHLO' | 'HELO'; name: string }): Promise<Done> {
  const { connection, policy } = context
  await resetTransaction(context)
  context.state = { at: 'ready', helo: command.name, esmtp: command.verb === 'EHLO' }
  if (command.verb === 'HELO') return { reply: reply(250, null, policy.hostname) }
  const lines = ehloLines({
    hostname: policy.hostname,
    messageMaxOctets: policy.messageMaxOctets,
    recipientsMax: policy.recipientsMax,
    transactionsMax: TRANSACTIONS_PER_CONNECTION_MAX,
    startTls: connection.canStartTls && connection.tls === null,
    requireTls: context.offerRequireTls && connection.tls !== null,
    burl: policy.urls !== undefined && connection.tls !== null,
    mechanisms: context.account === null ? (policy.mechanisms(connection) ?? []) : [],
  })
  return { reply: reply(250, null, ...lines) }
}

export async function rset(context: SmtpContext): Promise<Done> {
  await resetTransaction(context)
  return { reply: reply(250, '2.0.0', 'Ok') }
}

export const noop: Done = { reply: reply(250, '2.0.0', 'Ok') }

export const quit: Done = { reply: reply(221, '2.0.0', 'Bye'), close: true }

// Choice: 252 to every VRFY (RFC 5321 §7.3 allows it): a true answer would list our users.
export const vrfy: Done = { reply: reply(252, '2.0.0', 'Not verified here; send mail to find out') }

export const expn: Done = { reply: reply(502, '5.5.1', 'EXPN is not offered') }

export const help: Done = {
  reply: reply(214, '2.0.0', 'EHLO HELO MAIL RCPT DATA BDAT BURL RSET NOOP VRFY HELP STARTTLS AUTH QUIT; see RFC 5321'),
}
