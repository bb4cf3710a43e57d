import type { Log } from '../../std/log.ts'
import { HIDDEN_VISITORS_LEAST, HIDDEN_VISITORS_SHARE } from '../../model/limits.ts'
import type { HiddenVisitors } from '../contract.ts'

/** Older visits weigh half as much whenever so many have come together. */
const HALVED_AT = 1000
/** More inside addresses than these are not told apart. */
const INSIDE_ADDRESSES_MAX = 64

/**
 * Sees when nearly all visitors of port 25 look like one inside address: a router that masquerades what comes in. Then
 * SPF and bans cannot work (UX.md §3). Visitors are counted at port 25 alone: there strangers come, elsewhere our own people.
 */
export function createHiddenVisitorsWatch({ log }: { log: Log }): {
  /** @param counts by inside address; all from outside under the empty text */
  count(counts: readonly (readonly [address: string, count: number])[]): void
  now(): HiddenVisitors | null
} {
  const inside = new Map<string, number>()
  let all = 0
  let told = false

  const now = (): HiddenVisitors | null => {
    if (all < HIDDEN_VISITORS_LEAST) return null
    for (const [address, count] of inside) {
      if (count > all * HIDDEN_VISITORS_SHARE) return { address, share: count / all, visitors: all }
    }
    return null
  }
  return {
    count(counts) {
      for (const [address, count] of counts) {
        all += count
        if (address !== '' && (inside.has(address) || inside.size < INSIDE_ADDRESSES_MAX)) {
          inside.set(address, (inside.get(address) ?? 0) + count)
        }
      }
      if (all > HALVED_AT) {
        all = Math.floor(all / 2)
        for (const [address, count] of inside) inside.set(address, Math.floor(count / 2))
      }
      const found = now()
      if (found !== null && !told) log.warn({ event: 'net.visitors.hidden', ...found })
      if (found === null && told) log.info({ event: 'net.visitors.seen' })
      told = found !== null
    },
    now,
  }
}
