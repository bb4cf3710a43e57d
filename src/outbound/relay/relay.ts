import { setMaxListeners } from 'node:events'
import { MINUTE, SECOND, sleep } from '../../std/clock.ts'
import type { DeliveryResult, SettledEntry } from '../../core/contract.ts'
import {
  DESTINATION_CONCURRENCY_START,
  OUTBOUND_CONNECTIONS_MAX,
  OUTBOUND_PARKED_AFTER_MS,
  OUTBOUND_SOCKETS_MAX,
  QUEUE_CLAIMED_MAX,
  QUEUE_CLAIMED_PER_DESTINATION_MAX,
  QUEUE_CLAIM_WAIT_MAX_MS,
  QUEUE_LEASE_MS,
  RETRY_DELAYS_MS,
} from '../../model/limits.ts'
import type { QueueId } from '../../model/ids.ts'
import type { QueueEntry } from '../../model/queue.ts'
import type { OutgoingContent, Relay, RelayOptions, Routes } from '../contract.ts'
import { attempt, type AttemptOutcome } from '../delivery/attempt.ts'
import type { Remote } from '../delivery/remote.ts'
import { createTlsMemory, SMTP_PORT } from '../delivery/walk.ts'
import {
  createLane,
  grow,
  isDead,
  isUnused,
  keepIdle,
  laneKey,
  routeFor,
  shrink,
  takeIdle,
  takeOldestIdle,
  type Claimed,
  type Lane,
} from './lane.ts'
import { noMetrics } from '../../std/metrics.ts'
import { countAttempt, identify, logResults, logSettled } from './log-results.ts'

/** The queue is looked at this often even if nothing calls: the wall clock may have jumped. */
const LOOK_AGAIN_MS = 1 * MINUTE
/** Due entries that cannot be had now (leased elsewhere) are not asked for more often than this. */
const NOTHING_CLAIMED_MS = 1 * SECOND
/** Entries per claim: few enough that crowding is noticed before the room is gone. */
const CLAIM_BATCH = 200
const STORE_PAUSE_MS = 1 * SECOND
const STORE_PAUSE_MAX_MS = 30 * SECOND

type Settlement = {
  readonly results: readonly DeliveryResult[]
  readonly attempted: boolean
  readonly notBefore?: number
}

const describe = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : 'unknown')

