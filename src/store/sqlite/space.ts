/** Keeps some of the device free, so that reading, deleting and the queue go on when it fills up (R6). */
import type { Clock } from '../../std/clock.ts'
import { FREE_SPACE_MIN_OCTETS } from '../../model/limits.ts'
import type { Files } from '../files.ts'

const LOOK_EVERY_MS = 1000
const SHARE_OF_DEVICE = 0.05

/**
 * Looks at the device at most once a second, and counts in between.
 * @returns whether these octets may be taken; then they count as taken
 */
export function spaceFor(options: { files: Files; clock: Clock; path: string }): (octets: number) => boolean {
  const { files, clock, path } = options
  let lookedAt = Number.NEGATIVE_INFINITY
  let room = 0
  return (octets) => {
    const now = clock.monotonic()
    if (now - lookedAt >= LOOK_EVERY_MS) {
      const { freeOctets, totalOctets } = files.space(path)
      room = freeOctets - Math.min(FREE_SPACE_MIN_OCTETS, totalOctets * SHARE_OF_DEVICE)
      lookedAt = now
    }
    if (octets > room) return false
    room -= octets
    return true
  }
}
