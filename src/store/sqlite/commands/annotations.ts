/** Annotations of mailboxes and of the server (RFC 5464). */
import { assert } from '../../../std/assert.ts'
import { ANNOTATIONS_PER_ACCOUNT_MAX, ANNOTATIONS_PER_MAILBOX_MAX } from '../../../model/limits.ts'
import type { AccountId, MailboxId } from '../../../model/ids.ts'
import { SPECIAL_USE_ENTRY } from '../../../model/mailbox.ts'
import type { Database } from '../database.ts'
import type { Handlers } from '../work.ts'
import type { MailboxRows } from './mailbox-rows.ts'

/** In place of a mailbox: the server. In place of a reader: all who may. */
export const SERVER = 0
export const SHARED = 0

const PRIVATE = '/private/'

export type AnnotationRows = {
  /** RFC 5464 §4.1: those of the inbox stay, and go along as well. */
  copy(accountId: AccountId, from: number, to: number): void
}

export function annotationRows(db: Database): AnnotationRows {
  const copyAll = db.prepare(
    `INSERT INTO annotation (account_id, mailbox_id, reader, entry, value)
     SELECT account_id, ?, reader, entry, value FROM annotation WHERE account_id = ? AND mailbox_id = ?`,
  )
  return { copy: (accountId, from, to) => void copyAll.run(to, accountId, from) }
}

export function annotationHandlers(db: Database, rows: MailboxRows): Handlers<'setAnnotations'> {
  const dropUse = db.prepare<[number]>(
    'UPDATE mailbox SET special_use = NULL WHERE account_id = ? AND special_use = ? RETURNING mailbox_id',
  )
  const setUse = db.prepare('UPDATE mailbox SET special_use = ? WHERE account_id = ? AND mailbox_id = ?')
  const counts = db.prepare<[all: number, here: number]>(
    'SELECT count(*), total(mailbox_id = ? AND reader = ?) FROM annotation WHERE account_id = ?',
  )
  const find = db.prepare<[Uint8Array]>(
    'SELECT value FROM annotation WHERE account_id = ? AND mailbox_id = ? AND reader = ? AND entry = ?',
  )
  const put = db.prepare(
    `INSERT INTO annotation (account_id, mailbox_id, reader, entry, value) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET value = excluded.value`,
  )
  const drop = db.prepare('DELETE FROM annotation WHERE account_id = ? AND mailbox_id = ? AND reader = ? AND entry = ?')

  return {
    setAnnotations({ accountId, mailboxId, reader, changes, specialUse }, work) {
      if (rows.account(accountId) === null) return { at: 'not-found' }
      if (mailboxId !== null && rows.find(accountId, mailboxId) === null) return { at: 'not-found' }
      const mailbox = mailboxId ?? SERVER
      // Looked at first, so that a refusal changes nothing (RFC 5464 §4.3).
      const added = { private: 0, shared: 0 }
      const writes = changes.map(({ entry, value }) => {
        const kind: 'private' | 'shared' = entry.startsWith(PRIVATE) ? 'private' : 'shared'
        assert(mailboxId !== null || (kind === 'private' && reader === accountId), 'the server’s entries are its own')
        const to = kind === 'private' ? reader : SHARED
        const before = find.get(accountId, mailbox, to, entry)?.[0]
        if (before === undefined && value !== null) added[kind] += 1
        return { entry, value, to, kind, before }
      })
      for (const [kind, to] of [
        ['private', reader],
        ['shared', SHARED],
      ] as const) {
        if (added[kind] === 0) continue
        const [all, here] = counts.get(mailbox, to, accountId) ?? [0, 0]
        if (all + added.private + added.shared > ANNOTATIONS_PER_ACCOUNT_MAX) return { at: 'too-many' }
        if (here + added[kind] > ANNOTATIONS_PER_MAILBOX_MAX) return { at: 'too-many' }
      }
      const told = { private: [] as string[], shared: [] as string[] }
      for (const { entry, value, to, kind, before } of writes) {
        const same = value === null ? before === undefined : before !== undefined && Buffer.from(value).equals(before)
        if (same) continue
        if (value === null) drop.run(accountId, mailbox, to, entry)
        else put.run(accountId, mailbox, to, entry, value)
        told[kind].push(entry)
      }
      const at = { kind: 'annotations', accountId, mailboxId } as const
      if (specialUse !== undefined) {
        assert(mailboxId !== null && reader === accountId, 'a use is the owner’s to give')
        const before = specialUse === null ? undefined : dropUse.get(accountId, specialUse)?.[0]
        setUse.run(specialUse, accountId, mailboxId)
        if (before !== undefined && before !== mailboxId) {
          const other = { ...at, mailboxId: before as MailboxId, reader }
          work.notice({ ...other, entries: [SPECIAL_USE_ENTRY] })
        }
        if (before !== mailboxId) told.private.push(SPECIAL_USE_ENTRY)
        work.notice({ kind: 'mailbox-list', accountId })
      }
      if (told.private.length > 0) work.notice({ ...at, reader, entries: told.private })
      if (told.shared.length > 0) work.notice({ ...at, reader: null, entries: told.shared })
      return { at: 'done' }
    },
  }
}
