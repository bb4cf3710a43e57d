/** What the roles that take mail by SMTP have in common. */
import type { Intake, StagedMessage } from '../core/contract.ts'
import { printReceived } from '../format/trace/received.ts'
import type { Envelope } from '../model/envelope.ts'
import type { TraceId } from '../model/ids.ts'
import { RECEIVED_HEADERS_MAX, REFUSAL_LINE_MAX_CHARACTERS, REFUSAL_LINES_MAX } from '../model/limits.ts'
import { reply, type SmtpReply } from '../model/reply.ts'
import { never } from '../std/assert.ts'
import type { SmtpFacts } from './contract.ts'

export const UNKNOWN = reply(550, '5.1.1', 'No such user here')
export const OVER_QUOTA = reply(452, '4.2.2', 'Mailbox is over its quota')
export const OVER_LIMIT = reply(450, '4.7.1', 'More mail than this account may send in a day')
export const ADDRESS_LOOP = reply(554, '5.4.6', 'The address leads back to itself')

export function receivedFor(facts: SmtpFacts, envelope: Envelope, options: TraceOptions): string {
  const { connection, helo, esmtp, account } = facts
  return printReceived({
    helo,
    remoteAddress: connection.remote.address,
    by: options.hostname,
    esmtp,
    smtputf8: envelope.smtputf8,
    tls: connection.tls,
    authenticated: account !== null,
    id: options.traceId,
    forRecipient: envelope.recipients.length === 1 ? envelope.recipients[0]!.address : null,
    date: options.now,
  })
}
type TraceOptions = { hostname: string; traceId: TraceId; now: number }

/** R21. Ours counts too. */
export function hopsRefusal(message: StagedMessage): SmtpReply | null {
  return message.receivedCount + 1 > RECEIVED_HEADERS_MAX ? reply(554, '5.4.6', 'Too many hops, mail loops') : null
}

/** A person's words as an SMTP reply: ASCII, few lines, none too long (RFC 5321 §4.5.3.1.5). */
function refusalLines(text: string): readonly [string, ...string[]] {
  const lines = text
    .split(/\r?\n/)
    .map((line) =>
      line
        .replace(/[^ -~]/g, '?')
        .trim()
        .slice(0, REFUSAL_LINE_MAX_CHARACTERS),
    )
    .filter((line) => line !== '')
    .slice(0, REFUSAL_LINES_MAX)
  const [first = 'The recipient refuses this message', ...rest] = lines
  return [first, ...rest]
}

/** Commits. A message that is not kept is let go of, also when the store fails. @throws StoreError */
export async function commit(intake: Intake, options: Parameters<Intake['accept']>[0]): Promise<SmtpReply> {
  let kept = false
  try {
    const result = await intake.accept(options)
    kept = result.at === 'accepted'
    switch (result.at) {
      case 'accepted':
        return reply(250, '2.0.0', `Ok: kept as ${options.traceId}`)
      case 'over-quota':
        return OVER_QUOTA
      case 'over-limit':
        return OVER_LIMIT
      case 'refused':
        return reply(550, '5.7.1', ...refusalLines(result.text)) // RFC 5429 §2.1.1
      default:
        return never(result)
    }
  } finally {
    if (!kept) await intake.discard(options.message)
  }
}
