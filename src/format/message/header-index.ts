import { ADDRESSES_PER_HEADER_MAX, HEADER_LINES_MAX } from '../../model/limits.ts'
import type { HeaderAddress, HeaderSummary } from '../../model/message.ts'
import { parseAddressList } from '../header/address.ts'
import { parseDate } from '../header/date.ts'
import { fieldText, headerFields, type HeaderField } from '../header/field.ts'
import { parseMessageIds } from '../header/message-id.ts'
import { threadReferences } from '../sort/sort-keys.ts'

/** A header block's fields by lower-case name. */
export type HeaderIndex = {
  readonly block: Buffer
  readonly first: ReadonlyMap<string, HeaderField>
  readonly all: readonly HeaderField[]
  /** More fields than HEADER_LINES_MAX; the rest is left out. */
  readonly overflow: boolean
}

/** A field counts as one line, however it is folded (RFC 5322 §2.2.3: "logically a single line"). */
export function indexHeader(block: Buffer): HeaderIndex {
  const found = headerFields(block, HEADER_LINES_MAX + 1)
  const all = found.slice(0, HEADER_LINES_MAX)
  const first = new Map<string, HeaderField>()
  for (const field of all) {
    const name = field.name.toLowerCase()
    if (name !== '' && !first.has(name)) first.set(name, field)
  }
  return { block, first, all, overflow: found.length > HEADER_LINES_MAX }
}

export function countFields(header: HeaderIndex, name: string): number {
  return header.all.filter((field) => field.name.toLowerCase() === name).length
}

/** How many addresses a message may still have parsed. */
export type AddressBudget = { left: number }

/**
 * ENVELOPE of a header. Choice: of From, Sender, Reply-To and all single fields the first counts; several To, Cc or Bcc
 * fields are read as one list, so that nobody is hidden.
 */
export function summarize(header: HeaderIndex, charset: string | null, budget: AddressBudget): HeaderSummary {
  const text = (name: string): string | null => {
    const field = header.first.get(name)
    return field === undefined ? null : fieldText(header.block, field, charset)
  }
  const parse = (value: string, taken: number): HeaderAddress[] => {
    const list = parseAddressList(value, Math.min(ADDRESSES_PER_HEADER_MAX - taken, budget.left))
    budget.left = Math.max(0, budget.left - list.length)
    return list
  }
  const one = (name: string): HeaderAddress[] => parse(text(name) ?? '', 0)
  const every = (name: string): HeaderAddress[] => {
    const list: HeaderAddress[] = []
    for (const field of header.all) {
      if (field.name.toLowerCase() !== name) continue
      list.push(...parse(fieldText(header.block, field, charset), list.length))
      if (list.length >= ADDRESSES_PER_HEADER_MAX || budget.left === 0) break
    }
    return list
  }
  return {
    date: text('date'),
    subject: text('subject'),
    from: one('from'),
    sender: one('sender'),
    replyTo: one('reply-to'),
    to: every('to'),
    cc: every('cc'),
    bcc: every('bcc'),
    inReplyTo: text('in-reply-to'),
    messageId: text('message-id'),
  }
}

/** Message-IDs of References, then of In-Reply-To, without duplicates (RFC 5322 §3.6.4). */
export function readReferences(header: HeaderIndex): string[] {
  const ids = new Set<string>()
  for (const name of ['references', 'in-reply-to']) {
    const field = header.first.get(name)
    if (field !== undefined) for (const id of parseMessageIds(fieldText(header.block, field))) ids.add(id)
  }
  return [...ids]
}

/** RFC 5256 §3: the ids that THREAD goes by, with their doubles. */
export function readThreadReferences(header: HeaderIndex): readonly string[] {
  const text = (name: string): string | null => {
    const field = header.first.get(name)
    return field === undefined ? null : fieldText(header.block, field)
  }
  return threadReferences(text('references'), text('in-reply-to'))
}

/** @returns epoch milliseconds of Date, or null */
export function readSentAt(header: HeaderIndex): number | null {
  const field = header.first.get('date')
  return field === undefined ? null : parseDate(fieldText(header.block, field))
}
