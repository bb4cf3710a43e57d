import type { Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'
import { parseSequenceSet, type SequenceSet } from '../sequence-set.ts'

/** COPY and MOVE, with and without UID (RFC 9051 §6.4.7, §6.4.8). */
export function parseCopy(cursor: Cursor, form: NameForm): { set: SequenceSet; to: string } {
  cursor.space()
  const set = parseSequenceSet(cursor)
  cursor.space()
  return { set, to: parseMailbox(cursor, form) }
}

/** UID EXPUNGE (RFC 4315 §2.1). */
export function parseUidExpunge(cursor: Cursor): { set: SequenceSet } {
  cursor.space()
  return { set: parseSequenceSet(cursor) }
}
