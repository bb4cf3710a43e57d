/** Filters, read. */
import type { FilterReads } from '../../contract.ts'
import type { Database } from '../database.ts'

// Async in signature: what a statement throws becomes a rejection.
export function filterReads(db: Database): FilterReads {
  const all = db.prepare<[name: string, active: number, octets: number]>(
    'SELECT name, active, octet_length(text) FROM script WHERE account_id = ? ORDER BY name',
  )
  const one = db.prepare<[text: string]>('SELECT text FROM script WHERE account_id = ? AND name = ?')
  const active = db.prepare<[name: string, text: string]>(
    'SELECT name, text FROM script WHERE account_id = ? AND active = 1',
  )
  const remembered = db.prepare<[number]>(
    'SELECT 1 FROM remembered WHERE account_id = ? AND what = ? AND key = ? AND until > ?',
  )
  return {
    scripts: async (accountId) =>
      all.all(accountId).map(([name, isActive, sizeOctets]) => ({ name, active: isActive === 1, sizeOctets })),
    script: async (accountId, name) => one.get(accountId, name)?.[0] ?? null,
    isRemembered: async ({ accountId, what, key }, now) => remembered.get(accountId, what, key, now) !== undefined,
    async activeScript(accountId) {
      const row = active.get(accountId)
      return row === undefined ? null : { name: row[0], text: row[1] }
    },
  }
}
