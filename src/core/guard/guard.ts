import { never } from '../../std/assert.ts'
import { DAY, HOUR, MINUTE, type Clock } from '../../std/clock.ts'
import {
  ACCESS_CONNECTIONS_PER_ADDRESS_MAX,
  ACCESS_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX,
  BAN_WINDOW_MS,
  CONNECTIONS_PER_PREFIX_FACTOR,
  FAILED_LOGIN_DELAYS_MS,
  FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX,
  FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX,
  FAILED_LOGINS_PER_PREFIX_FACTOR,
  GUARD_ADDRESSES_MAX,
  GUARD_GUESSES_MAX,
  GUARD_KNOWN_PAIR_MS,
  GUARD_KNOWN_PAIRS_MAX,
  MX_CONNECTIONS_PER_ADDRESS_MAX,
  MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX,
} from '../../model/limits.ts'
import {
  LOOPBACK_NETWORKS,
  networksContain,
  networksOverlap,
  parseNetwork,
  PRIVATE_NETWORKS,
  type Network,
} from '../../model/network.ts'
import { PORT_GROUPS, type PortGroup } from '../../model/service.ts'
import type { Ban, Guard } from '../contract.ts'
import {
  createConnectionTable,
  openConnectionCounts,
  type ConnectionLimit,
  type ConnectionShare,
} from './connection-counts.ts'
import { createNetworkMap, type NetworkMap } from './network-map.ts'
import { networkOf } from './network-of.ts'
import type { GuardNews, KnownPair } from './news.ts'
import { createRecent } from './recent.ts'
import { createUserGuesses } from './user-guesses.ts'

export type { GuardNews } from './news.ts'

/** Times of failed logins, oldest first, never more than the day's limit. */
type Failures = number[]

const CONNECTION_LIMITS = {
  mx: { open: MX_CONNECTIONS_PER_ADDRESS_MAX, perMinute: MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX },
  access: { open: ACCESS_CONNECTIONS_PER_ADDRESS_MAX, perMinute: ACCESS_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX },
} as const

const NEAR_NETWORKS = [LOOPBACK_NETWORKS, PRIVATE_NETWORKS]

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

/** Connections to port 25 from inside that are told to the keeper together. */
const VISITORS_TOLD_TOGETHER = 10

export type HearingGuard = Guard & {
  hear(news: GuardNews): void
  /** Asks the keeper for the bans that hold. */
  hello(): void
}

/**
 * Counts in memory, one guard per protocol thread.
 * Failed logins are one count when `tell` carries each guard's news to the others' `hear` (S6); bans are the keeper's,
 * which hears the same news.
 * Connections are one count where the guards share a table of them.
 * @param options.lifted addresses that no limit binds (loopback in `try`)
 * @param options.spared addresses that may have any number of connections: a gateway that hides everybody behind it
 * @param options.connections of all threads; absent: of this one alone
 * @param options.tell passes news to the guards of the other threads; not called for what was heard
 * @param options.name of the thread; another run of the same takes its place
 */
