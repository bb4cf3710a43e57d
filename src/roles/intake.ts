/** What the roles that take mail by SMTP have in common. */
import type { Intake, StagedMessage } from '../core/contract.ts'
import { printReceived } from '../format/trace/received.ts'
import type { Envelope } from '../model/envelope.ts'
import type { TraceId } from '../model/ids.ts'
import { RECEIVED_HEADERS_MAX } from '../model/limits.ts'
import { reply, type SmtpReply } from '../model/reply.ts'
import type { SmtpFacts } from './contract.ts'

export const UNKNOWN = reply(550, '5.1.1', 'No such user here')
export const OVER_QUOTA = reply(452, '4.2.2', 'Mailbox is over its quota')
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

/** Commits. A message that is not kept is let go of, also when the store fails. @throws StoreError */
export async function commit(
  intake: Intake,
  options: { envelope: Envelope; message: StagedMessage; traceId: TraceId; senderVerified: boolean },
): Promise<SmtpReply> {
  let kept = false
  try {
    const result = await intake.accept(options)
    kept = result.at === 'accepted'
    return kept ? reply(250, '2.0.0', `Ok: kept as ${options.traceId}`) : OVER_QUOTA
  } finally {
    if (!kept) await intake.discard(options.message)
  }
}
