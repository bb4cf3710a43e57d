import type { Envelope, Recipient } from './envelope.ts'
import type { QueueId, TraceId } from './ids.ts'

/** A remote (or our own) answer about one recipient. */
export type Answer = {
  readonly code: number
  /** Enhanced status (RFC 3463), e.g. `4.4.1`. */
  readonly status: string
  readonly text: string
  /** The host that answered, or null when the answer is our own (time-out, DNS). */
  readonly remote: string | null
}

export type RecipientState =
  | { readonly at: 'waiting' }
  | { readonly at: 'delivered'; readonly answer: Answer; readonly atMs: number }
  | { readonly at: 'failed'; readonly answer: Answer; readonly atMs: number }

export type QueuedRecipient = Recipient & {
  /** Index within the queue entry; stable. */
  readonly index: number
  readonly state: RecipientState
  /** The last temporary answer. */
  readonly lastAnswer: Answer | null
}

/**
 * One message for one destination domain, leased to who delivers it. Several destinations of one message
 * are several entries that share a body, so each domain has its own retry times.
 */
export type QueueEntry = {
  readonly queueId: QueueId
  readonly traceId: TraceId
  /** Lower-case domain, or bracketed literal: what routes and concurrency go by. */
  readonly destination: string
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly recipients: readonly QueuedRecipient[]
  readonly sizeOctets: number
  readonly acceptedAt: number
  readonly expiresAt: number
  readonly attempts: number
  readonly nextAttemptAt: number
  /** Set once a delay notice has left. */
  readonly delayNoticeAt: number | null
  /** True when DSNs may be sent: the mail came from an authenticated sender (R22: no backscatter). */
  readonly senderVerified: boolean
  readonly held: boolean
}
