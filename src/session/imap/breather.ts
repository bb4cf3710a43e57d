import { COMPUTE_AT_ONCE_MAX_MS } from '../../model/limits.ts'
import type { Clock } from '../../std/clock.ts'

/** Asked now and then by who computes for long. @returns what to wait for, once enough was done in one turn of the event loop */
export type Breather = () => Promise<void> | undefined

/** Things done between two questions, where each is a matter of less than a microsecond or two. */
export const BREATHE_EVERY = 1024

/** Breathes now and then in a loop; `i` counts its rounds. */
export const breatheAt = (breathe: Breather, i: number): Promise<void> | undefined =>
  i % BREATHE_EVERY === 0 ? breathe() : undefined

export function createBreather(clock: Clock): Breather {
  let since = clock.monotonic()
  return () => {
    if (clock.turn === undefined || clock.monotonic() - since < COMPUTE_AT_ONCE_MAX_MS) return undefined
    return clock.turn().then(() => {
      since = clock.monotonic()
    })
  }
}
