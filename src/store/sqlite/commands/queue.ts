/** The queue: claims with leases, what came of them, and the operator's hand. */
import { never } from '../../../std/assert.ts'
import type { QueueId } from '../../../model/ids.ts'
import type { Answer, QueuedRecipient, QueueEntry } from '../../../model/queue.ts'
import type { Commands } from '../../contract.ts'
import type { Database } from '../database.ts'
import { QUEUE_COLUMNS, type QueueRow, queueEntry } from '../queue-row.ts'
import type { Handler, Handlers } from '../work.ts'

const DUE_BATCH = 256

type Result = Commands['settle']['input']['results'][number]

export function queueHandlers(
  db: Database,
  accept: Handler<'accept'>,
): Handlers<
  | 'claimDue'
  | 'settle'
  | 'releaseLeases'
  | 'retryQueued'
  | 'holdQueued'
  | 'shiftQueued'
  | 'resumeQueued'
  | 'removeQueued'
> {
  const selectDue = db.prepare<[number, number, string]>(
    `SELECT due_at, queue_id, destination FROM queue
     WHERE held = 0 AND due_at <= ? AND (due_at, queue_id) > (?, ?)
       AND destination NOT IN (SELECT value FROM json_each(?))
     ORDER BY due_at, queue_id LIMIT ${DUE_BATCH}`,
  )
  const lease = db.prepare<QueueRow>(
    `UPDATE queue SET lease = ?, due_at = ? WHERE queue_id = ? RETURNING ${QUEUE_COLUMNS}`,
  )
  const selectLeased = db.prepare<[recipients: string, bodyId: number]>(
    'SELECT recipients, body_id FROM queue WHERE queue_id = ? AND lease = ?',
  )
  const release = db.prepare(
    `UPDATE queue SET recipients = ?, lease = NULL, next_attempt_at = ?, due_at = ?, attempts = attempts + ?,
       delay_notice_at = coalesce(?, delay_notice_at) WHERE queue_id = ?`,
  )
  const remove = db.prepare<[bodyId: number]>('DELETE FROM queue WHERE queue_id = ? RETURNING body_id')
  const releaseBody = db.prepare('UPDATE body SET refs = refs - 1 WHERE body_id = ?')
  // A lease that runs is left to its holder, whose settle gives the next time.
  const retry = db.prepare<[number]>(
    `UPDATE queue SET held = 0, next_attempt_at = ?, due_at = iif(lease IS NULL, ?, due_at)
     WHERE queue_id = ? RETURNING queue_id`,
  )
  const end = db.prepare('UPDATE queue SET expires_at = min(expires_at, ?) WHERE queue_id = ?')
  const hold = db.prepare<[number]>('UPDATE queue SET held = 1 WHERE queue_id = ? RETURNING queue_id')
  const releaseByPrefix = db.prepare<[number]>(
    `UPDATE queue SET lease = NULL, due_at = next_attempt_at
     WHERE lease IS NOT NULL AND substr(lease, 1, length(?)) = ? RETURNING queue_id`,
  )
  const shift = db.prepare(
    `UPDATE queue SET accepted_at = accepted_at + ?1, expires_at = expires_at + ?1, next_attempt_at = next_attempt_at + ?1,
       due_at = due_at + ?1, delay_notice_at = delay_notice_at + ?1 WHERE accepted_at NOT BETWEEN ?2 AND ?3`,
  )
  const resumeLate = db.prepare(
    `UPDATE queue SET expires_at = expires_at + ?1 - next_attempt_at, next_attempt_at = ?1, due_at = ?1
     WHERE lease IS NULL AND held = 0 AND due_at < ?1 - ?2`,
  )
  const resumeEarly = db.prepare(
    'UPDATE queue SET expires_at = expires_at + ?1 - accepted_at, accepted_at = ?1 WHERE accepted_at > ?1 + ?2',
  )
  const selectIds = db.prepare<[number]>('SELECT queue_id FROM queue ORDER BY queue_id')

  /** Oldest due first, skipping destinations as they fill up. */
  function due(input: Commands['claimDue']['input']): number[] {
    const { now, limit, perDestination } = input
    const except = new Set(input.except)
    const counts = new Map<string, number>()
    const ids: number[] = []
    let after: readonly [number, number] = [-1, 0]
    for (;;) {
      const batch = selectDue.all(now, ...after, JSON.stringify([...except]))
      for (const [dueAt, queueId, destination] of batch) {
        if (ids.length >= limit) return ids
        after = [dueAt, queueId]
        const count = counts.get(destination) ?? 0
        if (count >= perDestination) continue
        ids.push(queueId)
        counts.set(destination, count + 1)
        if (count + 1 >= perDestination) except.add(destination)
      }
      if (batch.length < DUE_BATCH) return ids
    }
  }

  return {
    claimDue(input) {
      const entries: QueueEntry[] = []
      for (const queueId of due(input)) {
        const row = lease.get(input.lease, input.leaseUntil, queueId)
        if (row !== undefined) entries.push(queueEntry(row))
      }
      return { entries }
    },

    settle(input, work) {
      const { queueId, now, nextAttemptAt, attempted, delayNoticed } = input
      const row = selectLeased.get(queueId, input.lease)
      if (row === undefined) return { at: 'lease-lost' }
      const recipients = settled(JSON.parse(row[0]) as QueuedRecipient[], input.results, now)
      if (recipients.some(({ state }) => state.at === 'waiting')) {
        const text = JSON.stringify(recipients)
        release.run(text, nextAttemptAt, nextAttemptAt, attempted ? 1 : 0, delayNoticed ? now : null, queueId)
      } else {
        remove.run(queueId)
        releaseBody.run(row[1])
        work.dropped()
      }
      // A notice to a mailbox over quota is dropped: a DSN has nobody to tell (RFC 5321 §6.1).
      for (const notice of input.notices) accept(notice, work)
      work.notice({ kind: 'queue' })
      return { at: 'done' }
    },

    releaseLeases({ prefix }, work) {
      const queueIds = releaseByPrefix.all(prefix, prefix).map(([id]) => id as QueueId)
      if (queueIds.length > 0) work.notice({ kind: 'queue' })
      return { queueIds }
    },

    retryQueued({ queueIds, now, last = false }, work) {
      const found: QueueId[] = []
      for (const queueId of queueIds ?? selectIds.all().map(([id]) => id as QueueId)) {
        if (retry.get(now, now, queueId) === undefined) continue
        if (last) end.run(now, queueId)
        found.push(queueId)
      }
      if (found.length > 0) work.notice({ kind: 'queue' })
      return { queueIds: found }
    },

    holdQueued({ queueIds }, work) {
      const found = (queueIds ?? selectIds.all().map(([id]) => id as QueueId)).filter(
        (queueId) => hold.get(queueId) !== undefined,
      )
      if (found.length > 0) work.notice({ kind: 'queue' })
      return { queueIds: found }
    },

    shiftQueued({ byMs, arrivedSince, now }, work) {
      if (shift.run(byMs, arrivedSince, now) > 0) work.notice({ kind: 'queue' })
      return { at: 'done' }
    },

    resumeQueued({ now, lateMs }, work) {
      const resumed = resumeEarly.run(now, lateMs) + resumeLate.run(now, lateMs)
      if (resumed > 0) work.notice({ kind: 'queue' })
      return { resumed }
    },

    removeQueued({ queueIds }, work) {
      const found: QueueId[] = []
      for (const queueId of queueIds) {
        const row = remove.get(queueId)
        if (row === undefined) continue
        releaseBody.run(row[0])
        found.push(queueId)
      }
      if (found.length > 0) {
        work.dropped()
        work.notice({ kind: 'queue' })
      }
      return { queueIds: found }
    },
  }
}

function settled(recipients: readonly QueuedRecipient[], results: readonly Result[], now: number): QueuedRecipient[] {
  const byIndex = new Map(results.map((result) => [result.index, result]))
  return recipients.map((recipient) => {
    const result = byIndex.get(recipient.index)
    // What was delivered or failed stays so: it is never sent again (R13).
    if (result === undefined || recipient.state.at !== 'waiting') return recipient
    const answer: Answer = result.answer
    switch (result.to) {
      case 'waiting':
        return { ...recipient, lastAnswer: answer }
      case 'delivered':
      case 'failed':
        return { ...recipient, state: { at: result.to, answer, atMs: now } }
      default:
        return never(result.to)
    }
  })
}