export function createGuard(options: {
  clock: Clock
  lifted: (address: string) => boolean
  spared?: (address: string) => boolean
  connections?: ConnectionShare
  tell?: (news: GuardNews) => void
  name?: string
}): HearingGuard {
  const { clock, lifted, spared = () => false, tell = () => {}, name = 'only' } = options
  const alone = (): ConnectionShare => createConnectionTable({ threads: 1, key: new Uint8Array(1) }).share(name)
  const connections = openConnectionCounts(options.connections ?? alone(), { clock })
  const failuresByHost = createRecent<Failures>({ entriesMax: GUARD_ADDRESSES_MAX, make: () => [] })
  const failuresByPrefix = createRecent<Failures>({ entriesMax: GUARD_ADDRESSES_MAX, make: () => [] })
  /** Wrong guesses: those of anybody, and those that an address has been counted for. */
  const wrong = createRecent<true>({ entriesMax: GUARD_GUESSES_MAX, make: () => true })
  const counted = createRecent<true>({ entriesMax: GUARD_GUESSES_MAX, make: () => true })
  const guesses = createUserGuesses(clock)
  /** When a user last signed in from a host, monotonic. */
  const known = createRecent<{ at: number }>({ entriesMax: GUARD_KNOWN_PAIRS_MAX, make: () => ({ at: 0 }) })
  /** When the ban of a network ends, monotonic: the wall clock may jump (R12). */
  const bans: Record<PortGroup, NetworkMap<number>> = {
    mail: createNetworkMap(),
    mx: createNetworkMap(),
    web: createNetworkMap(),
  }
  /** Addresses of signed-in connections by cid. */
  const sessions = new Map<string, string>()
  let visitors = new Map<string, number>()
  let visitorsUntold = 0

  const forget = (network: Network): void => {
    const within = (key: string): boolean => {
      const parsed = parseNetwork(key)
      return parsed.ok && networksOverlap(network, parsed.value)
    }
    failuresByHost.deleteWhere(within)
    failuresByPrefix.deleteWhere(within)
    counted.deleteWhere((key) => within(key.slice(0, key.indexOf(' '))))
  }

  const ban = ({ network, group, until }: Ban): void => {
    const parsed = parseNetwork(network)
    if (parsed.ok) bans[group].set(parsed.value, clock.monotonic() + (until - clock.now()))
  }

  const noteFailure = (address: string, guess: string | null): void => {
    const { host, prefix } = networkOf(address)
    if (guess !== null) {
      wrong.get(guess)
      const key = `${host} ${guess}`
      if (counted.peek(key) !== undefined) return // A saved wrong password is one guess, however often it is tried.
      counted.get(key)
    }
    const now = clock.monotonic()
    note(failuresByHost.get(host), now, HOST_LIMITS.perDay)
    note(failuresByPrefix.get(prefix), now, PREFIX_LIMITS.perDay)
  }

  const knownKey = (user: string, host: string): string => `${host} ${user}`
  const isKnown = (user: string, host: string): boolean => {
    const pair = known.peek(knownKey(user, host))
    return pair !== undefined && clock.monotonic() - pair.at < GUARD_KNOWN_PAIR_MS
  }
  const noteKnown = ({ user, host, at }: KnownPair): void => {
    known.get(knownKey(user, host)).at = clock.monotonic() - Math.max(0, clock.now() - at)
  }

  const hear = (news: GuardNews): void => {
    switch (news.news) {
      case 'failed':
        return noteFailure(news.address, news.facts?.guess ?? null)
      case 'succeeded':
        // Choice: its own count only (S6). The prefix keeps its count, so that a guesser with an account of his own is still bound.
        failuresByHost.delete(networkOf(news.address).host)
        if (news.known !== null) noteKnown(news.known)
        return
      case 'guess':
        return guesses.count(news.user, news.by)
      case 'ban':
        return ban(news.ban)
      case 'lift': {
        const network = parseNetwork(news.network)
        if (!network.ok) return
        bans[news.group].delete(network.value)
        if (news.forgive) forget(network.value)
        return
      }
      case 'state':
        for (const one of news.bans) ban(one)
        for (const pair of news.known) noteKnown(pair)
        return
      case 'session':
      case 'visitors':
      case 'hello':
        return // For the keeper.
      case 'silent':
      case 'unknown-recipients':
        return // For strangers.ts.
      default:
        return never(news)
    }
  }
  const say = (news: GuardNews): void => {
    hear(news)
    tell(news)
  }

  const isBannedFrom = (group: PortGroup, address: string): boolean => {
    const now = clock.monotonic()
    return bans[group].size > 0 && bans[group].around(address).some((until) => until > now)
  }

  const visitedBy = (address: string): void => {
    const who = networksContain(LOOPBACK_NETWORKS, address)
      ? null
      : networksContain(PRIVATE_NETWORKS, address)
        ? networkOf(address).host
        : ''
    if (who === null) return
    visitors.set(who, (visitors.get(who) ?? 0) + 1)
    if (++visitorsUntold < VISITORS_TOLD_TOGETHER) return
    tell({ news: 'visitors', counts: [...visitors] })
    visitors = new Map()
    visitorsUntold = 0
  }

  return {
    hear,
    hello: () => tell({ news: 'hello', guard: name }),

    beforeLogin(address, service) {
      if (lifted(address)) return { at: 'go' }
      if (service !== undefined && isBannedFrom(PORT_GROUPS[service], address)) return { at: 'refuse' }
      const { host, prefix } = networkOf(address)
      const now = clock.monotonic()
      const refuse =
        spent(failuresByHost.peek(host), now, HOST_LIMITS) || spent(failuresByPrefix.peek(prefix), now, PREFIX_LIMITS)
      return { at: refuse ? 'refuse' : 'go' }
    },

    beforeGuess({ address, user, guess }) {
      if (lifted(address) || isKnown(user, networkOf(address).host)) return { at: 'go' }
      if (guess !== null && wrong.peek(guess) !== undefined) return { at: 'go' }
      if (!guesses.has(user)) return { at: 'refuse' }
      say({ news: 'guess', user, by: 1 })
      return { at: 'go' }
    },

    loginFailed: (address, facts) => say({ news: 'failed', address, facts: facts ?? null }),

    loginSucceeded(address, facts) {
      const { host } = networkOf(address)
      const failed = failuresByHost.peek(host) !== undefined
      if (facts === undefined) {
        hear({ news: 'succeeded', address, known: null })
        if (failed) tell({ news: 'succeeded', address, known: null }) // Elsewhere there is nothing to clear either.
        return
      }
      const { user, cid } = facts
      const pair = known.peek(knownKey(user, host))
      const fresh = pair === undefined || clock.monotonic() - pair.at > HOUR
      if (!isKnown(user, host)) say({ news: 'guess', user, by: -1 }) // It was no guess.
      const news = { news: 'succeeded', address, known: fresh ? { user, host, at: clock.now() } : null } as const
      if (failed || fresh) say(news)
      if (sessions.has(cid)) return
      sessions.set(cid, address)
      tell({ news: 'session', guard: name, cid, address, open: true })
    },

    failureDelayMs(address) {
      if (lifted(address)) return 0
      const failures = failuresByHost.peek(networkOf(address).host) ?? []
      const now = clock.monotonic()
      const recent = failures.filter((at) => now - at < BAN_WINDOW_MS).length
      return FAILED_LOGIN_DELAYS_MS[Math.min(Math.max(recent, 1), FAILED_LOGIN_DELAYS_MS.length) - 1]!
    },

    sessionEnded(cid) {
      const address = sessions.get(cid)
      if (address === undefined) return
      sessions.delete(cid)
      tell({ news: 'session', guard: name, cid, address, open: false })
    },

    isBanned: (service, address) => !lifted(address) && isBannedFrom(PORT_GROUPS[service], address),

    connect(service, address) {
      if (lifted(address)) return () => {}
      if (service === 'mx') visitedBy(address)
      if (spared(address)) return () => {}
      const { host, prefix } = networkOf(address)
      const { open, perMinute } = CONNECTION_LIMITS[service]
      const limits: ConnectionLimit[] = [{ key: `${service} ${host}`, openMax: open, perMinuteMax: perMinute }]
      // Choice: neighbours in a house are no strangers to each other, and a whole office may sit in one /24.
      if (!NEAR_NETWORKS.some((networks) => networksContain(networks, address))) {
        limits.push({
          key: `${service} ${prefix}`,
          openMax: open * CONNECTIONS_PER_PREFIX_FACTOR,
          perMinuteMax: perMinute * CONNECTIONS_PER_PREFIX_FACTOR,
        })
      }
      return connections.enter(limits)
    },
  }
}
