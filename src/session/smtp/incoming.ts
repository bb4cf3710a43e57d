import { isAscii } from 'node:buffer'
import type { MessageSink } from '../../core/contract.ts'
import type { Envelope } from '../../model/envelope.ts'
import type { TraceId } from '../../model/ids.ts'
import { SMTP_DATA_LINE_MAX_OCTETS, TRACE_RECIPIENTS_MAX } from '../../model/limits.ts'
import type { HeaderSummary } from '../../model/message.ts'
import { SMTP_MESSAGES } from '../../model/metrics.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import { createDataDecoder, type DataDecoder } from '../../protocol/smtp/data-decoder.ts'
import { token } from '../../std/random.ts'
import { printPath } from '../../format/address/address.ts'
import { decodeWords } from '../../format/header/words.ts'
import { factsOf, type SmtpContext } from './context.ts'
import { replyToStoreError, TOO_BIG } from './replies.ts'

/** A message on its way in. Once something failed, the rest is read and thrown away, and the reply waits for the end. */
export type Incoming = {
  readonly decoder: DataDecoder
  /** Content octets so far, kept or not. */
  readonly octets: number
  /** Why it will not be taken; null while all is well. */
  readonly failure: SmtpReply | null
  write(piece: Buffer): Promise<void>
  /** Commits. @returns the reply to the whole message */
  finish(): Promise<SmtpReply>
  abort(): Promise<void>
}

function envelopeOf({ state }: SmtpContext): Envelope | null {
  if (state.at !== 'mail') return null
  const { reversePath, body, smtputf8, requireTls, ret, envelopeId } = state.mail
  const dsn = { ...(ret === undefined ? {} : { ret }), ...(envelopeId === undefined ? {} : { envelopeId }) }
  return {
    reversePath,
    recipients: state.recipients,
    body,
    smtputf8,
    requireTls,
    ...(Object.keys(dsn).length === 0 ? {} : { dsn }),
  }
}

/** @returns null unless a transaction is open. @throws StoreError when no place can be made for the message */
export function openIncoming(context: SmtpContext, options: { transparency: boolean }): Incoming | null {
  const envelope = envelopeOf(context)
  if (envelope === null) return null
  const { policy, log } = context
  const facts = factsOf(context)
  const traceId = token(context.random, 16) as TraceId
  const decoder = createDataDecoder(options)
  let sink: MessageSink | null = policy.openMessage(facts, envelope, traceId)
  let octets = 0
  let eightBit = false
  let failure: SmtpReply | null = null

  const abort = async (): Promise<void> => {
    const open = sink
    sink = null
    await open?.abort()
  }
  const fail = async (why: SmtpReply): Promise<void> => {
    failure ??= why
    await abort()
  }
  const commit = async (open: MessageSink): Promise<SmtpReply> => {
    const message = await open.finish()
    sink = null
    if ('at' in message) return reply(550, '5.6.0', `Message refused: ${message.why}`)
    noteLetter(message.summary.header)
    // Interop: what is sent as 7BIT and is not is relayed as what it is (RFC 6152 §2).
    const sent: Envelope = eightBit && envelope.body === '7BIT' ? { ...envelope, body: '8BITMIME' } : envelope
    return policy.onMessage(facts, sent, message, traceId)
  }
  /** For the trace alone: what people look for a letter by. */
  const noteLetter = ({ from, subject, messageId }: HeaderSummary): void => {
    log.debug({
      event: 'smtp.letter',
      traceId,
      author: from.map(({ mailbox, host }) => `${mailbox ?? ''}@${host ?? ''}`).slice(0, 3),
      to: envelope.recipients.slice(0, TRACE_RECIPIENTS_MAX).map(({ address }) => printPath(address).slice(1, -1)),
      subject: decodeWords((subject ?? '').slice(0, 1000)),
      messageId: messageId ?? '',
    })
  }
  const record = (answer: SmtpReply, error?: unknown): void => {
    const accepted = answer.code < 400
    const direction = context.connection.service === 'mx' ? 'in' : 'submission'
    const result = accepted ? 'accepted' : answer.code < 500 ? 'deferred' : 'refused'
    context.metrics.add(SMTP_MESSAGES, { direction, result })
    log.info({
      event: accepted ? 'smtp.accepted' : 'smtp.refused',
      traceId,
      from: printPath(envelope.reversePath),
      recipients: envelope.recipients.length,
      sizeOctets: octets,
      ...(accepted ? {} : { code: answer.code, status: answer.status, why: answer.lines[0] }),
      ...(error === undefined ? {} : { cause: error instanceof Error ? error.message : 'unknown' }),
    })
  }

  return {
    decoder,
    get octets() {
      return octets
    },
    get failure() {
      return failure
    },
    async write(piece) {
      octets += piece.length
      eightBit ||= !isAscii(piece)
      if (sink === null) return
      if (octets > policy.messageMaxOctets) return fail(TOO_BIG)
      try {
        await sink.write(piece)
      } catch (error) {
        await fail(replyToStoreError(error))
      }
    },
    async finish() {
      if (failure === null && decoder.lineTooLong) {
        await fail(reply(550, '5.6.0', `Line longer than ${SMTP_DATA_LINE_MAX_OCTETS} octets`))
      }
      if (failure !== null || sink === null) {
        const answer = failure ?? reply(451, '4.3.0', 'Local error, try again later')
        record(answer)
        return answer
      }
      try {
        const answer = await commit(sink)
        record(answer)
        return answer
      } catch (error) {
        await abort()
        const answer = replyToStoreError(error)
        record(answer, error)
        return answer
      }
    },
    abort,
  }
}
