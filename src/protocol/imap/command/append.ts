import type { Flag } from '../../../model/mailbox.ts'
import { attempt, Cursor, Fault } from '../cursor.ts'
import { parseDateTime } from '../date.ts'
import { parseFlagList } from '../flags.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'
import { announced, type Literal } from '../reader.ts'

/** What stands before one message's literal (RFC 3502, RFC 6855 §4). */
export type AppendMessage = {
  readonly flags: readonly Flag[]
  /** Epoch milliseconds; null: now. */
  readonly internalDate: number | null
  /** Inside `UTF8 (~{…})`: a `)` follows the octets. */
  readonly utf8: boolean
  readonly literal: Literal
}

export type AppendStart = { readonly tag: string; readonly mailbox: string; readonly message: AppendMessage }

/**
 * Reads a command up to a literal's announcement as the head of an APPEND.
 * @param text with the announcement and its CRLF
 * @returns null when this is not APPEND or the literal is not its message (the mailbox name may be one)
 */
export function parseAppendStart(
  text: Buffer,
  options: { form: NameForm; nestingMax: number },
): { ok: true; value: AppendStart | null } | { ok: false; error: Fault } {
  const cursor = new Cursor(text, { nestingMax: options.nestingMax })
  const head = attempt(() => {
    const tag = cursor.tag()
    return cursor.skip(' APPEND ') ? tag : null
  })
  if (!head.ok || head.value === null) return { ok: true, value: null }
  const tag = head.value
  return attempt(() => {
    if (endsHere(cursor)) return null
    const mailbox = parseMailbox(cursor, options.form)
    return { tag, mailbox, message: message(cursor) }
  })
}

/** Whether the literal announced at the very end comes next, as an argument: then it is the mailbox name. */
function endsHere(cursor: Cursor): boolean {
  if (cursor.peek() !== 0x7b) return false
  return cursor.bytes.indexOf('\r\n', cursor.at) === cursor.bytes.length - 2
}

/** What follows the octets of one message: another one, or the end. */
export function parseAppendNext(
  text: Buffer,
  options: { utf8: boolean; nestingMax: number },
): { ok: true; value: AppendMessage | 'end' } | { ok: false; error: Fault } {
  return attempt(() => {
    const cursor = new Cursor(text, { nestingMax: options.nestingMax })
    if (options.utf8) cursor.expect(')')
    return cursor.done ? ('end' as const) : message(cursor)
  })
}

function message(cursor: Cursor): AppendMessage {
  cursor.space()
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
  const utf8 = cursor.skip('UTF8 (')
  if (!cursor.looksAt('{') && !cursor.looksAt('~{')) throw new Fault('Expected a literal')
  const literal = announced(cursor.bytes.subarray(cursor.at, cursor.bytes.length - 2))
  if (literal === null || cursor.bytes.indexOf('\r\n', cursor.at) !== cursor.bytes.length - 2) {
    throw new Fault('Expected a literal')
  }
  if (utf8 && !literal.binary) throw new Fault('UTF8 needs a literal8') // RFC 6855 §4
  return { flags, internalDate, utf8, literal }
}
