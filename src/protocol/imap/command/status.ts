import { Fault, type Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'

const ITEMS = [
  'MESSAGES',
  'RECENT',
  'UIDNEXT',
  'UIDVALIDITY',
  'UNSEEN',
  'DELETED', // RFC 9051 §6.3.11
  'DELETED-STORAGE', // RFC 9208 §4.1.4
  'SIZE', // RFC 8438
  'HIGHESTMODSEQ', // RFC 7162 §3.1.7
  'APPENDLIMIT', // RFC 7889 §3
  'MAILBOXID', // RFC 8474 §4.3
] as const

export type StatusItem = (typeof ITEMS)[number]

export function parseStatusItems(cursor: Cursor): StatusItem[] {
  const names = cursor.list(() => {
    const name = cursor.word()
    const item = ITEMS.find((known) => known === name)
    if (item === undefined) throw new Fault(`Unknown status item ${name}`)
    return item
  })
  return [...new Set(names)]
}

/** RFC 9051 §6.3.11. */
export function parseStatus(cursor: Cursor, form: NameForm): { mailbox: string; items: StatusItem[] } {
  cursor.space()
  const mailbox = parseMailbox(cursor, form)
  cursor.space()
  return { mailbox, items: parseStatusItems(cursor) }
}
