/** The letters that a script has sent: answers (RFC 5230 §5) and notifications (RFC 5436 §2.7). All from `<>`, or as said there. */
import { printAddress } from '../format/address/address.ts'
import { printDate } from '../format/dsn/dsn.ts'
import type { Address } from '../model/address.ts'
import type { Notify, Vacation } from './contract.ts'
import { parseSieveAddress } from './message/address.ts'
import { oneLine, printMailbox, printStructured, printText } from './message/print.ts'
import { encodeQuotedPrintable } from './message/quoted-printable.ts'

export type RenderOptions = {
  /** Epoch milliseconds. */
  readonly now: number
  /** With angle brackets; a new one. */
  readonly messageId: string
}

/** A whole letter with CRLF. Its header is ASCII, except for addresses that are not. */
export function renderVacation(vacation: Vacation, options: RenderOptions): Buffer {
  const { to, from, subject, body, mime, inReplyTo, references } = vacation
  const header = [
    ...common(options, { from, subject, lists: [['To', [to]]], references }),
    ...(inReplyTo === null ? [] : [printStructured('In-Reply-To', inReplyTo)]), // RFC 5230 §5.8
    'Auto-Submitted: auto-replied\r\n', // RFC 5230 §5.6, RFC 3834 §3.1.7
    // Interop: Exchange answers this with no answer of its own.
    'X-Auto-Response-Suppress: All\r\n',
  ]
  return Buffer.from(header.join('') + (mime ? entity(body) : text(body)))
}

/** @param owner to whom those can turn who want no more of them (RFC 5436 §2.7.1) */
export function renderNotification(notify: Notify, owner: Address, options: RenderOptions): Buffer {
  const { to, cc, from, subject, body, importance, fields, references } = notify
  const email = printAddress(owner).replace(/[\\"]/g, '\\$&')
  const header = [
    // RFC 5436 §2.7.1: above all others.
    `Auto-Submitted: auto-notified; owner-email="${email}"\r\n`,
    ...common(options, { from, subject, lists: [['To', to], ['Cc', cc]], references }), // prettier-ignore
    ...IMPORTANCE[importance],
    ...fields.map(([name, value]) => printText(name[0]!.toUpperCase() + name.slice(1), value)),
  ]
  return Buffer.from(header.join('') + text(body))
}

/** RFC 2156 §2.3.1.12 and what clients look at. */
const IMPORTANCE: Record<Notify['importance'], readonly string[]> = {
  1: ['Importance: high\r\n', 'X-Priority: 1 (Highest)\r\n'],
  2: [],
  3: ['Importance: low\r\n', 'X-Priority: 5 (Lowest)\r\n'],
}

function common(
  { now, messageId }: RenderOptions,
  letter: {
    readonly from: string
    readonly subject: string
    readonly lists: readonly (readonly [name: string, addresses: readonly Address[]])[]
    readonly references: readonly string[]
  },
): string[] {
  const from = parseSieveAddress(letter.from)
  const lists = letter.lists.filter(([, addresses]) => addresses.length > 0)
  const { references } = letter
  return [
    printStructured('From', from === null ? letter.from : printMailbox(from.name, printAddress(from.address))),
    ...lists.map(([name, addresses]) => printStructured(name, addresses.map(printAddress).join(', '))),
    printText('Subject', letter.subject),
    `Date: ${printDate(now)}\r\n`,
    `Message-ID: ${messageId}\r\n`,
    ...(references.length === 0 ? [] : [printStructured('References', references.join(' '))]),
  ]
}

/** Text as a body: as it is when it can be, else quoted-printable (RFC 2045 §6.7). */
function text(body: string): string {
  const lines = `${body.replace(/\r\n$/, '')}\r\n`
  const plain = /^[\t\r\n -~]*$/.test(lines) && lines.split('\r\n').every((line) => line.length <= 998)
  const encoding = plain ? '7bit' : 'quoted-printable'
  const type = `MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n`
  return `${type}Content-Transfer-Encoding: ${encoding}\r\n\r\n${plain ? lines : encodeQuotedPrintable(lines)}`
}

/** A MIME entity (RFC 5230 §4.4): of its header what tells its form, and nothing else. */
function entity(written: string): string {
  const end = written.startsWith('\r\n') ? 0 : written.indexOf('\r\n\r\n')
  const header = end === -1 ? written : written.slice(0, end)
  const body = end === -1 ? '' : written.slice(end + (end === 0 ? 2 : 4))
  const fields = header.split(/\r\n(?![ \t])/).filter((field) => /^content-[!-9;-~]+:/i.test(field))
  const says = (name: string): boolean => fields.some((field) => field.toLowerCase().startsWith(`${name}:`))
  if (!says('content-transfer-encoding') && !/^[\0-\x7f]*$/.test(body)) fields.push('Content-Transfer-Encoding: 8bit')
  if (!says('content-type')) fields.push('Content-Type: text/plain; charset=utf-8')
  return [
    'MIME-Version: 1.0',
    ...fields.map((field) => field.split('\r\n').map(oneLineKept).join('\r\n')),
    '',
    body,
  ].join('\r\n')
}

/** A folded line keeps its first blank. */
const oneLineKept = (line: string): string => (/^[ \t]/.test(line) ? ` ${oneLine(line)}` : oneLine(line))
