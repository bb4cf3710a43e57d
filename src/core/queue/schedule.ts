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
  /** How far the wall clock has jumped since an entry's arrival: what its times are late by, or (below 0) early (R12). */
  shiftSince(entry: QueueEntry): number
}

/** How the wall clock stood to the one that never jumps, from the last look before it changed to the first after. */
type Stand = { readonly offset: number; readonly from: number; until: number }

/** Notices when the wall clock jumps against the one that never does. Jumps before its own beginning it cannot know. */
export function createWallWatch(clock: Clock): WallWatch {
  let lookedAt = clock.monotonic()
  const first: Stand = { offset: clock.now() - lookedAt, from: lookedAt, until: Infinity }
  const stands = [first]
  let last = first
  return {
    check() {
      const steady = clock.monotonic()
      const offset = clock.now() - steady
      const by = offset - last.offset
      const from = lookedAt
      lookedAt = steady
      if (Math.abs(by) < JUMP_MIN_MS) return 0
      last.until = steady
      last = { offset, from, until: Infinity }
      stands.push(last)
      return by
    },
    shiftSince({ acceptedAt }) {
      // Where the arrival's time fits more than one stand, the one that gives the mail more time.
      let offset: number | null = null
      for (const stand of stands) {
        const steady = acceptedAt - stand.offset
        if (steady < stand.from - JUMP_MIN_MS || steady > stand.until + JUMP_MIN_MS) continue
        if (steady > clock.monotonic() + JUMP_MIN_MS) continue
        if (offset === null || stand.offset < offset) offset = stand.offset
      }
      return last.offset - (offset ?? first.offset)
    },
  }
}

const LONGEST_WAIT_MS = 2 * Math.max(...RETRY_DELAYS_MS) + 1 * HOUR

/** Whether an entry's time can only have been set by a clock that was ahead: no retry waits so long. */
export function isStranded(entry: QueueEntry, now: number): boolean {
  if (entry.held) return false
  if (entry.nextAttemptAt > now + LONGEST_WAIT_MS) return true // Also before any attempt: dead destinations postpone.
  return entry.attempts === 0 && entry.acceptedAt > now + LONGEST_WAIT_MS
}
