import { DAY, HOUR, SECOND } from '../../std/clock.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import { token, type Random } from '../../std/random.ts'
import { DELAY_NOTICE_AFTER_MS, QUEUE_LEASE_MS } from '../../model/limits.ts'
import type { Answer, QueueEntry } from '../../model/queue.ts'
import type { Store } from '../../store/contract.ts'
import type { DeliveryResult, Intake, OutgoingQueue } from '../contract.ts'
import { makeNotice, reportable, wants } from './notices.ts'
import { createWallWatch, isStranded, type Jump, LATE_AT_START_MS, retryDelay, spreadAfter } from './schedule.ts'

const LEASE_CHARACTERS = 20
/** Arrivals carry the time of their thread's last look at the clock. */
const SLACK_MS = 30 * SECOND

/** RFC 3463 §3.5, X.4.7: the time is over; what was last heard is said with it. */
function expiredAnswer(entry: QueueEntry, last: Answer | null): Answer {
  const waited = entry.expiresAt - entry.acceptedAt
  const time = waited >= DAY ? `${Math.round(waited / DAY)} days` : `${Math.round(waited / HOUR)} hours`
  const heard = last === null ? '' : ` The last answer was: ${last.code} ${last.status} ${last.text}`
  return {
    code: 550,
    status: '5.4.7',
    text: `It could not be delivered within ${time}, and we have stopped trying.${heard}`,
    remote: last?.remote ?? null,
  }
}

/**
 * The outgoing queue over a store: decides when to try again, when to give up, and who is told.
 * `owner` names this server among those that share a store; its leases from an earlier run are taken back at `recover`.
 */
