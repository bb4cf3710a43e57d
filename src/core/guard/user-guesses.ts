import type { Clock } from '../../std/clock.ts'
import { GUARD_USERS_MAX, GUESSES_PER_USER_AT_ONCE_MAX, GUESSES_PER_USER_INTERVAL_MS } from '../../model/limits.ts'
import { createRecent } from './recent.ts'

/** Guesses at each user's password from strange addresses: a bucket that fills again by one each interval (S6). */
export type UserGuesses = {
  has(user: string): boolean
  /** Takes one guess, or gives one back. */
  count(user: string, by: 1 | -1): void
}

export function createUserGuesses(clock: Clock): UserGuesses {
  const buckets = createRecent<{ left: number; at: number }>({
    entriesMax: GUARD_USERS_MAX,
    make: () => ({ left: GUESSES_PER_USER_AT_ONCE_MAX, at: clock.monotonic() }),
  })
  const filled = ({ left, at }: { left: number; at: number }): number =>
    Math.min(GUESSES_PER_USER_AT_ONCE_MAX, left + (clock.monotonic() - at) / GUESSES_PER_USER_INTERVAL_MS)
  return {
    has(user) {
      const bucket = buckets.peek(user)
      return bucket === undefined || filled(bucket) >= 1
    },
    count(user, by) {
      const bucket = buckets.get(user)
      // Several threads may have taken the last one at once.
      bucket.left = Math.max(-1, Math.min(GUESSES_PER_USER_AT_ONCE_MAX, filled(bucket) - by))
      bucket.at = clock.monotonic()
    },
  }
}
