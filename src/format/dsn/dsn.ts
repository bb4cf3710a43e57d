import type { Address } from '../../model/address.ts'
import type { Answer } from '../../model/queue.ts'
import { printAddress } from '../address/address.ts'
import { advice } from './advice.ts'

export type DsnRecipient = {
  readonly address: Address
  /** RFC 3461 §4.2, decoded, e.g. `rfc822;a@example.org`. */
  readonly originalRecipient: string | null
  /** RFC 3464 §2.3.3. */
  readonly action: 'failed' | 'delayed' | 'relayed' | 'delivered' | 'expanded'
  readonly answer: Answer
  /** Epoch milliseconds. */
  readonly lastAttemptAt: number
}

export type DsnOptions = {
  /** Our host name. */
  readonly hostname: string
  readonly to: Address
  readonly recipients: readonly DsnRecipient[]
  /** Epoch milliseconds. */
  readonly arrivedAt: number
  readonly now: number
  /** For delayed recipients: when we give up. */
  readonly retryUntil: number
  readonly envelopeId: string | null
  /** The original's header, whole lines; may hold any octets. */
  readonly returnedHeader: Uint8Array
  /** Of the original, with angle brackets, or null. */
  readonly originalMessageId: string | null
  readonly messageId: string
  readonly boundary: string
  /** RFC 6533: addresses or header are not ASCII and SMTPUTF8 may be used. */
  readonly utf8: boolean
}

const FOLD_AT = 76
const NOT_ASCII = /[^ -~]/g
const CONTROL = /[\0-\x1f\x7f]/g

/** RFC 5322 §3.3, in UTC. */
export function printDate(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000')
}

/** Breaks at spaces; a word that is longer than a line is cut. Continuations start with `indent`. */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = []
  const room = FOLD_AT - indent.length
  let line = ''
  for (let word of text.replace(CONTROL, ' ').trim().split(/\s+/)) {
    while (word.length > room) {
      if (line !== '') lines.push(indent + line)
      line = ''
      lines.push(indent + word.slice(0, room))
      word = word.slice(room)
    }
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  if (line !== '') lines.push(indent + line)
  return lines
}

/** One field of delivery-status, folded. Outside utf8 reports what is not ASCII becomes `?` (RFC 3464 §2.1.1). */
function field(name: string, value: string, utf8: boolean): string {
  const clean = value.replace(CONTROL, ' ')
  const [first = '', ...rest] = wrap(`${name}: ${utf8 ? clean : clean.replace(NOT_ASCII, '?')}`, ' ')
  return [first.slice(1), ...rest].join('\r\n')
}

/** RFC 3464 §2.3.1; RFC 6533 §3 for the `utf-8` type. */
function typed(address: Address): string {
  const printed = printAddress(address)
  return /[^\0-\x7f]/.test(printed) ? `utf-8; ${printed}` : `rfc822; ${printed}`
}

function statusOf(recipient: DsnRecipient): string {
  const { action, answer } = recipient
  const digit = action === 'failed' ? '5' : action === 'delayed' ? '4' : '2'
  return digit + answer.status.slice(1) // RFC 3464 §2.3.4: the class goes with the action.
}

function deliveryStatus(options: DsnOptions): string {
  const { utf8, recipients } = options
  const message = [field('Reporting-MTA', `dns; ${options.hostname}`, utf8)]
  if (options.envelopeId !== null) message.unshift(field('Original-Envelope-Id', options.envelopeId, utf8))
  message.push(field('Arrival-Date', printDate(options.arrivedAt), utf8))
  const groups = recipients.map((recipient) => {
    const { action, answer, originalRecipient } = recipient
    const lines: string[] = []
    if (originalRecipient !== null) {
      lines.push(field('Original-Recipient', originalRecipient.replace(/^([^;]*);\s*/, '$1; '), utf8))
    }
    lines.push(field('Final-Recipient', typed(recipient.address), utf8))
    lines.push(field('Action', action, utf8))
    lines.push(field('Status', statusOf(recipient), utf8))
    if (answer.remote === null) lines.push(field('Diagnostic-Code', `x-gavan; ${answer.text}`, utf8))
    else {
      const remoteType = answer.remote.startsWith('[') ? 'x-address' : 'dns'
      lines.push(field('Remote-MTA', `${remoteType}; ${answer.remote}`, utf8))
      lines.push(field('Diagnostic-Code', `smtp; ${answer.code} ${answer.status} ${answer.text}`, utf8))
    }
    lines.push(field('Last-Attempt-Date', printDate(recipient.lastAttemptAt), utf8))
    if (action === 'delayed') lines.push(field('Will-Retry-Until', printDate(options.retryUntil), utf8))
    return lines.join('\r\n')
  })
  return [message.join('\r\n'), ...groups].join('\r\n\r\n')
}