export function createOutgoingQueue(options: {
  store: Pick<Store, 'run' | 'queue' | 'changes'>
  clock: Clock
  random: Random
  log: Log
  hostname: string
  prepareNotice: Intake['prepareNotice']
  owner: string
}): OutgoingQueue {
  const { store, clock, random, log, hostname, prepareNotice, owner } = options
  const lease = `${owner}/${token(random, LEASE_CHARACTERS)}`
  const wall = createWallWatch(clock)

  /** Times set by a clock that was ahead would strand their mail (R12). */
  const freeStranded = async (): Promise<void> => {
    const now = clock.now()
    const stranded = (await store.queue.list()).filter((entry) => isStranded(entry, now))
    if (stranded.length === 0) return
    await store.run({ do: 'retryQueued', queueIds: stranded.map(({ queueId }) => queueId), now })
    log.warn({ event: 'queue.clock.mended', entries: stranded.length })
  }

  /** Jumps that the queue's times have not followed yet: the store may fail meanwhile. */
  const jumps: Jump[] = []
  /** How the wall clock stood when an entry was claimed. */
  const claimedUnder = new WeakMap<QueueEntry, number>()

  // Choice: at a jump the queue's times are moved with the clock, on the device, so that neither retries nor ends feel it
  // and a restart does not bring it back (R12). Time in which no server ran does not count as waiting.
  const followJumps = async (): Promise<void> => {
    for (let next = jumps[0]; next !== undefined; next = jumps[0]) {
      const { byMs, from } = next
      await store.run({ do: 'shiftQueued', byMs, arrivedSince: from - SLACK_MS, now: clock.now() + SLACK_MS })
      jumps.shift()
    }
  }

  /** One at a time: no jump is followed twice. */
  let following: Promise<void> | null = null

  const checkClock = async (): Promise<void> => {
    const jump = wall.check()
    if (jump !== null) {
      log.warn({ event: 'queue.clock.jumped', byMs: jump.byMs })
      jumps.push(jump)
    }
    if (jumps.length === 0) return
    following ??= followJumps().finally(() => {
      following = null
    })
    await following
  }

  /** Recipients whose waiting ends here because their time is over. */
  const expire = (entry: QueueEntry, results: readonly DeliveryResult[]): DeliveryResult[] => {
    const answers = new Map(results.map((result) => [result.index, result]))
    const expired: DeliveryResult[] = []
    for (const { index, state, lastAnswer } of entry.recipients) {
      const result = answers.get(index)
      if (state.at !== 'waiting' || (result !== undefined && result.to !== 'waiting')) continue
      expired.push({ index, to: 'failed', answer: expiredAnswer(entry, result?.answer ?? lastAnswer) })
    }
    return expired
  }

  return {
    async recover() {
      const { queueIds } = await store.run({ do: 'releaseLeases', prefix: `${owner}/` })
      if (queueIds.length > 0) log.info({ event: 'queue.leases.reclaimed', entries: queueIds.length })
      const { resumed } = await store.run({ do: 'resumeQueued', now: clock.now(), lateMs: LATE_AT_START_MS })
      if (resumed > 0) log.info({ event: 'queue.resumed', entries: resumed })
      await freeStranded()
    },

    async claim({ limit, perDestination, except }) {
      await checkClock()
      const now = clock.now()
      const leaseUntil = now + QUEUE_LEASE_MS
      const { entries } = await store.run({ do: 'claimDue', now, lease, leaseUntil, limit, perDestination, except })
      for (const entry of entries) claimedUnder.set(entry, wall.offset)
      return entries
    },

    async settle(entry, { results, attempted, notBefore }) {
      await checkClock()
      const now = clock.now()
      const shift = wall.offset - (claimedUnder.get(entry) ?? wall.offset)
      const expiresAt = entry.expiresAt + shift
      // A shutdown is nobody's failure: nothing expires by it.
      const expired = now >= expiresAt && (attempted || notBefore !== undefined) ? expire(entry, results) : []
      const gone = new Set(expired.map(({ index }) => index))
      const final = [...results.filter(({ index }) => !gone.has(index)), ...expired]
      const ended = new Set(final.filter(({ to }) => to !== 'waiting').map(({ index }) => index))
      const waiting = entry.recipients.filter(({ index, state }) => state.at === 'waiting' && !ended.has(index))

      let nextAttemptAt = now
      if (attempted) nextAttemptAt = now + retryDelay(entry.attempts, random)
      if (notBefore !== undefined) nextAttemptAt = Math.max(nextAttemptAt, spreadAfter(notBefore, now, random))
      // The last try falls on the end of the time, not hours behind it.
      if (nextAttemptAt > expiresAt && expiresAt > now) nextAttemptAt = expiresAt

      const reported = reportable(entry, final)
      const delayDue =
        waiting.length > 0 && entry.delayNoticeAt === null && now - shift - entry.acceptedAt >= DELAY_NOTICE_AFTER_MS
      const delayNoticed = delayDue && (attempted || notBefore !== undefined)
      if (delayNoticed) {
        const heard = new Map(final.map(({ index, answer }) => [index, answer]))
        for (const recipient of waiting) {
          const answer = heard.get(recipient.index) ?? recipient.lastAnswer
          if (answer !== null && wants(recipient, 'delay')) reported.push({ recipient, action: 'delayed', answer })
        }
      }
      const notice = await makeNotice(entry, reported, {
        read: (start, end) => store.queue.read(entry.queueId, start, end),
        prepareNotice,
        hostname,
        random,
        now,
        retryUntil: expiresAt,
      })

      const outcome = await store.run({
        do: 'settle',
        queueId: entry.queueId,
        lease,
        results: final.map(({ index, to, answer }) => ({ index, to, answer })),
        now,
        nextAttemptAt,
        attempted,
        delayNoticed,
        notices: notice === null ? [] : [notice],
      })
      if (outcome.at === 'lease-lost') return outcome
      return { at: 'done', nextAttemptAt: waiting.length === 0 ? null : nextAttemptAt, expired }
    },

    read: (queueId, start, end) => store.queue.read(queueId, start, end),
    async nextDueAt() {
      // A clock that was set back leaves nothing due for years (R12).
      await checkClock()
      return store.queue.nextDueAt()
    },
    watch: (heard) => store.changes.watchQueue(heard),
  }
}
