import { printAddress } from '../../format/address/address.ts'
import type { DeliveryResult, SettledEntry } from '../../core/contract.ts'
import type { QueueEntry } from '../../model/queue.ts'
import { DELIVERY_ATTEMPT_SECONDS, DELIVERY_RECIPIENTS, SMTP_MESSAGES } from '../../model/metrics.ts'
import type { Log } from '../../std/log.ts'
import type { Metrics } from '../../std/metrics.ts'
import type { AttemptOutcome } from '../delivery/attempt.ts'

const EVENTS = { delivered: 'relay.delivered', failed: 'relay.failed', waiting: 'relay.deferred' } as const

/** One event for each answer that was given, with all whom it was given for. */
export function logResults(
  log: Log,
  entry: QueueEntry,
  results: readonly DeliveryResult[],
  via: AttemptOutcome['via'],
): void {
  const groups = new Map<string, { result: DeliveryResult; recipients: string[] }>()
  for (const result of results) {
    const { code, status, text } = result.answer
    const key = `${result.to} ${code} ${status} ${text}`
    const group = groups.get(key) ?? { result, recipients: [] }
    groups.set(key, group)
    const recipient = entry.recipients.find(({ index }) => index === result.index)
    if (recipient !== undefined) group.recipients.push(printAddress(recipient.address))
  }
  for (const { result, recipients } of groups.values()) {
    const { code, status, text, remote } = result.answer
    log.info({
      event: EVENTS[result.to],
      ...identify(entry),
      recipients,
      host: remote ?? via?.host ?? null,
      address: via?.address ?? null,
      tls: via?.tls ?? null,
      code,
      status,
      answer: text,
      attempt: entry.attempts + 1,
    })
  }
}

const RESULTS = { delivered: 'delivered', failed: 'failed', waiting: 'deferred' } as const

/** A message counts by its worst: deferred while anyone waits, failed when nobody does and one has. */
export function countAttempt(metrics: Metrics, results: readonly DeliveryResult[], tookMs: number): void {
  metrics.observe(DELIVERY_ATTEMPT_SECONDS, {}, tookMs / 1000)
  for (const { to } of results) metrics.add(DELIVERY_RECIPIENTS, { result: RESULTS[to] })
  const worst = (['waiting', 'failed', 'delivered'] as const).find((each) => results.some(({ to }) => to === each))
  if (worst !== undefined) metrics.add(SMTP_MESSAGES, { direction: 'out', result: RESULTS[worst] })
}

export function logSettled(log: Log, entry: QueueEntry, settled: SettledEntry): void {
  if (settled.at === 'lease-lost') {
    log.warn({ event: 'relay.lease.lost', ...identify(entry) })
    return
  }
  if (settled.expired.length === 0) return
  const recipients = settled.expired.map(({ index }) => {
    const found = entry.recipients.find((recipient) => recipient.index === index)
    return found === undefined ? '' : printAddress(found.address)
  })
  log.info({ event: 'relay.expired', ...identify(entry), recipients })
}

export const identify = (entry: QueueEntry): Record<string, unknown> => ({
  traceId: entry.traceId,
  queueId: entry.queueId,
  destination: entry.destination,
})
