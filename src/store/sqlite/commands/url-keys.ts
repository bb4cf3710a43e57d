/** Keys of URLs that let others read a message (RFC 4467). */
import type { Database } from '../database.ts'
import type { Handlers } from '../work.ts'
import type { MailboxRows } from './mailbox-rows.ts'

export function urlKeyHandlers(db: Database, rows: MailboxRows): Handlers<'setUrlKey' | 'removeUrlKeys'> {
  const find = db.prepare<[Uint8Array]>('SELECT secret FROM url_key WHERE account_id = ? AND mailbox_id = ?')
  const put = db.prepare('INSERT OR REPLACE INTO url_key (account_id, mailbox_id, secret) VALUES (?, ?, ?)')
  const dropAll = db.prepare('DELETE FROM url_key WHERE account_id = ?')
  return {
    setUrlKey({ accountId, mailboxId, key, anew }) {
      if (rows.find(accountId, mailboxId) === null) return { at: 'not-found' }
      const known = anew ? undefined : find.get(accountId, mailboxId)?.[0]
      if (known !== undefined) return { at: 'done', key: known }
      put.run(accountId, mailboxId, key)
      return { at: 'done', key }
    },
    removeUrlKeys({ accountId }) {
      dropAll.run(accountId)
      return { at: 'done' }
    },
  }
}
