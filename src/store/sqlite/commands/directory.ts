/** Domains, accounts, aliases. */
import { assert } from '../../../std/assert.ts'
import type { Address } from '../../../model/address.ts'
import type { AccountId } from '../../../model/ids.ts'
import { ACCOUNTS_MAX } from '../../../model/limits.ts'
import type { Database } from '../database.ts'
import type { Handlers } from '../work.ts'
import type { MailboxRows } from './mailbox-rows.ts'

export const localKey = (address: Address): string => address.localPart.toLowerCase()

export function directoryHandlers(
  db: Database,
  mailboxes: MailboxRows,
): Handlers<
  | 'addDomain'
  | 'removeDomain'
  | 'setCatchAll'
  | 'addAccount'
  | 'removeAccount'
  | 'setCredential'
  | 'setOnceLink'
  | 'useOnceLink'
  | 'setQuota'
  | 'addAlias'
  | 'removeAlias'
> {
  const insertDomain = db.prepare('INSERT INTO domain (name) VALUES (?) ON CONFLICT DO NOTHING')
  const hasDomain = db.prepare<[number]>('SELECT 1 FROM domain WHERE name = ?')
  const domainInUse = db.prepare<[number]>('SELECT 1 FROM address WHERE domain = ? LIMIT 1')
  const deleteDomain = db.prepare('DELETE FROM domain WHERE name = ?')
  const updateCatchAll = db.prepare('UPDATE domain SET catch_all = ? WHERE name = ?')
  const hasAddress = db.prepare<[number]>('SELECT 1 FROM address WHERE domain = ? AND local_key = ?')
  const insertAccount = db.prepare<[number]>(
    'INSERT INTO account (local_part, domain, credential, quota_octets) VALUES (?, ?, ?, ?) RETURNING account_id',
  )
  const insertAddress = db.prepare(
    'INSERT INTO address (domain, local_key, local_part, account_id, targets) VALUES (?, ?, ?, ?, ?)',
  )
  const deleteAlias = db.prepare('DELETE FROM address WHERE domain = ? AND local_key = ? AND account_id IS NULL')
  const insertEnd = db.prepare('INSERT OR REPLACE INTO alias_end (domain, local_key, until) VALUES (?, ?, ?)')
  const deleteEnd = db.prepare('DELETE FROM alias_end WHERE domain = ? AND local_key = ?')
  const deleteAddresses = db.prepare('DELETE FROM address WHERE account_id = ?')
  const deleteAccount = db.prepare('DELETE FROM account WHERE account_id = ?')
  const orphanMessages = db.prepare('UPDATE message SET entries = 0 WHERE message_id BETWEEN ? AND ?')
  const deleteMail = [
    ...['entry', 'expunged', 'keyword', 'subscription', 'mailbox', 'once_link', 'access_key', 'script', 'remembered'],
    ...['message_quota', 'mailbox_right', 'annotation', 'url_key', 'sent', 'sending_limit'],
  ].map((table) => db.prepare(`DELETE FROM ${table} WHERE account_id = ?`))
  // What it had in others' mailboxes: the next account of the name is somebody else.
  const deleteElsewhere = ['mailbox_right WHERE grantee = ?', 'annotation WHERE reader = ? AND reader <> 0'].map(
    (rows) => db.prepare(`DELETE FROM ${rows}`),
  )
  const updateCredential = db.prepare('UPDATE account SET credential = ? WHERE account_id = ?')
  const hasAccount = db.prepare<[number]>('SELECT 1 FROM account WHERE account_id = ?')
  const deleteLink = db.prepare('DELETE FROM once_link WHERE account_id = ?')
  const replaceLink = db.prepare(
    'INSERT OR REPLACE INTO once_link (account_id, token_hash, expires_at) VALUES (?, ?, ?)',
  )
  const takeLink = db.prepare<[number]>(
    'DELETE FROM once_link WHERE token_hash = ? AND expires_at > ? RETURNING account_id',
  )
  const updateQuota = db.prepare('UPDATE account SET quota_octets = ? WHERE account_id = ?')
  const putMessageQuota = db.prepare('INSERT OR REPLACE INTO message_quota (account_id, messages) VALUES (?, ?)')
  const dropMessageQuota = db.prepare('DELETE FROM message_quota WHERE account_id = ?')

  return {
    addDomain({ name }, work) {
      if (insertDomain.run(name) === 0) return { at: 'exists' }
      work.notice({ kind: 'directory' })
      return { at: 'done' }
    },
    removeDomain({ name }, work) {
      if (hasDomain.get(name) === undefined) return { at: 'not-found' }
      if (domainInUse.get(name) !== undefined) return { at: 'in-use' }
      deleteDomain.run(name)
      work.notice({ kind: 'directory' })
      return { at: 'done' }
    },
    setCatchAll({ domain, target }, work) {
      const text = target === null ? null : JSON.stringify(target)
      if (updateCatchAll.run(text, domain) === 0) return { at: 'not-found' }
      work.notice({ kind: 'directory' })
      return { at: 'done' }
    },
    addAccount({ address, credential, quotaOctets, mailboxes: wanted, now }, work) {
      if (hasDomain.get(address.domain) === undefined) return { at: 'no-domain' }
      if (hasAddress.get(address.domain, localKey(address)) !== undefined) return { at: 'exists' }
      const row = insertAccount.get(address.localPart, address.domain, JSON.stringify(credential), quotaOctets)
      assert(row !== undefined && row[0] < ACCOUNTS_MAX, 'account ids have run out')
      const accountId = row[0] as AccountId
      insertAddress.run(address.domain, localKey(address), address.localPart, accountId, null)
      for (const { name, specialUse } of [{ name: 'INBOX', specialUse: null }, ...wanted]) {
        if (mailboxes.findByName(accountId, name) !== null) continue
        mailboxes.create(accountId, { name, specialUse, now })
        mailboxes.subscribe(accountId, name)
      }
      work.notice({ kind: 'directory' })
      return { at: 'done', accountId }
    },
    removeAccount({ accountId }, work) {
      deleteAddresses.run(accountId)
      if (deleteAccount.run(accountId) === 0) return { at: 'not-found' }
      for (const statement of [...deleteMail, ...deleteElsewhere]) statement.run(accountId)
      orphanMessages.run(accountId * 2 ** 32, (accountId + 1) * 2 ** 32 - 1)
      work.dropped()
      work.notice({ kind: 'directory' })
      work.notice({ kind: 'account-removed', accountId })
      return { at: 'done' }
    },
    setCredential({ accountId, credential }, work) {
      if (updateCredential.run(JSON.stringify(credential), accountId) === 0) return { at: 'not-found' }
      deleteLink.run(accountId)
      work.notice({ kind: 'directory' })
      work.notice({ kind: 'credentials', accountId })
      return { at: 'done' }
    },
    setOnceLink({ accountId, link }) {
      if (hasAccount.get(accountId) === undefined) return { at: 'not-found' }
      if (link === null) deleteLink.run(accountId)
      else replaceLink.run(accountId, link.tokenHash, link.expiresAt)
      return { at: 'done' }
    },
    useOnceLink({ tokenHash, credential, now }, work) {
      const row = takeLink.get(tokenHash, now)
      if (row === undefined) return { at: 'not-found' }
      const accountId = row[0] as AccountId
      const updated = updateCredential.run(JSON.stringify(credential), accountId)
      assert(updated === 1, 'a one-time link goes with its account')
      work.notice({ kind: 'directory' })
      work.notice({ kind: 'credentials', accountId })
      return { at: 'done', accountId }
    },
    setQuota({ accountId, quotaOctets, quotaMessages }, work) {
      if (hasAccount.get(accountId) === undefined) return { at: 'not-found' }
      if (quotaOctets !== undefined) updateQuota.run(quotaOctets, accountId)
      if (quotaMessages === null) dropMessageQuota.run(accountId)
      else if (quotaMessages !== undefined) putMessageQuota.run(accountId, quotaMessages)
      work.notice({ kind: 'directory' })
      return { at: 'done' }
    },
    addAlias({ address, targets, until }, work) {
      if (hasDomain.get(address.domain) === undefined) return { at: 'no-domain' }
      if (hasAddress.get(address.domain, localKey(address)) !== undefined) return { at: 'exists' }
      insertAddress.run(address.domain, localKey(address), address.localPart, null, JSON.stringify(targets))
      if (until !== undefined) insertEnd.run(address.domain, localKey(address), until)
      work.notice({ kind: 'directory' })
      return { at: 'done' }
    },
    removeAlias({ address }, work) {
      if (deleteAlias.run(address.domain, localKey(address)) === 0) return { at: 'not-found' }
      deleteEnd.run(address.domain, localKey(address))
      work.notice({ kind: 'directory' })
      return { at: 'done' }
    },
  }
}
