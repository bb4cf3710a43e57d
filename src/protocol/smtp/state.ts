import type { Recipient } from '../../model/envelope.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import type { MailCommand, SmtpVerb } from './command.ts'

type Greeted = { readonly helo: string; readonly esmtp: boolean }
type Transaction = Greeted & {
  readonly mail: MailCommand
  readonly recipients: readonly Recipient[]
  /** RCPTs refused in this transaction. */
  readonly refused: number
}

export type SmtpState =
  | { readonly at: 'connected' }
  | ({ readonly at: 'ready' } & Greeted)
  | ({ readonly at: 'mail' } & Transaction)
  /** Chunks are coming (RFC 3030 §2): nothing but more of them, or an end. */
  | ({ readonly at: 'bdat' } & Transaction)

type At = SmtpState['at']

const ALWAYS: readonly SmtpVerb[] = ['EHLO', 'HELO', 'RSET', 'NOOP', 'HELP', 'VRFY', 'EXPN', 'QUIT']

/** RFC 5321 §4.1.4. EHLO and RSET end a transaction. BDAT is always read, as its octets are on their way (RFC 3030 §2). */
export const LEGAL: Readonly<Record<At, readonly SmtpVerb[]>> = {
  connected: [...ALWAYS],
  ready: [...ALWAYS, 'MAIL', 'STARTTLS', 'AUTH'],
  mail: [...ALWAYS, 'RCPT', 'DATA', 'BDAT', 'BURL'],
  bdat: [...ALWAYS, 'BDAT', 'BURL'],
}

const FIRST: Readonly<Record<At, string>> = {
  connected: 'Send EHLO first',
  ready: 'Send MAIL first',
  mail: 'Not within a mail transaction',
  bdat: 'Send the last chunk or RSET first',
}

/** @returns null when the command may come now; otherwise what to answer */
export function outOfOrder(state: SmtpState, verb: SmtpVerb): SmtpReply | null {
  return LEGAL[state.at].includes(verb) ? null : reply(503, '5.5.1', FIRST[state.at])
}

/** RSET, and what ends a transaction. */
export function withoutTransaction(state: SmtpState): SmtpState {
  return state.at === 'connected' ? state : { at: 'ready', helo: state.helo, esmtp: state.esmtp }
}
