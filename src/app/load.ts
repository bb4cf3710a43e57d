/** Stress mode of one thread: on when connections come near their limit, or when the event loop is late. */
import type { Cancel, Clock } from '../std/clock.ts'
import type { Load } from '../std/load.ts'
import type { Log } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'
import {
  STRESS_CONNECTIONS_BELOW,
  STRESS_CONNECTIONS_FROM,
  STRESS_LOOP_DELAY_MS,
  STRESS_WINDOW_MS,
} from '../model/limits.ts'
import { EVENT_LOOP_DELAY_SECONDS, STRESS_BEGINNINGS, STRESSED } from '../model/metrics.ts'
import type { LoopWatch } from './machine.ts'

/** Late windows on end that begin it, and punctual ones that end it. */
const WINDOWS_ON_END = 2

/**
 * @param options.open connections that this thread has now
 * @param options.loop looked at every STRESS_WINDOW_MS
 */
export function watchLoad(options: {
  thread: string
  open: () => number
  connectionsMax: number
  loop: LoopWatch
  clock: Clock
  log: Log
  metrics: Metrics
}): Load & { stop(): void } {
  const { thread, open, connectionsMax, loop, clock, log, metrics } = options
  let crowded = false
  let slow = false
  /** Windows on end that spoke against `slow` as it is. */
  let against = 0
  let stressed = false
  metrics.set(STRESSED, { thread }, 0)

  const tell = (reason: 'connections' | 'event-loop', facts: Record<string, unknown>): void => {
    const now = crowded || slow
    if (now === stressed) return
    stressed = now
    metrics.set(STRESSED, { thread }, now ? 1 : 0)
    if (now) {
      metrics.add(STRESS_BEGINNINGS, { reason })
      log.warn({ event: 'load.stress.begun', thread, reason, ...facts })
    } else log.info({ event: 'load.stress.ended', thread, ...facts })
  }

  const judgeConnections = (): void => {
    const count = open()
    const before = crowded
    if (count >= connectionsMax * STRESS_CONNECTIONS_FROM) crowded = true
    else if (count < connectionsMax * STRESS_CONNECTIONS_BELOW) crowded = false
    if (crowded !== before) tell('connections', { connections: count, connectionsMax })
  }

  const judgeLoop = (): void => {
    const { medianMs, p90Ms, longestMs } = loop.take()
    metrics.set(EVENT_LOOP_DELAY_SECONDS, { thread, quantile: '0.5' }, medianMs / 1000)
    metrics.set(EVENT_LOOP_DELAY_SECONDS, { thread, quantile: '0.9' }, p90Ms / 1000)
    metrics.set(EVENT_LOOP_DELAY_SECONDS, { thread, quantile: '1' }, longestMs / 1000)
    against = p90Ms > STRESS_LOOP_DELAY_MS === slow ? 0 : against + 1
    if (against < WINDOWS_ON_END) return
    against = 0
    slow = !slow
    tell('event-loop', { p90Ms: Math.round(p90Ms), longestMs: Math.round(longestMs) })
  }

  let cancel: Cancel = () => {}
  const again = (): void => {
    cancel = clock.timer(STRESS_WINDOW_MS, () => {
      judgeLoop()
      judgeConnections()
      again()
    })
  }
  again()

  return {
    get stressed() {
      judgeConnections()
      return stressed
    },
    get refusing() {
      return slow
    },
    stop: () => cancel(),
  }
}
