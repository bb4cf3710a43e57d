/** The queue, read. */
import { setImmediate as turn } from 'node:timers/promises'
import { ENTRIES_PER_BATCH } from '../../../model/limits.ts'
import type { QueueEntry } from '../../../model/queue.ts'
import { type QueueReads, StoreError, type StoredStsPolicy } from '../../contract.ts'
import type { BodyReader } from '../bodies.ts'
import type { Database } from '../database.ts'
import { QUEUE_COLUMNS, type QueueRow, queueEntry } from '../queue-row.ts'
import { bodyRef, type BodyRow } from './mail.ts'

// Async in signature: what a statement throws becomes a rejection.
export function queueReads(db: Database, bodies: BodyReader): QueueReads {
  const SOME = `ORDER BY queue_id LIMIT ${ENTRIES_PER_BATCH}`
  const someOfAll = db.prepare<QueueRow>(`SELECT ${QUEUE_COLUMNS} FROM queue WHERE queue_id > ? ${SOME}`)
  const someByDestination = db.prepare<QueueRow>(
    `SELECT ${QUEUE_COLUMNS} FROM queue WHERE queue_id > ? AND destination = ? ${SOME}`,
  )
  const one = db.prepare<QueueRow>(`SELECT ${QUEUE_COLUMNS} FROM queue WHERE queue_id = ?`)
  const skipOf = db.prepare<[number]>('SELECT skip_octets FROM queue WHERE queue_id = ?')
  const bodyOf = db.prepare<BodyRow>(
    `SELECT body_id, segment_id, offset, length, crc32 FROM queue JOIN body USING (body_id) WHERE queue_id = ?`,
  )
  const counts = db.prepare<[active: number, due: number, held: number, all: number, oldest: number | null]>(
    `SELECT count(*) FILTER (WHERE held = 0 AND lease IS NOT NULL AND due_at > ?1),
       count(*) FILTER (WHERE held = 0 AND due_at <= ?1), count(*) FILTER (WHERE held = 1), count(*), min(accepted_at)
     FROM queue`,
  )
  const firstDue = db.prepare<[number | null]>('SELECT min(due_at) FROM queue WHERE held = 0')

  type PolicyRow = [id: string, mode: StoredStsPolicy['mode'], mx: string, maxAge: number, fetchedAt: number]
  const policy = db.prepare<PolicyRow>('SELECT id, mode, mx, max_age, fetched_at FROM sts_policy WHERE domain = ?')

  return {
    async stsPolicy(domain) {
      const row = policy.get(domain)
      if (row === undefined) return null
      const [id, mode, mx, maxAgeSeconds, fetchedAt] = row
      return { domain, id, mode, mx: JSON.parse(mx) as string[], maxAgeSeconds, fetchedAt }
    },
    async list(filter) {
      const destination = filter?.destination
      const entries: QueueEntry[] = []
      for (let after = 0; ; await turn()) {
        const rows = destination === undefined ? someOfAll.all(after) : someByDestination.all(after, destination)
        for (const row of rows) entries.push(queueEntry(row))
        if (rows.length < ENTRIES_PER_BATCH) return entries
        after = entries.at(-1)?.queueId ?? after
      }
    },
    async entry(queueId) {
      const row = one.get(queueId)
      return row === undefined ? null : queueEntry(row)
    },
    async read(queueId, start, end) {
      const skip = skipOf.get(queueId)?.[0] ?? 0
      const find = () => {
        const row = bodyOf.get(queueId)
        if (row === undefined) throw new StoreError('damaged', 'the queue entry is gone')
        return bodyRef(row)
      }
      // From the very first octet, so that what leaves is verified with what stays.
      if (start === 0) return (await bodies.read(find, 0, skip + end)).subarray(skip)
      return bodies.read(find, skip + start, skip + end)
    },
    nextDueAt: async () => firstDue.get()?.[0] ?? null,
    async depth(now) {
      const [active = 0, due = 0, held = 0, all = 0, oldestAcceptedAt = null] = counts.get(now) ?? []
      return { active, due, waiting: all - active - due - held, held, oldestAcceptedAt }
    },
  }
}
