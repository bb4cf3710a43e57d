export type Cancel = () => void

/** Time comes in by this interface, so that tests can turn it. */
export type Clock = {
  /** Wall time, milliseconds since 1970. May jump. */
  now(): number
  /** Milliseconds from an arbitrary start. Never jumps: deadlines and retry spacing use it. */
  monotonic(): number
  /** Runs `fn` once after `ms`. The timer does not keep the process alive. */
  timer(ms: number, fn: () => void): Cancel
  /** Resolves in a later turn of the event loop: who computes for long lets others in between. Absent: nobody waits. */
  turn?(): Promise<void>
}

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** Resolves after `ms`, or at once with `false` when the signal fires. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted === true) return Promise.resolve(false)
  return new Promise((resolve) => {
    const onAbort = (): void => {
      cancel()
      resolve(false)
    }
    const cancel = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve(true)
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
