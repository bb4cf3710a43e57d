import type { Clock } from '../../std/clock.ts'
import { printAddress } from '../../format/address/address.ts'
import type { Answer, QueueEntry, QueuedRecipient } from '../../model/queue.ts'
import type { Store } from '../../store/contract.ts'
import type { QueueOperator, QueueView } from '../contract.ts'
import { printReversePath } from './notices.ts'

const answerOf = ({ state, lastAnswer }: QueuedRecipient): Answer | null =>
  state.at === 'waiting' ? lastAnswer : state.answer

function reason(entry: QueueEntry): string {
  if (entry.held) return 'Held; retry lets it go'
  const answer = entry.recipients.find(
    ({ state, lastAnswer }) => state.at === 'waiting' && lastAnswer !== null,
  )?.lastAnswer
  if (answer === undefined || answer === null) return entry.attempts === 0 ? 'Not tried yet' : 'Waits for its next try'
  if (answer.remote === null) return answer.text
  return `${answer.remote} said: ${answer.code} ${answer.status} ${answer.text}`
}

function view(entry: QueueEntry): QueueView {
  const { queueId, traceId, destination, sizeOctets, acceptedAt, expiresAt, attempts, nextAttemptAt, held } = entry
  return {
    queueId,
    traceId,
    from: printReversePath(entry.envelope.reversePath),
    destination,
    recipients: entry.recipients.map((recipient) => ({
      address: printAddress(recipient.address),
      state: recipient.state.at,
      answer: answerOf(recipient),
    })),
    sizeOctets,
    acceptedAt,
    expiresAt,
    attempts,
    nextAttemptAt,
    held,
    reason: reason(entry),
  }
}

/** The queue as an operator sees and handles it. */
export function createQueueOperator(options: { store: Pick<Store, 'run' | 'queue'>; clock: Clock }): QueueOperator {
  const { store, clock } = options
  return {
    async list(filter) {
      const entries = await store.queue.list(filter)
      return entries.map(view).toSorted((a, b) => a.acceptedAt - b.acceptedAt || a.queueId - b.queueId)
    },
    async retry(queueIds) {
      return (await store.run({ do: 'retryQueued', queueIds, now: clock.now() })).queueIds
    },
    async hold(queueIds) {
      return (await store.run({ do: 'holdQueued', queueIds })).queueIds
    },
    async expire(queueIds) {
      return (await store.run({ do: 'retryQueued', queueIds, now: clock.now(), last: true })).queueIds
    },
    async remove(queueIds) {
      return (await store.run({ do: 'removeQueued', queueIds })).queueIds
    },
  }
}
