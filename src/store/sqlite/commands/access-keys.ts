/** What signs in for one device: app passwords and client certificates. */
import { ACCESS_KEYS_PER_ACCOUNT_MAX } from '../../../model/limits.ts'
import type { AccessKeyUse } from '../../contract.ts'
import type { Database } from '../database.ts'
import type { Handlers } from '../work.ts'

export function accessKeyHandlers(db: Database): Handlers<'addAccessKey' | 'removeAccessKey' | 'noteAccessKeyUse'> {
  const hasAccount = db.prepare<[number]>('SELECT 1 FROM account WHERE account_id = ?')
  const keysOf = db.prepare<[count: number, newest: number]>(
    'SELECT count(*), coalesce(max(key_id), 0) FROM access_key WHERE account_id = ?',
  )
  const insertKey = db.prepare(
    `INSERT INTO access_key (account_id, key_id, kind, name, scope, secret, scram, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  )
  const deleteKey = db.prepare('DELETE FROM access_key WHERE account_id = ? AND key_id = ?')
  const useOf = db.prepare<[string | null]>('SELECT last_use FROM access_key WHERE account_id = ? AND key_id = ?')
  const updateUse = db.prepare('UPDATE access_key SET last_use = ? WHERE account_id = ? AND key_id = ?')

  return {
    addAccessKey({ accountId, kind, name, scope, secret, scram, createdAt }) {
      if (hasAccount.get(accountId) === undefined) return { at: 'not-found' }
      const [count, newest] = keysOf.get(accountId) ?? [0, 0]
      if (count >= ACCESS_KEYS_PER_ACCOUNT_MAX) return { at: 'too-many' }
      const keyId = newest + 1
      const keys = scram === null ? null : JSON.stringify(scram)
      const kept = insertKey.run(accountId, keyId, kind, name, JSON.stringify(scope), secret, keys, createdAt)
      return kept === 0 ? { at: 'exists' } : { at: 'done', keyId }
    },
    removeAccessKey({ accountId, keyId }, work) {
      if (deleteKey.run(accountId, keyId) === 0) return { at: 'not-found' }
      work.notice({ kind: 'credentials', accountId })
      return { at: 'done' }
    },
    noteAccessKeyUse({ accountId, keyId, use }) {
      const row = useOf.get(accountId, keyId)
      if (row === undefined) return { at: 'not-found' }
      const known = row[0] === null ? null : (JSON.parse(row[0]) as AccessKeyUse)
      if (known === null || known.at < use.at) updateUse.run(JSON.stringify(use), accountId, keyId)
      return { at: 'done' }
    },
  }
}
