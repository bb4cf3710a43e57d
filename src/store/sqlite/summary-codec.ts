/**
 * What the scan kept, as JSON of arrays without names: half the size, and faster to read than objects.
 * Choice: what SORT and THREAD compare stands before it, on a line of its own, and not in a table: it comes and goes with its
 * message without a page more to write, and is read without the rest.
 * Rows written before there were any have no such line.
 */
import type { HeaderAddress, HeaderSummary, MessageSummary, Part, SortKeys } from '../../model/message.ts'

type AddressRow = [name: string | null, mailbox: string | null, host: string | null]
/** 0: the same as From, which sender and reply-to nearly always are (RFC 9051 §7.5.2). */
type AddressesOrSame = AddressRow[] | 0
type HeaderRow = [
  date: string | null,
  subject: string | null,
  from: AddressRow[],
  sender: AddressesOrSame,
  replyTo: AddressesOrSame,
  to: AddressRow[],
  cc: AddressRow[],
  bcc: AddressRow[],
  inReplyTo: string | null,
  messageId: string | null,
]
type PartRow = [
  type: string,
  subtype: string,
  parameters: Part['parameters'],
  encoding: string,
  headerStart: number,
  bodyStart: number,
  bodyEnd: number,
  lines: number,
  parts: PartRow[],
  message: [HeaderRow, PartRow] | null,
  rare?: [
    contentId: string | null,
    description: string | null,
    disposition: [type: string, parameters: Part['parameters']] | null,
    language: readonly string[],
    location: string | null,
    md5: string | null,
  ],
]
type SummaryRow = [
  sizeOctets: number,
  header: HeaderRow,
  root: PartRow,
  references: readonly string[],
  sentAt: number | null,
  preview: string,
]

export function encodeSummary(summary: MessageSummary): string {
  const row: SummaryRow = [
    summary.sizeOctets,
    headerRow(summary.header),
    partRow(summary.root),
    summary.references,
    summary.sentAt,
    summary.preview,
  ]
  const { sortKeys } = summary
  return (sortKeys === undefined ? '' : `${encodeSortKeys(sortKeys)}\n`) + JSON.stringify(row)
}

export function decodeSummary(text: string): MessageSummary {
  // JSON.stringify writes no line break: where there is one, the sort keys end.
  const json = text.slice(text.indexOf('\n') + 1)
  const [sizeOctets, header, root, references, sentAt, preview] = JSON.parse(json) as SummaryRow
  return { sizeOctets, header: headerOf(header), root: partOf(root), references, sentAt, preview }
}

/** No text of them holds a tab or a line break. */
const encodeSortKeys = (keys: SortKeys): string =>
  [
    keys.sentAt ?? '',
    keys.isReply ? 1 : 0,
    keys.subject,
    keys.from,
    keys.to,
    keys.cc,
    keys.displayFrom,
    keys.displayTo,
    keys.messageId ?? '',
    keys.references.join(' '),
  ].join('\t')

/** @param fields what stood between tabs, from `at` on; one empty field where nothing was kept */
export function sortKeysFrom(fields: readonly string[], at: number): SortKeys | null {
  if (fields.length < at + 10) return null
  const sentAt = fields[at]!
  const messageId = fields[at + 8]!
  const references = fields[at + 9]!
  return {
    sentAt: sentAt === '' ? null : Number(sentAt),
    isReply: fields[at + 1] === '1',
    subject: fields[at + 2]!,
    from: fields[at + 3]!,
    to: fields[at + 4]!,
    cc: fields[at + 5]!,
    displayFrom: fields[at + 6]!,
    displayTo: fields[at + 7]!,
    messageId: messageId === '' ? null : messageId,
    references: references === '' ? NONE : references.split(' '),
  }
}

const NONE: readonly string[] = []

const addressRow = (a: HeaderAddress): AddressRow => [a.name, a.mailbox, a.host]
const addressOf = ([name, mailbox, host]: AddressRow): HeaderAddress => ({ name, mailbox, host })

function headerRow(header: HeaderSummary): HeaderRow {
  const from = header.from.map(addressRow)
  return [
    header.date,
    header.subject,
    from,
    sameAddresses(header.sender, header.from) ? 0 : header.sender.map(addressRow),
    sameAddresses(header.replyTo, header.from) ? 0 : header.replyTo.map(addressRow),
    header.to.map(addressRow),
    header.cc.map(addressRow),
    header.bcc.map(addressRow),
    header.inReplyTo,
    header.messageId,
  ]
}

function sameAddresses(one: readonly HeaderAddress[], other: readonly HeaderAddress[]): boolean {
  if (one === other) return true
  return (
    one.length === other.length &&
    one.every((a, i) => {
      const b = other[i]
      return b !== undefined && a.name === b.name && a.mailbox === b.mailbox && a.host === b.host
    })
  )
}

function headerOf(row: HeaderRow): HeaderSummary {
  const [date, subject, fromRows, senderRows, replyToRows, to, cc, bcc, inReplyTo, messageId] = row
  const from = fromRows.map(addressOf)
  return {
    date,
    subject,
    from,
    sender: senderRows === 0 ? from : senderRows.map(addressOf),
    replyTo: replyToRows === 0 ? from : replyToRows.map(addressOf),
    to: to.map(addressOf),
    cc: cc.map(addressOf),
    bcc: bcc.map(addressOf),
    inReplyTo,
    messageId,
  }
}

function partRow(part: Part): PartRow {
  const row: PartRow = [
    part.type,
    part.subtype,
    part.parameters,
    part.encoding,
    part.headerStart,
    part.bodyStart,
    part.bodyEnd,
    part.lines,
    part.parts.map(partRow),
    part.message === null ? null : [headerRow(part.message.summary), partRow(part.message.root)],
  ]
  const { contentId, description, disposition, language, location, md5 } = part
  const plain =
    contentId === null && description === null && disposition === null && language.length === 0 && location === null
  if (!plain || md5 !== null) {
    const shown =
      disposition === null ? null : ([disposition.type, disposition.parameters] as [string, Part['parameters']])
    row.push([contentId, description, shown, language, location, md5])
  }
  return row
}

function partOf(row: PartRow): Part {
  const [type, subtype, parameters, encoding, headerStart, bodyStart, bodyEnd, lines, parts, message, rare] = row
  const [contentId, description, disposition, language, location, md5] = rare ?? [null, null, null, [], null, null]
  return {
    type,
    subtype,
    parameters,
    contentId,
    description,
    encoding,
    disposition: disposition === null ? null : { type: disposition[0], parameters: disposition[1] },
    language,
    location,
    md5,
    headerStart,
    bodyStart,
    bodyEnd,
    lines,
    parts: parts.map(partOf),
    message: message === null ? null : { summary: headerOf(message[0]), root: partOf(message[1]) },
  }
}