const LEADS: Record<DsnRecipient['action'], readonly [one: string, many: string]> = {
  failed: ['Your message could not be delivered to', 'Your message could not be delivered to these addresses'],
  delayed: ['Your message has not been delivered yet to', 'Your message has not been delivered yet to these addresses'],
  relayed: [
    'Your message was handed on, to a server that sends no delivery reports, for',
    'Your message was handed on, to servers that send no delivery reports, for these addresses',
  ],
  delivered: ['Your message is in the mailbox of', 'Your message is in the mailboxes of these addresses'],
  expanded: [
    'Your message was handed to all members of the group',
    'Your message was handed to all members of these groups',
  ],
}

/** The worst first. */
const ACTIONS = ['failed', 'delayed', 'relayed', 'delivered', 'expanded'] as const

const SUBJECTS: Record<DsnRecipient['action'], string> = {
  failed: 'Not delivered: ',
  delayed: 'Not delivered yet: ',
  relayed: 'Handed on: ',
  delivered: 'Delivered: ',
  expanded: 'Handed to the members: ',
}

function section(action: DsnRecipient['action'], options: DsnOptions): string[] {
  const recipients = options.recipients.filter((recipient) => recipient.action === action)
  if (recipients.length === 0) return []
  const lines = [`${LEADS[action][recipients.length === 1 ? 0 : 1]}:`, '']
  for (const recipient of recipients) {
    const { answer } = recipient
    lines.push(`  ${printAddress(recipient.address)}`)
    const said =
      answer.remote === null ? answer.text : `${answer.remote} said: ${answer.code} ${answer.status} ${answer.text}`
    lines.push(...wrap(said, '    '))
    if (action === 'failed') lines.push(...wrap(`What to do: ${advice(statusOf(recipient))}`, '    '))
    lines.push('')
  }
  if (action === 'delayed') {
    lines.push(
      ...wrap(
        `You need not do anything. We keep trying until ${printDate(options.retryUntil)}, and tell you if it does not work out.`,
        '',
      ),
      '',
    )
  }
  return lines
}

function humanText(options: DsnOptions): string {
  const lines = [
    `This is the mail server ${options.hostname}.`,
    '',
    ...ACTIONS.flatMap((action) => section(action, options)),
    'The header of your message follows as an attachment.',
  ]
  return lines.join('\r\n')
}

function subject(options: DsnOptions): string {
  const { recipients } = options
  const worst = ACTIONS.find((a) => recipients.some(({ action }) => action === a))!
  const about = recipients.filter(({ action }) => action === worst)
  const who = about.length === 1 ? printAddress(about[0]!.address) : `${about.length} addresses`
  return SUBJECTS[worst] + who
}

const encodingOf = (bytes: Uint8Array | string): string => {
  const is7bit = typeof bytes === 'string' ? !/[^\0-\x7f]/.test(bytes) : !bytes.some((octet) => octet > 0x7f)
  return is7bit ? '7bit' : '8bit'
}

/** A delivery status notification: RFC 3464 in RFC 6522's multipart/report; RFC 6533 where `utf8`. Ends lines with CRLF. */
export function buildDsn(options: DsnOptions): Buffer {
  const { utf8, boundary, returnedHeader } = options
  const text = humanText(options)
  const status = deliveryStatus(options)
  const header = [
    `From: Mail delivery <MAILER-DAEMON@${options.hostname}>`,
    `To: <${printAddress(options.to)}>`,
    field('Subject', subject(options), utf8),
    `Date: ${printDate(options.now)}`,
    `Message-ID: ${options.messageId}`,
    ...(options.originalMessageId === null
      ? []
      : [`In-Reply-To: ${options.originalMessageId}`, `References: ${options.originalMessageId}`]),
    'Auto-Submitted: auto-replied', // RFC 3834 §3.1.7.
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"`,
    `Content-Transfer-Encoding: ${encodingOf(text) === '7bit' && encodingOf(status) === '7bit' ? encodingOf(returnedHeader) : '8bit'}`,
  ]
  const part = (type: string, body: string | Uint8Array): string =>
    `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encodingOf(body)}\r\n\r\n`
  return Buffer.concat([
    Buffer.from(`${header.join('\r\n')}\r\n`),
    Buffer.from(`${part('text/plain; charset=utf-8', text)}${text}\r\n`),
    // A group ends with an empty line; the one before the boundary is its.
    Buffer.from(`${part(utf8 ? 'message/global-delivery-status' : 'message/delivery-status', status)}${status}\r\n`),
    Buffer.from(part(utf8 ? 'message/global-headers' : 'text/rfc822-headers', returnedHeader)),
    returnedHeader,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
}
