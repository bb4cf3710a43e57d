/** Who may do what in whose mailbox (RFC 4314). */
import { assert } from '../../../std/assert.ts'
import { RIGHTS_PER_ACCOUNT_MAX, RIGHTS_PER_MAILBOX_MAX } from '../../../model/limits.ts'
import type { AccountId, MailboxId } from '../../../model/ids.ts'
import { printRights, type Right, rightsOf } from '../../../model/rights.ts'
import type { StoreFlagsMode } from '../../contract.ts'
import type { Database } from '../database.ts'
import type { Handlers, Work } from '../work.ts'
import type { MailboxRows } from './mailbox-rows.ts'

/** In place of an account: every account of the owner's domain. */
export const ANYONE = 0

export type RightRows = {
  /** A new mailbox gets what another has. */
  inherit(accountId: AccountId, from: MailboxId, to: MailboxId, work: Work): void
  /** Those who see a mailbox hear that the list they see has changed. */
  tellGrantees(accountId: AccountId, mailboxId: MailboxId, work: Work): void
}

export function rightRows(db: Database): RightRows {
  const copyRights = db.prepare(
    `INSERT INTO mailbox_right (account_id, mailbox_id, grantee, rights)
     SELECT account_id, ?, grantee, rights FROM mailbox_right WHERE account_id = ? AND mailbox_id = ?`,
  )
  const countRights = db.prepare<[number, number]>(
    'SELECT count(*), total(mailbox_id = ?) FROM mailbox_right WHERE account_id = ?',
  )
  const grantees = db.prepare<[number]>('SELECT grantee FROM mailbox_right WHERE account_id = ? AND mailbox_id = ?')
  const neighbours = db.prepare<[number]>(
    `SELECT account_id FROM account WHERE domain = (SELECT domain FROM account WHERE account_id = ?1) AND account_id <> ?1`,
  )

  return {
    inherit(accountId, from, to, work) {
      const [all, more] = countRights.get(from, accountId) ?? [0, 0]
      // Choice: a mailbox that would make it too many is the owner's alone.
      if (more === 0 || all + more > RIGHTS_PER_ACCOUNT_MAX) return
      copyRights.run(to, accountId, from)
      this.tellGrantees(accountId, to, work)
    },
    tellGrantees(accountId, mailboxId, work) {
      for (const [grantee] of grantees.all(accountId, mailboxId)) {
        const heard = grantee === ANYONE ? neighbours.all(accountId).map(([id]) => id) : [grantee]
        for (const id of heard) work.notice({ kind: 'mailbox-list', accountId: id as AccountId })
      }
    },
  }
}

function changed(before: string, mode: StoreFlagsMode, rights: readonly Right[]): string {
  const now = mode === 'replace' ? new Set<Right>() : new Set(rightsOf(before))
  for (const right of rights) {
    if (mode === 'remove') now.delete(right)
    else now.add(right)
  }
  return printRights(now)
}

export function rightHandlers(db: Database, rows: MailboxRows, rights: RightRows): Handlers<'setRights'> {
  const find = db.prepare<[string]>(
    'SELECT rights FROM mailbox_right WHERE account_id = ? AND mailbox_id = ? AND grantee = ?',
  )
  const counts = db.prepare<[number, number]>(
    'SELECT count(*), total(mailbox_id = ?) FROM mailbox_right WHERE account_id = ?',
  )
  const put = db.prepare(
    `INSERT INTO mailbox_right (account_id, mailbox_id, grantee, rights) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET rights = excluded.rights`,
  )
  const drop = db.prepare('DELETE FROM mailbox_right WHERE account_id = ? AND mailbox_id = ? AND grantee = ?')

  return {
    setRights({ accountId, mailboxId, grantee, mode, rights: given }, work) {
      if (rows.find(accountId, mailboxId) === null) return { at: 'not-found' }
      const to = grantee === 'anyone' ? ANYONE : grantee
      assert(to !== accountId, 'the owner has all rights already')
      if (to !== ANYONE && rows.account(to) === null) return { at: 'not-found' }
      const before = find.get(accountId, mailboxId, to)?.[0]
      const after = changed(before ?? '', mode, given)
      if (after === (before ?? '')) return { at: 'done' }
      // Also those who have lost it: they are told while they are named.
      if (after === '') rights.tellGrantees(accountId, mailboxId, work)
      if (after === '') drop.run(accountId, mailboxId, to)
      else {
        const [all, here] = counts.get(mailboxId, accountId) ?? [0, 0]
        const tooMany = here >= RIGHTS_PER_MAILBOX_MAX || all >= RIGHTS_PER_ACCOUNT_MAX
        if (before === undefined && tooMany) return { at: 'too-many' }
        put.run(accountId, mailboxId, to, after)
        rights.tellGrantees(accountId, mailboxId, work)
      }
      work.notice({ kind: 'mailbox-list', accountId })
      return { at: 'done' }
    },
  }
}
