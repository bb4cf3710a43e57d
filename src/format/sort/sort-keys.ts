import { hash } from 'node:crypto'
import { SORT_TEXT_MAX_CHARACTERS, THREAD_REFERENCES_MAX } from '../../model/limits.ts'
import type { HeaderAddress, HeaderSummary, MessageSummary, SortKeys } from '../../model/message.ts'
import { casemap } from '../charset/casemap.ts'
import { parseDate } from '../header/date.ts'
import { parseMessageIds } from '../header/message-id.ts'
import { decodeWords } from '../header/words.ts'
import { baseSubject } from './base-subject.ts'

/** Octets of a digest that stand for a message-id: no two of a mailbox will meet. */
const ID_CHARACTERS = 12

/**
 * What SORT and THREAD compare (RFC 5256, RFC 5957).
 * @param references of THREAD, as `threadReferences` finds them
 */
export function makeSortKeys(header: HeaderSummary, sentAt: number | null, references: readonly string[]): SortKeys {
  const { text, isReply } = baseSubject(decodeWords(header.subject ?? ''))
  const own = parseMessageIds(header.messageId ?? '')[0]
  return {
    sentAt: sentAt ?? (header.date === null ? null : midnightOf(header.date)),
    subject: folded(text),
    isReply,
    from: mailboxOf(header.from),
    to: mailboxOf(header.to),
    cc: mailboxOf(header.cc),
    displayFrom: displayOf(header.from),
    displayTo: displayOf(header.to),
    messageId: own === undefined ? null : idKey(own),
    references: fewer(references).map(idKey),
  }
}

/**
 * The ids that a message's ancestry is read from (RFC 5256 §3, REFERENCES): those of References; where there are none,
 * the first of In-Reply-To. @param references the field's text, or null
 */
export function threadReferences(references: string | null, inReplyTo: string | null): readonly string[] {
  const ids = parseMessageIds(references ?? '')
  return ids.length > 0 ? ids : parseMessageIds(inReplyTo ?? '').slice(0, 1)
}

/**
 * For a message whose keys were not kept when it came. Its summary has the ids of both fields in one list.
 * Choice: what References did not say is then taken for its end; the thread is the same one, its shape may differ.
 */
export function sortKeysOf({ header, references, sentAt }: MessageSummary): SortKeys {
  const replied = new Set(parseMessageIds(header.inReplyTo ?? ''))
  const alone = references.every((id) => replied.has(id))
  return makeSortKeys(header, sentAt, alone ? [...replied].slice(0, 1) : references)
}

/** RFC 5256 §2.2: of a time that is none the day counts. */
const midnightOf = (date: string): number | null => parseDate(date.replace(/\d{1,2}:\d{1,2}(?::\d{1,2})?/, '00:00:00'))

/** RFC 5256 §3 SORT: addr-mailbox of the first address. */
const mailboxOf = (addresses: readonly HeaderAddress[]): string => folded(addresses[0]?.mailbox ?? '')

/** RFC 5957 §3. */
function displayOf(addresses: readonly HeaderAddress[]): string {
  const first = addresses[0]
  if (first === undefined) return ''
  const name = first.name === null ? '' : decodeWords(first.name)
  if (name !== '') return folded(name)
  if (first.mailbox === null) return ''
  return folded(first.host === null ? first.mailbox : `${first.mailbox}@${first.host}`)
}

/** Choice: texts are told apart by their first SORT_TEXT_MAX_CHARACTERS; tabs, line breaks and NUL count as blanks. */
const folded = (text: string): string =>
  casemap(text.slice(0, SORT_TEXT_MAX_CHARACTERS).toWellFormed()).replace(/[\0\t\r\n]/g, ' ')

/** Choice: of a longer list the oldest and the newest count, as senders keep them when they shorten it (RFC 5537 §3.4.4). */
const fewer = (ids: readonly string[]): readonly string[] =>
  ids.length <= THREAD_REFERENCES_MAX ? ids : [ids[0]!, ...ids.slice(1 - THREAD_REFERENCES_MAX)]

/** One key for all ways to write an id: case counts, quotes do not (RFC 5256 §3, Note). */
const idKey = (id: string): string => hash('sha256', plainId(id), 'base64url').slice(0, ID_CHARACTERS)

/** RFC 5256 §3: `<"a"@b>` is `<a@b>`. */
function plainId(id: string): string {
  if (!id.startsWith('<"')) return id
  const close = id.lastIndexOf('"@')
  return close < 2 ? id : `<${id.slice(2, close).replace(/\\([^])/g, '$1')}${id.slice(close + 1)}`
}
