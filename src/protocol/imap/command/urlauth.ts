import { IMAP_URLS_PER_COMMAND_MAX, IMAP_URL_MAX_OCTETS } from '../../../model/limits.ts'
import { Fault, type Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'

/** RFC 4467 §9. */
export function parseGenUrlAuth(cursor: Cursor): { urls: string[] } {
  const urls: string[] = []
  do {
    cursor.space()
    urls.push(urlAt(cursor, urls.length))
    cursor.space()
    internal(cursor)
  } while (!cursor.done)
  return { urls }
}

/** RFC 4467 §9. */
export function parseUrlFetch(cursor: Cursor): { urls: string[] } {
  const urls: string[] = []
  do {
    cursor.space()
    urls.push(urlAt(cursor, urls.length))
  } while (!cursor.done)
  return { urls }
}

/** RFC 4467 §9. */
export function parseResetKey(cursor: Cursor, form: NameForm): { mailbox: string | null } {
  if (cursor.done) return { mailbox: null }
  cursor.space()
  const mailbox = parseMailbox(cursor, form)
  while (cursor.skip(' ')) internal(cursor)
  return { mailbox }
}

function urlAt(cursor: Cursor, before: number): string {
  if (before >= IMAP_URLS_PER_COMMAND_MAX) throw new Fault('Too many URLs', { status: 'NO', code: 'LIMIT' })
  const url = cursor.astring()
  if (url.length > IMAP_URL_MAX_OCTETS) throw new Fault('URL is too long', { status: 'NO', code: 'LIMIT' })
  return url
}

function internal(cursor: Cursor): void {
  if (cursor.word() !== 'INTERNAL') throw new Fault('Unknown URLAUTH mechanism', { status: 'NO' })
}
