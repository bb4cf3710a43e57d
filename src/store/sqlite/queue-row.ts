/** A queue entry's row, as writer and readers both see it. */
import type { QueueId, TraceId } from '../../model/ids.ts'
import type { QueuedRecipient, QueueEntry } from '../../model/queue.ts'

export const QUEUE_COLUMNS = `queue_id, trace_id, destination, envelope, recipients, size_octets, accepted_at, expires_at,
  attempts, next_attempt_at, delay_notice_at, sender_verified, held`

export type QueueRow = [
  queueId: number,
  traceId: string,
  destination: string,
  envelope: string,
  recipients: string,
  sizeOctets: number,
  acceptedAt: number,
  expiresAt: number,
  attempts: number,
  nextAttemptAt: number,
  delayNoticeAt: number | null,
  senderVerified: number,
  held: number,
]

export const queueEntry = (row: QueueRow): QueueEntry => ({
  queueId: row[0] as QueueId,
  traceId: row[1] as TraceId,
  destination: row[2],
  envelope: JSON.parse(row[3]) as QueueEntry['envelope'],
  recipients: JSON.parse(row[4]) as QueuedRecipient[],
  sizeOctets: row[5],
  acceptedAt: row[6],
  expiresAt: row[7],
  attempts: row[8],
  nextAttemptAt: row[9],
  delayNoticeAt: row[10],
  senderVerified: row[11] === 1,
  held: row[12] === 1,
})
