import type { Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'

/** RFC 9208 §7 getquota. */
export function parseGetQuota(cursor: Cursor): { root: string } {
  cursor.space()
  return { root: cursor.astring() }
}

/** RFC 9208 §7 getquotaroot. */
export function parseGetQuotaRoot(cursor: Cursor, form: NameForm): { mailbox: string } {
  cursor.space()
  return { mailbox: parseMailbox(cursor, form) }
}

/** RFC 9208 §7 setquota. */
export function parseSetQuota(cursor: Cursor): { root: string; limits: ReadonlyMap<string, number> } {
  cursor.space()
  const root = cursor.astring()
  cursor.space()
  const limits = cursor.list(
    () => {
      const name = cursor.word()
      cursor.space()
      return [name, cursor.number()] as const
    },
    { empty: true },
  )
  return { root, limits: new Map(limits) }
}
