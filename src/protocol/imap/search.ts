import type { Flag } from '../../model/mailbox.ts'
import { Fault, type Cursor } from './cursor.ts'
import { parseDate } from './date.ts'
import { keyword } from './flags.ts'
import { parsePartialRange, type PartialRange } from './partial.ts'
import { looksLikeSet, parseSequenceSet, type SequenceSet } from './sequence-set.ts'

/** RFC 9051 §6.4.4, with RFC 3501's keys, MODSEQ (RFC 7162 §3.1.5), OLDER and YOUNGER (RFC 5032), EMAILID (RFC 8474). */
export type EnvelopeField = 'bcc' | 'cc' | 'from' | 'subject' | 'to'

export type SearchKey =
  | { readonly key: 'all' }
  | { readonly key: 'none' }
  | { readonly key: 'and'; readonly of: readonly SearchKey[] }
  | { readonly key: 'or'; readonly of: readonly [SearchKey, SearchKey] }
  | { readonly key: 'not'; readonly of: SearchKey }
  /** Message numbers. */
  | { readonly key: 'sequence'; readonly set: SequenceSet }
  | { readonly key: 'uid'; readonly set: SequenceSet }
  | { readonly key: 'flag'; readonly flag: Flag }
  /** `day` counts whole days since 1970; zone and time are disregarded. */
  | {
      readonly key: 'date'
      readonly of: 'internal' | 'saved' | 'sent'
      readonly is: 'before' | 'on' | 'since'
      readonly day: number
    }
  | { readonly key: 'larger'; readonly octets: number }
  | { readonly key: 'smaller'; readonly octets: number }
  | { readonly key: 'older'; readonly seconds: number }
  | { readonly key: 'younger'; readonly seconds: number }
  | { readonly key: 'modseq'; readonly modSeq: number }
  /** RFC 9051 §6.4.4 BCC, CC, FROM, SUBJECT, TO: in the envelope structure. */
  | { readonly key: 'envelope'; readonly field: EnvelopeField; readonly text: string }
  | { readonly key: 'header'; readonly name: string; readonly text: string }
  | { readonly key: 'body'; readonly text: string }
  | { readonly key: 'text'; readonly text: string }
  | { readonly key: 'emailid'; readonly id: string }
  | { readonly key: 'threadid'; readonly id: string }

const RETURNS = [
  'MIN',
  'MAX',
  'ALL',
  'COUNT',
  'SAVE', // RFC 5182
  'PARTIAL', // RFC 9394
  'CONTEXT', // RFC 5267 §4.2
  'UPDATE', // RFC 5267 §4.3
] as const

export type SearchReturn = (typeof RETURNS)[number]

export type SearchReturns = {
  /** Null: a plain SEARCH. An empty RETURN () means ALL (RFC 4731 §3.1). */
  readonly returns: ReadonlySet<SearchReturn> | null
  /** Of the option PARTIAL. */
  readonly partial: PartialRange | null
}

export type SearchArgs = SearchReturns & {
  readonly charset: string | null
  readonly key: SearchKey
}

export function parseSearch(cursor: Cursor): SearchArgs {
  const { returns, partial } = parseReturns(cursor)
  let charset: string | null = null
  if (cursor.skip('CHARSET ')) {
    charset = parseCharset(cursor)
    cursor.space()
  }
  return { returns, partial, charset, key: parseProgram(cursor) }
}

/** `RETURN (…) `, where it stands. */
export function parseReturns(cursor: Cursor): SearchReturns {
  if (!cursor.skip('RETURN ')) return { returns: null, partial: null }
  let partial: PartialRange | null = null
  const names = cursor.list(
    () => {
      const name = cursor.word()
      const known = RETURNS.find((one) => one === name)
      if (known === undefined) throw new Fault(`Unknown search return option ${name}`)
      if (known === 'PARTIAL') {
        if (partial !== null) throw new Fault('PARTIAL twice') // RFC 9394 §3.1
        cursor.space()
        partial = parsePartialRange(cursor)
      }
      return known
    },
    { empty: true },
  )
  cursor.space()
  if (partial !== null && names.includes('ALL')) throw new Fault('PARTIAL and ALL exclude each other') // RFC 9394 §3.1
  return { returns: new Set<SearchReturn>(names.length === 0 ? ['ALL'] : names), partial }
}

/** RFC 3501 §6.4.4: BADCHARSET, before keys in it are read. */
export function parseCharset(cursor: Cursor): string {
  const charset = cursor.astring().toUpperCase()
  if (charset === 'UTF-8' || charset === 'US-ASCII') return charset
  throw new Fault('Charset is not known', { status: 'NO', code: 'BADCHARSET (US-ASCII UTF-8)' })
}

/** All that follows: one key or more. */
export const parseProgram = (cursor: Cursor): SearchKey => keys(cursor, 0)

function keys(cursor: Cursor, depth: number): SearchKey {
  const of = [parseKey(cursor, depth)]
  while (cursor.skip(' ')) of.push(parseKey(cursor, depth))
  return of.length === 1 ? of[0]! : { key: 'and', of }
}

const flag =
  (name: Flag): (() => SearchKey) =>
  () => ({ key: 'flag', flag: name })
const unflag =
  (name: Flag): (() => SearchKey) =>
  () => ({ key: 'not', of: { key: 'flag', flag: name } })
const envelope =
  (field: EnvelopeField) =>
  (cursor: Cursor): SearchKey => ({ key: 'envelope', field, text: argument(cursor) })
