import type { Clock } from '../../std/clock.ts'
import { HOUR, MINUTE } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'
import { RETRY_DELAYS_MS, RETRY_JITTER } from '../../model/limits.ts'
import type { QueueEntry } from '../../model/queue.ts'

/** How long to wait after the attempt that follows `attempts` earlier ones (RFC 5321 §4.5.4.1), spread so that no herd forms (R15). */
export function retryDelay(attempts: number, random: Random): number {
  const base = RETRY_DELAYS_MS[Math.min(attempts, RETRY_DELAYS_MS.length - 1)]!
  return Math.round(base * (1 + RETRY_JITTER * (2 * random.float() - 1)))
}

/** A moment after `until`, spread over the jitter's share of the wait, so that what was held back does not come all at once. */
export function spreadAfter(until: number, now: number, random: Random): number {
  return Math.round(until + Math.max(0, until - now) * RETRY_JITTER * random.float())
}

const JUMP_MIN_MS = 1 * MINUTE

export type WallWatch = {
  /** Looks for a jump of the wall clock since the last call. @returns its size, 0 when there was none */
  check(): number
  /** When an entry has really had its time: forward jumps since its arrival are not counted (R12). */
  expiresAt(entry: QueueEntry): number
}

/** Notices when the wall clock jumps against the one that never does. */
export function createWallWatch(clock: Clock): WallWatch {
  let offset = clock.now() - clock.monotonic()
  const forward: { readonly from: number; readonly by: number }[] = []
  return {
    check() {
      const now = clock.now() - clock.monotonic()
      const by = now - offset
      if (Math.abs(by) < JUMP_MIN_MS) return 0
      if (by > 0) forward.push({ from: clock.now() - by, by })
      offset = now
      return by
    },
    expiresAt(entry) {
      let at = entry.expiresAt
      for (const jump of forward) if (entry.acceptedAt <= jump.from) at += jump.by
      return at
    },
  }
}

const LONGEST_WAIT_MS = 2 * Math.max(...RETRY_DELAYS_MS) + 1 * HOUR

/** Whether an entry's time can only have been set by a clock that was ahead: no retry waits so long. */
export function isStranded(entry: QueueEntry, now: number): boolean {
  if (entry.held) return false
  return entry.attempts > 0 ? entry.nextAttemptAt > now + LONGEST_WAIT_MS : entry.acceptedAt > now + LONGEST_WAIT_MS
}
