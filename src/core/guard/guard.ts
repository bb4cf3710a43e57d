import { DAY, MINUTE, type Clock } from '../../std/clock.ts'
import {
  ACCESS_CONNECTIONS_PER_ADDRESS_MAX,
  ACCESS_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX,
  FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX,
  FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX,
  FAILED_LOGINS_PER_PREFIX_FACTOR,
  GUARD_ADDRESSES_MAX,
  MX_CONNECTIONS_PER_ADDRESS_MAX,
  MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX,
} from '../../model/limits.ts'
import type { Guard } from '../contract.ts'
import { networkOf } from './network-of.ts'
import { createRecent } from './recent.ts'

/** Times of failed logins, oldest first, never more than the day's limit. */
type Failures = number[]

/** Connections begun in this minute and the one before; together they estimate the last 60 seconds. */
type Rate = { minute: number; current: number; previous: number }

const CONNECTION_LIMITS = {
  mx: { open: MX_CONNECTIONS_PER_ADDRESS_MAX, perMinute: MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX },
  access: { open: ACCESS_CONNECTIONS_PER_ADDRESS_MAX, perMinute: ACCESS_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX },
} as const

const HOST_LIMITS = {
  perMinute: FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX,
  perDay: FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX,
}
const PREFIX_LIMITS = {
  perMinute: HOST_LIMITS.perMinute * FAILED_LOGINS_PER_PREFIX_FACTOR,
  perDay: HOST_LIMITS.perDay * FAILED_LOGINS_PER_PREFIX_FACTOR,
}

/** Whether the n-th last failure is younger than the window: exact, however the attempts are spread. */
function spent(failures: Failures | undefined, now: number, limits: { perMinute: number; perDay: number }): boolean {
  if (failures === undefined) return false
  const within = (count: number, windowMs: number): boolean => {
    const at = failures.at(-count)
    return at !== undefined && now - at < windowMs
  }
  return within(limits.perMinute, MINUTE) || within(limits.perDay, DAY)
}

function note(failures: Failures, now: number, keep: number): void {
  failures.push(now)
  if (failures.length > keep) failures.shift()
}

/** What one thread's guard tells the others'. */
export type GuardNews = { readonly login: 'failed' | 'succeeded'; readonly address: string }

/**
 * Counts in memory, one guard per protocol thread.
 * Failed logins are one count when `tell` carries each guard's news to the others' `hear` (S6).
 * Choice: connections are counted by each thread for itself; with n threads an address may hold up to n times as many.
 * @param options.lifted addresses that no limit binds (loopback in `try`)
 * @param options.tell passes news to the guards of the other threads; not called for what was heard
 */
export function createGuard(options: {
  clock: Clock
  lifted: (address: string) => boolean
  tell?: (news: GuardNews) => void
}): Guard & { hear(news: GuardNews): void } {
  const { clock, lifted, tell = () => {} } = options
  const failuresByHost = createRecent<Failures>({ entriesMax: GUARD_ADDRESSES_MAX, make: () => [] })
  const failuresByPrefix = createRecent<Failures>({ entriesMax: GUARD_ADDRESSES_MAX, make: () => [] })
  const rates = createRecent<Rate>({
    entriesMax: GUARD_ADDRESSES_MAX,
    make: () => ({ minute: 0, current: 0, previous: 0 }),
  })
  /** Bounded by the connections that are open. */
  const open = new Map<string, number>()

  /** @returns whether one more may begin; counts it then */
  const mayBegin = (key: string, perMinute: number): boolean => {
    const elapsed = clock.monotonic() / MINUTE
    const minute = Math.floor(elapsed)
    const rate = rates.get(key)
    if (rate.minute !== minute) {
      rate.previous = rate.minute === minute - 1 ? rate.current : 0
      rate.current = 0
      rate.minute = minute
    }
    if (rate.previous * (1 - (elapsed - minute)) + rate.current >= perMinute) return false
    rate.current += 1
    return true
  }

  const take = ({ login, address }: GuardNews): void => {
    const { host, prefix } = networkOf(address)
    if (login === 'succeeded') {
      // Choice: its own count only (S6). The prefix keeps its count, so that a guesser with an account of his own is still bound.
      failuresByHost.delete(host)
      return
    }
    const now = clock.monotonic()
    note(failuresByHost.get(host), now, HOST_LIMITS.perDay)
    note(failuresByPrefix.get(prefix), now, PREFIX_LIMITS.perDay)
  }

  return {
    beforeLogin(address) {
      if (lifted(address)) return { at: 'go' }
      const { host, prefix } = networkOf(address)
      const now = clock.monotonic()
      const refuse =
        spent(failuresByHost.peek(host), now, HOST_LIMITS) || spent(failuresByPrefix.peek(prefix), now, PREFIX_LIMITS)
      return { at: refuse ? 'refuse' : 'go' }
    },

    loginFailed(address) {
      take({ login: 'failed', address })
      tell({ login: 'failed', address })
    },

    loginSucceeded(address) {
      const failed = failuresByHost.peek(networkOf(address).host) !== undefined
      take({ login: 'succeeded', address })
      if (failed) tell({ login: 'succeeded', address }) // Elsewhere there is nothing to clear either.
    },

    hear: take,

    connect(service, address) {
      if (lifted(address)) return () => {}
      const key = `${service} ${networkOf(address).host}`
      const limits = CONNECTION_LIMITS[service]
      const count = open.get(key) ?? 0
      if (count >= limits.open || !mayBegin(key, limits.perMinute)) return null
      open.set(key, count + 1)
      let ended = false
      return () => {
        if (ended) return
        ended = true
        const left = open.get(key)! - 1
        if (left === 0) open.delete(key)
        else open.set(key, left)
      }
    },
  }
}
