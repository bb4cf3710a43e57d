import type { Flag } from '../../../model/mailbox.ts'
import { attempt, Cursor, Fault } from '../cursor.ts'
import { parseDateTime } from '../date.ts'
import { parseFlagList } from '../flags.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'
import { announced, type Literal } from '../reader.ts'

/** What a piece of the command says, in order. Octets of a literal follow behind the piece: it is always the last step. */
export type AppendStep =
  | {
      readonly do: 'message'
      readonly flags: readonly Flag[]
      /** Epoch milliseconds; null: now. */
      readonly internalDate: number | null
    }
  /** The message's octets, or one part's (RFC 4469 §3). */
  | { readonly do: 'octets'; readonly literal: Literal }
  | { readonly do: 'url'; readonly url: string }
  /** The octets are a URL. */
  | { readonly do: 'url-octets'; readonly literal: Literal }
  | { readonly do: 'end' }

/** What has to stand behind a literal's octets. */
type AppendPlace = 'message' | 'message-or-end' | 'utf8' | 'part' | 'part-or-end'

export type AppendSegment = {
  readonly steps: readonly AppendStep[]
  readonly place: AppendPlace
  /** REPLACE takes one message. */
  readonly single: boolean
}

/** REPLACE's first argument; 0 stands for `*` (RFC 9051 §9 seq-number). */
export type Replaced = { readonly by: 'number' | 'uid'; readonly number: number }

export type AppendStart = {
  readonly tag: string
  readonly replaces: Replaced | null
  readonly mailbox: string
  readonly segment: AppendSegment
}

/**
 * Reads APPEND (RFC 9051 §6.3.12, RFC 3502, RFC 4469) or REPLACE (RFC 8508 §5) up to its first message literal, or whole.
 * @param text up to and with a literal's announcement and its CRLF, or a whole command
 * @returns null when the literal is none of a message's (the mailbox name may be one)
 */
export function parseAppendStart(
  text: Buffer,
  options: { form: NameForm; nestingMax: number },
): { ok: true; value: AppendStart | null } | { ok: false; error: Fault } {
  const cursor = new Cursor(text, { nestingMax: options.nestingMax })
  const head = attempt(() => {
    const tag = cursor.tag()
    const verb = VERBS.find(([name]) => cursor.skip(` ${name} `))
    return verb === undefined ? null : { tag, by: verb[1] }
  })
  if (!head.ok || head.value === null) return { ok: true, value: null }
  const { tag, by } = head.value
  return attempt(() => {
    let replaces: Replaced | null = null
    if (by !== null) {
      replaces = { by, number: by === 'number' && cursor.skip('*') ? 0 : cursor.nzNumber() }
      cursor.space()
    }
    if (literalAt(cursor) !== null) return null
    const mailbox = parseMailbox(cursor, options.form)
    return { tag, replaces, mailbox, segment: segmentAt(cursor, 'message', replaces !== null) }
  })
}

const VERBS = [
  ['APPEND', null],
  ['REPLACE', 'number'],
  ['UID REPLACE', 'uid'],
] as const

/** What follows the octets of a literal. */
export function parseAppendNext(
  text: Buffer,
  options: { after: AppendSegment; nestingMax: number },
): { ok: true; value: AppendSegment } | { ok: false; error: Fault } {
  const { place, single } = options.after
  return attempt(() => segmentAt(new Cursor(text, { nestingMax: options.nestingMax }), place, single))
}

function segmentAt(cursor: Cursor, from: AppendPlace, single: boolean): AppendSegment {
  const steps: AppendStep[] = []
  let place = from
  for (;;) {
    switch (place) {
      case 'utf8':
        cursor.expect(')')
        place = 'message-or-end'
        break
      case 'message-or-end':
        if (cursor.done) return { steps: [...steps, { do: 'end' }], place, single }
        if (single) throw new Fault('REPLACE takes one message')
        place = 'message'
        break
      case 'message': {
        cursor.space()
        steps.push(messageAt(cursor))
        if (cursor.skip('CATENATE (')) {
          place = 'part'
          break
        }
        const utf8 = cursor.skip('UTF8 (')
        const literal = literalNext(cursor)
        if (utf8 && !literal.binary) throw new Fault('UTF8 needs a literal8') // RFC 6855 §4
        return { steps: [...steps, { do: 'octets', literal }], place: utf8 ? 'utf8' : 'message-or-end', single }
      }
      case 'part-or-end':
        if (cursor.skip(')')) place = 'message-or-end'
        else {
          cursor.space()
          place = 'part'
        }
        break
      case 'part': {
        place = 'part-or-end'
        if (cursor.skip('TEXT '))
          return { steps: [...steps, { do: 'octets', literal: literalNext(cursor) }], place, single }
        cursor.expect('URL ')
        const literal = literalAt(cursor)
        if (literal !== null) return { steps: [...steps, { do: 'url-octets', literal }], place, single }
        steps.push({ do: 'url', url: cursor.astring() })
        break
      }
    }
  }
}

function messageAt(cursor: Cursor): AppendStep {
  let flags: readonly Flag[] = []
  let internalDate: number | null = null
  if (cursor.peek() === 0x28) {
    flags = parseFlagList(cursor)
    cursor.space()
  }
  if (cursor.peek() === 0x22) {
    internalDate = parseDateTime(cursor)
    cursor.space()
  }
  return { do: 'message', flags, internalDate }
}

/** The literal announced at the very end, if it comes next. */
function literalAt(cursor: Cursor): Literal | null {
  if (!cursor.looksAt('{') && !cursor.looksAt('~{')) return null
  const end = cursor.bytes.length - 2
  if (cursor.bytes.indexOf('\r\n', cursor.at) !== end) return null
  return announced(cursor.bytes.subarray(cursor.at, end))
}

function literalNext(cursor: Cursor): Literal {
  const literal = literalAt(cursor)
  if (literal === null) throw new Fault('Expected a literal')
  return literal
}