/** Takes due mail from the queue and delivers it, lane by lane. One relay per store and `owner`. */
export function createRelay(options: RelayOptions): Relay {
  const { queue, clock, log, metrics = noMetrics, sandbox } = options
  const lanes = new Map<string, Lane>()
  const readyBy = new Map<string, number>()
  const tlsMemory = createTlsMemory(clock)
  const abort = new AbortController()
  setMaxListeners(0, abort.signal)
  const tasks = new Set<Promise<void>>()
  let routes: Routes = options.routes
  let state: 'new' | 'running' | 'stopping' = 'new'
  /** Entries under our lease. */
  const inHand = new Set<QueueId>()
  let workers = 0
  let parked = 0
  let woken = false
  let wakeUp: (() => void) | null = null
  let unwatch = (): void => {}

  const own = (task: Promise<void>): void => {
    const owned = task
      .catch((error: unknown) => log.error({ event: 'relay.error', error: describe(error) }))
      .finally(() => tasks.delete(owned))
    tasks.add(owned)
  }

  const isRunning = (): boolean => state === 'running'

  const wake = (): void => {
    woken = true
    wakeUp?.()
  }

  const waitForWake = async (ms: number): Promise<void> => {
    if (woken) return
    await new Promise<void>((resolve) => {
      const cancel = clock.timer(ms, () => resolve())
      wakeUp = () => {
        cancel()
        resolve()
      }
    })
    wakeUp = null
  }

  const laneFor = (destination: string): Lane => {
    const route = routeFor(routes, destination)
    const key = laneKey(route, destination)
    const lane = lanes.get(key) ?? createLane(key, route)
    lanes.set(key, lane)
    return lane
  }

  const countReady = (destination: string, by: 1 | -1): void => {
    const count = (readyBy.get(destination) ?? 0) + by
    if (count === 0) readyBy.delete(destination)
    else readyBy.set(destination, count)
  }

  const nextReady = (lane: Lane): Claimed | null => {
    const next = lane.ready.shift()
    if (next === undefined) return null
    countReady(next.entry.destination, -1)
    return next
  }

  // Settling -----------------------------------------------------------------------------------------------------------

  /**
   * Tells the queue what came of a claim, again and again until the store takes it or the lease is over. A stop that
   * will not wait any longer cuts the pause short, not the telling: what is not told is delivered twice (RFC 1047).
   */
  const settle = async (entry: QueueEntry, settlement: Settlement): Promise<SettledEntry | null> => {
    const deadline = clock.monotonic() + QUEUE_LEASE_MS
    let pause = STORE_PAUSE_MS
    let isLast = false
    try {
      for (;;) {
        try {
          const settled = await queue.settle(entry, settlement)
          logSettled(log, entry, settled)
          return settled
        } catch (error) {
          log.error({ event: 'relay.settle.failed', ...identify(entry), error: describe(error) })
        }
        if (isLast || clock.monotonic() > deadline) return null
        isLast = !(await sleep(clock, pause, abort.signal))
        pause = Math.min(2 * pause, STORE_PAUSE_MAX_MS)
      }
    } finally {
      inHand.delete(entry.queueId)
      wake()
    }
  }

  /** Nobody was asked: due again at once. */
  const giveBack = (entry: QueueEntry): void => own(settle(entry, { results: [], attempted: false }).then(() => {}))

  /** The way is dead: not dialled, tried again when it is (R15). */
  const postpone = (lane: Lane, entry: QueueEntry): void => {
    const notBefore = clock.now() + Math.max(0, (lane.deadUntil ?? 0) - clock.monotonic())
    log.debug({ event: 'relay.postponed', ...identify(entry), notBefore })
    own(settle(entry, { results: [], attempted: false, notBefore }).then(() => {}))
  }

  const markDead = (lane: Lane, nextAttemptAt: number | null): void => {
    const forMs = nextAttemptAt === null ? RETRY_DELAYS_MS[0] : Math.max(0, nextAttemptAt - clock.now())
    lane.deadUntil = clock.monotonic() + forMs
    log.info({ event: 'relay.destination.dead', lane: lane.key, forMs, waiting: lane.ready.length })
    for (let next = nextReady(lane); next !== null; next = nextReady(lane)) postpone(lane, next.entry)
  }

  // Delivering ---------------------------------------------------------------------------------------------------------

  const contentOf = async (entry: QueueEntry): Promise<OutgoingContent> => {
    const content: OutgoingContent = {
      sizeOctets: entry.sizeOctets,
      read: (start, end) => queue.read(entry.queueId, start, end),
    }
    try {
      return options.signing === undefined ? content : await options.signing.sign(entry, content)
    } catch (error) {
      // It leaves without: what cannot be read now, the attempt finds out too.
      log.error({ event: 'relay.sign.failed', ...identify(entry), error: describe(error) })
      return content
    }
  }

  const deliverToSandbox = async (entry: QueueEntry): Promise<AttemptOutcome> => {
    const nothing = { remote: null, unreachable: false, trouble: false, via: null }
    const waiting = entry.recipients.filter((recipient) => recipient.state.at === 'waiting')
    try {
      if (sandbox === null) throw new Error('a sandbox route without a sandbox')
      const answer = await sandbox.deliver(entry, await contentOf(entry))
      return { ...nothing, error: null, results: waiting.map(({ index }) => ({ index, to: 'delivered', answer })) }
    } catch (error) {
      const answer = { code: 451, status: '4.3.0', text: 'The sandbox could not take it', remote: null }
      return { ...nothing, error, results: waiting.map(({ index }) => ({ index, to: 'waiting', answer })) }
    }
  }

  const deliver = async (lane: Lane, entry: QueueEntry, kept: Remote | null): Promise<AttemptOutcome> => {
    log.debug({ event: 'relay.attempt', ...identify(entry), attempt: entry.attempts + 1 })
    const { route } = lane
    if (route.kind === 'sandbox') return deliverToSandbox(entry)
    const content = await contentOf(entry)
    let isParked = false
    const cancel = clock.timer(OUTBOUND_PARKED_AFTER_MS, () => {
      isParked = true
      parked++
      startWorkers()
    })
    try {
      return await attempt(entry, {
        ...options,
        route,
        kept,
        tlsMemory,
        content,
        hostname: options.ourselves.hostname,
        mxPort: options.mxPort ?? SMTP_PORT,
        signal: abort.signal,
      })
    } finally {
      cancel()
      if (isParked) parked--
    }
  }

  const conclude = async (lane: Lane, entry: QueueEntry, outcome: AttemptOutcome): Promise<void> => {
    const { results, via, unreachable, trouble, error } = outcome
    if (error !== null) log.error({ event: 'relay.attempt.error', ...identify(entry), error: describe(error) })
    logResults(log, entry, results, via)
    // Broken off by our own stop: those who still wait have not been tried.
    const broken = abort.signal.aborted
    if (!broken && (trouble || unreachable || (via === null && results.some(({ to }) => to === 'waiting'))))
      shrink(lane)
    else if (results.some(({ to }) => to === 'delivered')) grow(lane)
    const told = broken ? results.filter(({ to }) => to !== 'waiting') : results
    const settled = await settle(entry, { results: told, attempted: !broken })
    if (unreachable && !broken) markDead(lane, settled?.at === 'done' ? settled.nextAttemptAt : null)
  }

  /** One connection's worth of work: message after message while there are some. */
  const work = async (lane: Lane): Promise<void> => {
    let kept = takeIdle(lane)
    /** The last message's settling runs beside the next message, not further behind. */
    let concluding = Promise.resolve()
    try {
      while (isRunning() && lane.running <= lane.limit) {
        const next = nextReady(lane)
        if (next === null) break
        const { entry, claimedAt } = next
        if (clock.monotonic() - claimedAt > QUEUE_CLAIM_WAIT_MAX_MS) giveBack(entry)
        else if (isDead(lane, clock)) postpone(lane, entry)
        else {
          if (lane.ready.length === 0) wake()
          const begun = clock.monotonic()
          const outcome = await deliver(lane, entry, kept)
          countAttempt(metrics, outcome.results, clock.monotonic() - begun)
          kept = outcome.remote
          await concluding
          concluding = conclude(lane, entry, outcome)
          if (outcome.unreachable) await concluding
        }
      }
      await concluding
    } finally {
      workers--
      lane.running--
      if (kept !== null && isRunning()) keepIdle(lane, kept, clock, dropIdle(lane))
      else if (kept !== null) own(kept.close())
      forgetLane(lane)
      startWorkers()
      wake()
    }
  }

  const dropIdle =
    (lane: Lane) =>
    (remote: Remote): void => {
      own(remote.close())
      forgetLane(lane)
    }

  const forgetLane = (lane: Lane): void => {
    isDead(lane, clock)
    if (isUnused(lane) && lanes.get(lane.key) === lane) lanes.delete(lane.key)
  }

  /** Makes room for one more connection, at an idle one's cost if need be. @returns false when there is none */
  const makeRoom = (lane: Lane): boolean => {
    // The last quarter is for first connections: lanes that hang do not keep others from beginning (R19).
    if (lane.running > 0 && workers - parked >= 0.75 * OUTBOUND_CONNECTIONS_MAX) return false
    if (lane.idle.length > 0) return workers - parked < OUTBOUND_CONNECTIONS_MAX
    let idle = 0
    for (const one of lanes.values()) idle += one.idle.length
    if (workers - parked + idle < OUTBOUND_CONNECTIONS_MAX && workers + idle < OUTBOUND_SOCKETS_MAX) return true
    if (idle === 0) return false
    for (const other of lanes.values()) {
      const remote = takeOldestIdle(other)
      if (remote === null) continue
      own(remote.close())
      return true
    }
    return false
  }

  /** One worker a lane and round, so that no lane takes all the room. */
  const startWorkers = (): void => {
    for (let started = isRunning(); started;) {
      started = false
      for (const lane of lanes.values()) {
        if (lane.ready.length === 0 || lane.running >= lane.limit) continue
        if (!makeRoom(lane)) continue
        lane.running++
        workers++
        started = true
        own(work(lane))
      }
    }
  }

  // Claiming -----------------------------------------------------------------------------------------------------------

  /** @returns how many were claimed, and how long to wait when there is no call */
  const claimMore = async (): Promise<{ count: number; waitMs: number }> => {
    const room = QUEUE_CLAIMED_MAX - inHand.size
    if (room <= 0) return { count: 0, waitMs: LOOK_AGAIN_MS }
    const dueAt = await queue.nextDueAt()
    if (dueAt === null) return { count: 0, waitMs: LOOK_AGAIN_MS }
    const untilDue = dueAt - clock.now()
    if (untilDue > 0) return { count: 0, waitMs: Math.min(untilDue, LOOK_AGAIN_MS) }
    const isCrowded = inHand.size >= QUEUE_CLAIMED_MAX / 2
    const perDestination = isCrowded ? DESTINATION_CONCURRENCY_START : QUEUE_CLAIMED_PER_DESTINATION_MAX
    const except = [...readyBy].filter(([, count]) => count >= perDestination / 2).map(([name]) => name)
    const entries = await queue.claim({ limit: Math.min(room, CLAIM_BATCH), perDestination, except })
    const claimedAt = clock.monotonic()
    let count = 0
    for (const entry of entries) {
      // A wall clock that jumped ahead makes our own leases look over (R12): the attempt under way goes on.
      if (inHand.has(entry.queueId)) continue
      inHand.add(entry.queueId)
      count++
      const lane = laneFor(entry.destination)
      if (!isRunning()) giveBack(entry)
      else if (isDead(lane, clock)) postpone(lane, entry)
      else {
        lane.ready.push({ entry, claimedAt })
        countReady(entry.destination, 1)
      }
    }
    return { count, waitMs: NOTHING_CLAIMED_MS }
  }

  const run = async (): Promise<void> => {
    let pause = STORE_PAUSE_MS
    while (isRunning()) {
      woken = false
      try {
        const { count, waitMs } = await claimMore()
        pause = STORE_PAUSE_MS
        startWorkers()
        if (count > 0) continue
        for (const lane of lanes.values()) forgetLane(lane)
        await waitForWake(waitMs)
      } catch (error) {
        log.error({ event: 'relay.claim.failed', error: describe(error) })
        await sleep(clock, pause, abort.signal)
        pause = Math.min(2 * pause, STORE_PAUSE_MAX_MS)
      }
    }
  }

  /** Gives back what has not begun, and closes what is idle. */
  const clearLanes = (): void => {
    for (const lane of lanes.values()) {
      for (let next = nextReady(lane); next !== null; next = nextReady(lane)) giveBack(next.entry)
      for (let remote = takeIdle(lane); remote !== null; remote = takeIdle(lane)) own(remote.close())
    }
  }

  return {
    async start() {
      if (state !== 'new') return
      await queue.recover()
      state = 'running'
      unwatch = queue.watch(wake)
      own(run())
    },

    wake,

    setRoutes(changed) {
      routes = changed
      // Workers under way end with their message; what comes next goes by the new routes.
      clearLanes()
      lanes.clear()
      wake()
    },

    async stop({ drainMs }) {
      if (state === 'stopping') return
      state = 'stopping'
      unwatch()
      wake()
      clearLanes()
      const cancel = clock.timer(drainMs, () => abort.abort())
      while (tasks.size > 0) await Promise.all(tasks)
      cancel()
      abort.abort()
    },
  }
}
