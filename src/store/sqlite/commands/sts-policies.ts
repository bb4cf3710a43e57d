/** MTA-STS policies of other domains (RFC 8461). */
import { MTA_STS_POLICIES_MAX } from '../../../model/limits.ts'
import type { Database } from '../database.ts'
import type { Handlers } from '../work.ts'

/** @param max policies kept; another number in tests only */
export function stsPolicyHandlers(db: Database, max: number = MTA_STS_POLICIES_MAX): Handlers<'setStsPolicy'> {
  const drop = db.prepare('DELETE FROM sts_policy WHERE domain = ?')
  const count = db.prepare<[number]>('SELECT count(*) FROM sts_policy')
  const dropOldest = db.prepare(
    'DELETE FROM sts_policy WHERE domain IN (SELECT domain FROM sts_policy ORDER BY fetched_at LIMIT 1)',
  )
  const put = db.prepare('INSERT INTO sts_policy (domain, id, mode, mx, max_age, fetched_at) VALUES (?, ?, ?, ?, ?, ?)')
  return {
    setStsPolicy({ domain, policy }) {
      drop.run(domain)
      if (policy === null) return { at: 'done' }
      if ((count.get()?.[0] ?? 0) >= max) dropOldest.run()
      const { id, mode, mx, maxAgeSeconds, fetchedAt } = policy
      put.run(domain, id, mode, JSON.stringify(mx), maxAgeSeconds, fetchedAt)
      return { at: 'done' }
    },
  }
}
