import type { Clock } from '../../std/clock.ts'
import {
  GUARD_ADDRESSES_MAX,
  UNKNOWN_RECIPIENTS_AT_ONCE_MAX,
  UNKNOWN_RECIPIENTS_INTERVAL_MS,
  UNKNOWN_RECIPIENTS_PER_PREFIX_FACTOR,
} from '../../model/limits.ts'
import type { Strangers } from './contract.ts'
import { networkOf } from './network-of.ts'
import type { GuardNews } from './news.ts'
import { createRecent } from './recent.ts'

/** A share of the guesses an address may have; it fills again by one each interval. */
type Bucket = { left: number; at: number }

export type HearingStrangers = Strangers & { hear(news: GuardNews): void }

/**
 * One per protocol thread; `tell` carries what each sees to the others' `hear`. Kept in memory alone: after a restart
 * everybody is new for once.
 * @param options.greetingDelayMs for those not seen before; asked at each visit
 */
export function createStrangers(options: {
  clock: Pick<Clock, 'monotonic'>
  exempt: (address: string) => boolean
  greetingDelayMs: () => number
  tell?: (news: GuardNews) => void
}): HearingStrangers {
  const { clock, exempt, greetingDelayMs, tell = () => {} } = options
  const silent = createRecent<true>({ entriesMax: GUARD_ADDRESSES_MAX, make: () => true })
  const bucketsOf = (size: number, intervalMs: number) => {
    const buckets = createRecent<Bucket>({
      entriesMax: GUARD_ADDRESSES_MAX,
      make: () => ({ left: size, at: clock.monotonic() }),
    })
    const filled = ({ left, at }: Bucket): number => Math.min(size, left + (clock.monotonic() - at) / intervalMs)
    return {
      isEmpty(key: string): boolean {
        const bucket = buckets.peek(key)
        return bucket !== undefined && filled(bucket) < 1
      },
      isFull(key: string): boolean {
        const bucket = buckets.peek(key)
        return bucket === undefined || filled(bucket) >= size
      },
      take(key: string, count: number): void {
        const bucket = buckets.get(key)
        bucket.left = Math.max(0, Math.min(size, filled(bucket) - count))
        bucket.at = clock.monotonic()
      },
    }
  }
  const hosts = bucketsOf(UNKNOWN_RECIPIENTS_AT_ONCE_MAX, UNKNOWN_RECIPIENTS_INTERVAL_MS)
  const prefixes = bucketsOf(
    UNKNOWN_RECIPIENTS_AT_ONCE_MAX * UNKNOWN_RECIPIENTS_PER_PREFIX_FACTOR,
    UNKNOWN_RECIPIENTS_INTERVAL_MS / UNKNOWN_RECIPIENTS_PER_PREFIX_FACTOR,
  )

  const hear = (news: GuardNews): void => {
    if (news.news !== 'silent' && news.news !== 'unknown-recipients') return
    const { host, prefix } = networkOf(news.address)
    if (news.news === 'silent') return void silent.get(host)
    hosts.take(host, news.count)
    // Good letters of one address are no merit of its neighbours.
    if (news.count > 0) prefixes.take(prefix, news.count)
  }
  const say = (news: GuardNews): void => {
    hear(news)
    tell(news)
  }

  return {
    hear,
    isExempt: exempt,
    greetingDelayMs: (address) =>
      exempt(address) || silent.peek(networkOf(address).host) !== undefined ? 0 : greetingDelayMs(),
    wasSilent: (address) => say({ news: 'silent', address }),
    mayName(address) {
      if (exempt(address)) return true
      const { host, prefix } = networkOf(address)
      return !hosts.isEmpty(host) && !prefixes.isEmpty(prefix)
    },
    namedUnknown(address) {
      if (!exempt(address)) say({ news: 'unknown-recipients', address, count: 1 })
    },
    brought(address, recipients) {
      if (!exempt(address) && !hosts.isFull(networkOf(address).host))
        say({ news: 'unknown-recipients', address, count: -recipients })
    },
  }
}
