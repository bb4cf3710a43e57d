import { token, type Random } from '../../std/random.ts'
import { isAsciiAddress, printAddress } from '../../format/address/address.ts'
import { buildDsn, type DsnRecipient } from '../../format/dsn/dsn.ts'
import { DSN_RETURNED_MAX_OCTETS } from '../../model/limits.ts'
import type { Recipient } from '../../model/envelope.ts'
import type { Answer, QueueEntry } from '../../model/queue.ts'
import type { AcceptInput } from '../../store/contract.ts'
import type { DeliveryResult, Intake } from '../contract.ts'

export type Reported = {
  readonly recipient: Recipient
  readonly action: DsnRecipient['action']
  readonly answer: Answer
}

/** RFC 3461 §4.1: who is to be told. Without NOTIFY: of failure and, by our choice, of delay. */
export function wants(recipient: Recipient, event: 'success' | 'failure' | 'delay'): boolean {
  const { notify } = recipient
  if (notify === undefined) return event !== 'success'
  return notify !== 'never' && notify.includes(event)
}

/** What an attempt's results have to be reported of. Delays are added by who knows of them. */
export function reportable(entry: QueueEntry, results: readonly DeliveryResult[]): Reported[] {
  const reported: Reported[] = []
  for (const { index, to, answer, dsnPassedOn } of results) {
    const recipient = entry.recipients.find((one) => one.index === index)
    if (recipient === undefined) continue
    if (to === 'failed' && wants(recipient, 'failure')) reported.push({ recipient, action: 'failed', answer })
    // RFC 3461 §5.2.2: the next host does not speak DSN, so the last that is known is told.
    if (to === 'delivered' && dsnPassedOn !== true && wants(recipient, 'success')) {
      reported.push({ recipient, action: 'relayed', answer })
    }
  }
  return reported
}

/** The header of a message, cut to whole lines within the limit. @returns without the empty line, lines ending with CRLF */
export function cutHeader(head: Uint8Array): Buffer {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  const end = bytes.indexOf('\r\n\r\n')
  if (end !== -1) return bytes.subarray(0, end + 2)
  const lastLine = bytes.lastIndexOf('\r\n')
  return bytes.subarray(0, lastLine === -1 ? 0 : lastLine + 2)
}

const MESSAGE_ID = /^message-id:[ \t]*(<[^<>\s]{1,250}>)[ \t]*\r?$/im

/** The message that a DSN is about. */
export type Subject = Pick<QueueEntry, 'envelope' | 'traceId' | 'senderVerified' | 'sizeOctets' | 'acceptedAt'>

/**
 * The DSN of one attempt or delivery, ready for the store, or null when none may or need be sent (R22): only to verified senders, never to
 * `<>`, headers only. @throws StoreError
 */
export async function makeNotice(
  entry: Subject,
  reported: readonly Reported[],
  options: {
    read(start: number, end: number): Promise<Uint8Array>
    prepareNotice: Intake['prepareNotice']
    hostname: string
    random: Random
    now: number
    retryUntil: number
  },
): Promise<AcceptInput | null> {
  const { reversePath, smtputf8, requireTls, dsn } = entry.envelope
  if (reported.length === 0 || !entry.senderVerified || reversePath === null) return null
  const { hostname, random, now } = options
  // Choice: RET=FULL gets the header too, not the content (R22); RFC 3461 §4.3 leaves the size to us.
  const head = await options.read(0, Math.min(entry.sizeOctets, DSN_RETURNED_MAX_OCTETS))
  const returnedHeader = cutHeader(head)
  const ascii = isAsciiAddress(reversePath) && reported.every(({ recipient }) => isAsciiAddress(recipient.address))
  const utf8 = !ascii || (smtputf8 && returnedHeader.some((octet) => octet > 0x7f))
  const content = buildDsn({
    hostname,
    to: reversePath,
    recipients: reported.map(({ recipient, action, answer }) => ({
      address: recipient.address,
      originalRecipient: recipient.originalRecipient ?? null,
      action,
      answer,
      lastAttemptAt: now,
    })),
    arrivedAt: entry.acceptedAt,
    now,
    retryUntil: options.retryUntil,
    envelopeId: dsn?.envelopeId ?? null,
    returnedHeader,
    originalMessageId: MESSAGE_ID.exec(returnedHeader.toString('latin1'))?.[1] ?? null,
    messageId: `<${token(random, 24)}@${hostname}>`,
    boundary: `=_${token(random, 24)}`,
    utf8,
  })
  return options.prepareNotice({ to: reversePath, content, traceId: entry.traceId, smtputf8: utf8, requireTls })
}

/** For the log and the operator: `a@example.org`, empty for `<>`. */
export const printReversePath = (path: QueueEntry['envelope']['reversePath']): string =>
  path === null ? '' : printAddress(path)
