/** The machine's clock, for tests that only need time to pass. */
import type { Clock } from '../../std/clock.ts'

export const testClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fn) {
    const timer = setTimeout(fn, ms).unref()
    return () => clearTimeout(timer)
  },
}
