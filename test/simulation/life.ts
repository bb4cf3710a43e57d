/** One run of the program, from its start to its kill: what is cut off when it dies is never heard of again. */
import type { Cancel, Clock } from '../../src/std/clock.ts'

export type Life = {
  readonly number: number
  readonly clock: Clock
  readonly dead: boolean
  /** As kill -9: no timer runs, no promise settles, every connection breaks. */
  kill(): void
  /** As SIGSTOP for so long: what happens meanwhile is heard of afterwards. */
  pause(ms: number): void
  /** Runs `fn` now, after the pause, or never. */
  go(fn: () => void): void
  /** Called once at the kill. @returns the end of the watch */
  atDeath(fn: () => void): Cancel
  /** A promise that says nothing once this life is over. */
  hear<T>(promise: Promise<T>): Promise<T>
}

export function createLife(number: number, clock: Clock): Life {
  let dead = false
  /** What waits for the end of a pause. */
  let held: (() => void)[] | null = null
  const last = new Set<() => void>()
  const atDeath = (fn: () => void): Cancel => {
    last.add(fn)
    return () => void last.delete(fn)
  }
  const go = (fn: () => void): void => {
    if (dead) return
    if (held === null) fn()
    else held.push(fn)
  }
  return {
    number,
    get dead() {
      return dead
    },
    clock: {
      now: clock.now,
      monotonic: clock.monotonic,
      timer(ms, fn) {
        if (dead) return () => {}
        const cancel = clock.timer(ms, () => {
          forget()
          go(() => !isCancelled && fn())
        })
        let isCancelled = false
        const forget = atDeath(cancel)
        return () => {
          isCancelled = true
          forget()
          cancel()
        }
      },
    },
    kill() {
      if (dead) return
      dead = true
      for (const fn of last) fn()
      last.clear()
    },
    pause(ms) {
      held ??= []
      clock.timer(ms, () => {
        const late = held ?? []
        held = null
        for (const fn of late) fn()
      })
    },
    go,
    atDeath,
    hear: (promise) =>
      new Promise((resolve, reject) => {
        promise.then(
          (value) => go(() => resolve(value)),
          (error: unknown) => go(() => reject(error instanceof Error ? error : new Error(String(error)))),
        )
      }),
  }
}
