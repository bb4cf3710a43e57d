import type { Clock } from './clock.ts'

export type TestClock = Clock & {
  /** Lets time pass: both clocks, and every timer that falls due, in order of its time. */
  advance(ms: number): void
  /** The wall clock jumps (R12); no timer runs. */
  jump(ms: number): void
  /** Timers that still wait. */
  readonly pending: number
  /** How long until the next of them falls due, or null. */
  readonly nextDueMs: number | null
}

/** A clock that stands still until the test moves it. `nowMs`: the wall time it starts at. */
export function createTestClock(options: { nowMs?: number } = {}): TestClock {
  let wall = options.nowMs ?? Date.UTC(2026, 0, 5, 12)
  let steady = 0
  let order = 0
  const timers = new Map<number, { at: number; fn: () => void }>()

  /** The earliest timer due at or before `until`; of equals, the one set first. */
  const earliest = (until: number): number | null => {
    let found: number | null = null
    for (const [id, { at }] of timers) {
      if (at <= until && (found === null || at < timers.get(found)!.at)) found = id
    }
    return found
  }

  return {
    now: () => wall,
    monotonic: () => steady,
    timer(ms, fn) {
      const id = order++
      timers.set(id, { at: steady + Math.max(0, ms), fn })
      return () => void timers.delete(id)
    },
    advance(ms) {
      const until = steady + ms
      for (let id = earliest(until); id !== null; id = earliest(until)) {
        const { at, fn } = timers.get(id)!
        timers.delete(id)
        wall += at - steady
        steady = at
        fn()
      }
      wall += until - steady
      steady = until
    },
    jump(ms) {
      wall += ms
    },
    get nextDueMs() {
      const id = earliest(Infinity)
      return id === null ? null : timers.get(id)!.at - steady
    },
    get pending() {
      return timers.size
    },
  }
}
