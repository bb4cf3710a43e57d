/** Filters: scripts of an account, one of them active. */
import { SIEVE_SCRIPTS_PER_ACCOUNT_MAX } from '../../../model/limits.ts'
import type { Database } from '../database.ts'
import type { Handlers } from '../work.ts'

export function scriptHandlers(
  db: Database,
): Handlers<'putScript' | 'activateScript' | 'removeScript' | 'renameScript'> {
  const hasAccount = db.prepare<[number]>('SELECT 1 FROM account WHERE account_id = ?')
  const countOf = db.prepare<[number]>('SELECT count(*) FROM script WHERE account_id = ?')
  const activeOf = db.prepare<[active: number]>('SELECT active FROM script WHERE account_id = ? AND name = ?')
  const insert = db.prepare('INSERT INTO script (account_id, name, text, active) VALUES (?, ?, ?, 0)')
  const update = db.prepare('UPDATE script SET text = ? WHERE account_id = ? AND name = ?')
  const rename = db.prepare('UPDATE script SET name = ? WHERE account_id = ? AND name = ?')
  const remove = db.prepare('DELETE FROM script WHERE account_id = ? AND name = ?')
  const deactivate = db.prepare('UPDATE script SET active = 0 WHERE account_id = ? AND active = 1')
  const activate = db.prepare('UPDATE script SET active = 1 WHERE account_id = ? AND name = ?')

  return {
    putScript({ accountId, name, text }, work) {
      if (hasAccount.get(accountId) === undefined) return { at: 'not-found' }
      if (update.run(text, accountId, name) === 0) {
        const [count] = countOf.get(accountId) ?? [0]
        if (count >= SIEVE_SCRIPTS_PER_ACCOUNT_MAX) return { at: 'too-many' }
        insert.run(accountId, name, text)
      }
      work.notice({ kind: 'filters', accountId })
      return { at: 'done' }
    },
    activateScript({ accountId, name }, work) {
      if (name !== null && activeOf.get(accountId, name) === undefined) return { at: 'not-found' }
      deactivate.run(accountId)
      if (name !== null) activate.run(accountId, name)
      work.notice({ kind: 'filters', accountId })
      return { at: 'done' }
    },
    removeScript({ accountId, name }) {
      const row = activeOf.get(accountId, name)
      if (row === undefined) return { at: 'not-found' }
      if (row[0] === 1) return { at: 'active' }
      remove.run(accountId, name)
      return { at: 'done' }
    },
    renameScript({ accountId, name, newName }, work) {
      if (activeOf.get(accountId, name) === undefined) return { at: 'not-found' }
      if (activeOf.get(accountId, newName) !== undefined) return { at: 'exists' }
      rename.run(newName, accountId, name)
      work.notice({ kind: 'filters', accountId })
      return { at: 'done' }
    },
  }
}
