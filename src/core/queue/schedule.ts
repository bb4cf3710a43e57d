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

/** A jump of the wall clock. `from`: what came since then, by the clock as it stands now, came after the jump. */
export type Jump = { readonly byMs: number; readonly from: number }

export type WallWatch = {
  /** Looks for a jump of the wall clock since the last call. */
  check(): Jump | null
  /** How the wall clock stands to the one that never jumps, as last seen: what has changed of it is the jumps between. */
  readonly offset: number
}

/** Notices when the wall clock jumps against the one that never does. Jumps before its own beginning it cannot know. */
export function createWallWatch(clock: Clock): WallWatch {
  let lookedAt = clock.monotonic()
  let offset = clock.now() - lookedAt
  return {
    check() {
      const steady = clock.monotonic()
      const now = clock.now()
      const byMs = now - steady - offset
      const sinceMs = steady - lookedAt
      lookedAt = steady
      if (Math.abs(byMs) < JUMP_MIN_MS) return null
      offset += byMs
      return { byMs, from: now - sinceMs }
    },
    get offset() {
      return offset
    },
  }
}

/** Due for longer than this when the server starts: it was down, or the clock has jumped meanwhile (R12). */
export const LATE_AT_START_MS = 5 * MINUTE

const LONGEST_WAIT_MS = 2 * Math.max(...RETRY_DELAYS_MS) + 1 * HOUR

/** Whether an entry's time can only have been set by a clock that was ahead: no retry waits so long. */
export function isStranded(entry: QueueEntry, now: number): boolean {
  if (entry.held) return false
  if (entry.nextAttemptAt > now + LONGEST_WAIT_MS) return true // Also before any attempt: dead destinations postpone.
  return entry.attempts === 0 && entry.acceptedAt > now + LONGEST_WAIT_MS
}
