/** Making, removing and renaming mailboxes; subscriptions. */
import { assert } from '../../../std/assert.ts'
import { MAILBOXES_PER_ACCOUNT_MAX } from '../../../model/limits.ts'
import type { AccountId, MailboxId, Uid } from '../../../model/ids.ts'
import type { Database } from '../database.ts'
import type { Handlers } from '../work.ts'
import type { AnnotationRows } from './annotations.ts'
import type { MailboxRow, MailboxRows } from './mailbox-rows.ts'
import type { RightRows } from './rights.ts'
import { rangeStatements, type Transfer } from './transfer.ts'

const UID_MAX = 4_294_967_295

export type MailboxParts = {
  readonly transfer: Transfer['transfer']
  readonly rights: RightRows
  readonly annotations: AnnotationRows
}

export function mailboxHandlers(
  db: Database,
  rows: MailboxRows,
  { transfer, rights, annotations }: MailboxParts,
): Handlers<'createMailbox' | 'deleteMailbox' | 'renameMailbox' | 'setSubscribed'> {
  const everything = rangeStatements(db, 'account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?')
  const countMailboxes = db.prepare<[number]>('SELECT count(*) FROM mailbox WHERE account_id = ?')
  const deleteRows = ['entry', 'expunged', 'keyword', 'mailbox_right', 'annotation', 'url_key', 'mailbox'].map(
    (table) => db.prepare(`DELETE FROM ${table} WHERE account_id = ? AND mailbox_id = ?`),
  )
  // '0' follows '/': all names that begin with the mailbox's and the delimiter.
  const selectChildren = db.prepare<[number, string]>(
    `SELECT mailbox_id, name FROM mailbox WHERE account_id = ? AND name > ? || '/' AND name < ? || '0'`,
  )
  const updateName = db.prepare('UPDATE mailbox SET name = ? WHERE account_id = ? AND mailbox_id = ?')
  const selectSubscribed = db.prepare<[number]>('SELECT 1 FROM subscription WHERE account_id = ? AND name = ?')
  const deleteSubscription = db.prepare('DELETE FROM subscription WHERE account_id = ? AND name = ?')

  /** With its children, all or none. @returns false when a new name is taken by a mailbox that stays */
  function rename(accountId: AccountId, mailbox: MailboxRow, name: string): boolean {
    const moved = [
      [mailbox.mailboxId, mailbox.name] as const,
      ...selectChildren.all(accountId, mailbox.name, mailbox.name),
    ]
    const ids = new Set<number>(moved.map(([id]) => id))
    const renamed = moved.map(([id, old]) => ({ id, old, name: name + old.slice(mailbox.name.length) }))
    const taken = renamed.some((to) => {
      const there = rows.findByName(accountId, to.name)
      return there !== null && !ids.has(there.mailboxId)
    })
    if (taken) return false
    // In two steps, for `a` to `a/b` names that another of them still has.
    for (const { id } of renamed) updateName.run(`\0${id}`, accountId, id)
    for (const to of renamed) {
      updateName.run(to.name, accountId, to.id)
      // Choice: a renamed mailbox stays subscribed; its old name does too (RFC 9051 §6.3.7 forbids to drop it).
      if (selectSubscribed.get(accountId, to.old) !== undefined) rows.subscribe(accountId, to.name)
    }
    return true
  }

  return {
    createMailbox({ accountId, name, specialUse, rightsOf, now }, work) {
      if (rows.findByName(accountId, name) !== null) return { at: 'exists' }
      if (specialUse !== null && rows.findBySpecialUse(accountId, specialUse) !== null) {
        return { at: 'special-use-taken' }
      }
      if ((countMailboxes.get(accountId)?.[0] ?? 0) >= MAILBOXES_PER_ACCOUNT_MAX) return { at: 'too-many' }
      const { mailboxId } = rows.create(accountId, { name, specialUse, now })
      if (rightsOf !== undefined) rights.inherit(accountId, rightsOf, mailboxId, work)
      work.notice({ kind: 'mailbox-list', accountId })
      return { at: 'done', mailboxId }
    },

    deleteMailbox({ accountId, mailboxId }, work) {
      const mailbox = rows.find(accountId, mailboxId)
      if (mailbox === null) return { at: 'not-found' }
      assert(mailbox.name !== 'INBOX', 'INBOX is never deleted (RFC 9051 §6.3.5)')
      const row = everything.describe.get(accountId, mailboxId, 1, UID_MAX)
      assert(row !== undefined, 'an aggregate has a row')
      const messages = (JSON.parse(row[0]) as Uid[]).length
      everything.release.run(accountId, mailboxId, 1, UID_MAX)
      rights.tellGrantees(accountId, mailboxId, work)
      for (const statement of deleteRows) statement.run(accountId, mailboxId)
      const { modSeq } = rows.nextChange(accountId, { octets: -row[3], messages: -messages, keys: 0 })
      work.dropped()
      work.mailboxChanged(accountId, mailboxId, modSeq)
      work.notice({ kind: 'mailbox-list', accountId })
      return { at: 'done' }
    },

    renameMailbox({ accountId, mailboxId, name, now }, work) {
      const mailbox = rows.find(accountId, mailboxId)
      if (mailbox === null) return { at: 'not-found' }
      if (mailbox.name === 'INBOX') {
        if (rows.findByName(accountId, name) !== null) return { at: 'exists' }
        const to: MailboxId = rows.create(accountId, { name, specialUse: null, now }).mailboxId
        const uids = [{ from: 1 as Uid, to: UID_MAX as Uid }]
        const outcome = transfer({ accountId, from: mailboxId, to, uids, now }, work, 'move')
        assert(outcome.at === 'done', 'a new mailbox takes what INBOX had')
        annotations.copy(accountId, mailboxId, to)
      } else if (!rename(accountId, mailbox, name)) return { at: 'exists' }
      rights.tellGrantees(accountId, mailboxId, work)
      work.notice({ kind: 'mailbox-list', accountId })
      return { at: 'done' }
    },

    setSubscribed({ accountId, name, subscribed }, work) {
      if (subscribed) {
        if (rows.account(accountId) !== null) rows.subscribe(accountId, name)
      } else deleteSubscription.run(accountId, name)
      work.notice({ kind: 'mailbox-list', accountId })
      return { at: 'done' }
    },
  }
}