const date =
  (of: 'internal' | 'saved' | 'sent', is: 'before' | 'on' | 'since') =>
  (cursor: Cursor): SearchKey => {
    cursor.space()
    return { key: 'date', of, is, day: parseDate(cursor) }
  }

function argument(cursor: Cursor): string {
  cursor.space()
  return cursor.astring()
}

function numeric(cursor: Cursor): number {
  cursor.space()
  return cursor.number()
}

function interval(cursor: Cursor): number {
  cursor.space()
  return cursor.nzNumber() // RFC 5032 §3: nz-number
}

const KEYS: ReadonlyMap<string, (cursor: Cursor, depth: number) => SearchKey> = new Map([
  ['ALL', () => ({ key: 'all' })],
  ['ANSWERED', flag('\\Answered')],
  ['DELETED', flag('\\Deleted')],
  ['DRAFT', flag('\\Draft')],
  ['FLAGGED', flag('\\Flagged')],
  ['SEEN', flag('\\Seen')],
  ['UNANSWERED', unflag('\\Answered')],
  ['UNDELETED', unflag('\\Deleted')],
  ['UNDRAFT', unflag('\\Draft')],
  ['UNFLAGGED', unflag('\\Flagged')],
  ['UNSEEN', unflag('\\Seen')],
  // Choice: no message is \Recent (RFC 9051 dropped it; RFC 3501 §2.3.2 lets a server be unsure).
  ['RECENT', () => ({ key: 'none' })],
  ['NEW', () => ({ key: 'none' })],
  ['OLD', () => ({ key: 'all' })],
  [
    'KEYWORD',
    (cursor) => {
      cursor.space()
      return { key: 'flag', flag: keyword(cursor) }
    },
  ],
  [
    'UNKEYWORD',
    (cursor) => {
      cursor.space()
      return { key: 'not', of: { key: 'flag', flag: keyword(cursor) } }
    },
  ],
  ['BCC', envelope('bcc')],
  ['CC', envelope('cc')],
  ['FROM', envelope('from')],
  ['SUBJECT', envelope('subject')],
  ['TO', envelope('to')],
  ['HEADER', (cursor) => ({ key: 'header', name: argument(cursor), text: argument(cursor) })],
  ['BODY', (cursor) => ({ key: 'body', text: argument(cursor) })],
  ['TEXT', (cursor) => ({ key: 'text', text: argument(cursor) })],
  ['BEFORE', date('internal', 'before')],
  ['ON', date('internal', 'on')],
  ['SINCE', date('internal', 'since')],
  ['SENTBEFORE', date('sent', 'before')],
  ['SENTON', date('sent', 'on')],
  ['SENTSINCE', date('sent', 'since')],
  ['LARGER', (cursor) => ({ key: 'larger', octets: numeric(cursor) })],
  ['SMALLER', (cursor) => ({ key: 'smaller', octets: numeric(cursor) })],
  ['OLDER', (cursor) => ({ key: 'older', seconds: interval(cursor) })],
  ['YOUNGER', (cursor) => ({ key: 'younger', seconds: interval(cursor) })],
  ['MODSEQ', modSeq],
  ['EMAILID', (cursor) => ({ key: 'emailid', id: argument(cursor) })],
  ['THREADID', (cursor) => ({ key: 'threadid', id: argument(cursor) })],
  // RFC 8514 §4.3.
  ['SAVEDBEFORE', date('saved', 'before')],
  ['SAVEDON', date('saved', 'on')],
  ['SAVEDSINCE', date('saved', 'since')],
  ['SAVEDATESUPPORTED', () => ({ key: 'all' })],
  [
    'UID',
    (cursor) => {
      cursor.space()
      return { key: 'uid', set: parseSequenceSet(cursor) }
    },
  ],
  ['NOT', not],
  ['OR', or],
])

function not(cursor: Cursor, depth: number): SearchKey {
  cursor.space()
  return { key: 'not', of: parseKey(cursor, depth + 1) }
}

function or(cursor: Cursor, depth: number): SearchKey {
  cursor.space()
  const left = parseKey(cursor, depth + 1)
  cursor.space()
  return { key: 'or', of: [left, parseKey(cursor, depth + 1)] }
}

/** RFC 7162 §3.1.5. The entry name narrows to one flag's changes; ours count for the message as a whole, which it allows. */
function modSeq(cursor: Cursor): SearchKey {
  cursor.space()
  if (cursor.peek() === 0x22) {
    const name = cursor.text()
    if (!name.toLowerCase().startsWith('/flags/')) throw new Fault('Unknown metadata item')
    cursor.space()
    const type = cursor.word()
    if (type !== 'ALL' && type !== 'PRIV' && type !== 'SHARED') throw new Fault('Unknown metadata type')
    cursor.space()
  }
  return { key: 'modseq', modSeq: cursor.modSeq() }
}

function parseKey(cursor: Cursor, depth: number): SearchKey {
  if (depth > cursor.nestingMax) throw new Fault('Search keys are nested too deeply', { code: 'LIMIT' })
  if (looksLikeSet(cursor)) return { key: 'sequence', set: parseSequenceSet(cursor) }
  if (cursor.peek() === 0x28) {
    cursor.open()
    const inner = keys(cursor, depth + 1)
    cursor.close()
    return inner
  }
  const name = cursor.word()
  const parse = KEYS.get(name)
  if (parse === undefined) throw new Fault(`Unknown search key ${name}`)
  return parse(cursor, depth)
}
