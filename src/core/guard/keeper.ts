import { never } from '../../std/assert.ts'
import type { Cancel, Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import {
  BAN_DURATIONS_MS,
  BAN_EVIDENCE_MAX,
  BAN_GUESSES,
  BAN_MEMORY_MS,
  BAN_WINDOW_MS,
  BANS_MAX,
  FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX,
  FAILED_LOGINS_PER_PREFIX_FACTOR,
  GUARD_ADDRESSES_MAX,
  GUARD_GUESSES_MAX,
  GUARD_KNOWN_PAIR_MS,
  GUARD_KNOWN_PAIRS_MAX,
} from '../../model/limits.ts'
import {
  LOOPBACK_NETWORKS,
  networkAround,
  networksOverlap,
  parseIp,
  parseNetwork,
  printNetwork,
  type Network,
} from '../../model/network.ts'
import { PORT_GROUPS, type PortGroup } from '../../model/service.ts'
import { DAY, HOUR } from '../../std/clock.ts'
import type { Ban, BanExemption, BanOperator, FailedLogin } from '../contract.ts'
import { createHiddenVisitorsWatch } from './hidden-visitors.ts'
import { createNetworkMap } from './network-map.ts'
import type { GuardNews, KnownPair } from './news.ts'
import { createRecent } from './recent.ts'

/** What outlives a restart. `history`: how often a network was banned, and when its last ban ended or ends. */
export type KeptBans = {
  readonly bans: readonly Ban[]
  readonly history: readonly { readonly network: string; readonly times: number; readonly until: number }[]
  readonly known: readonly KnownPair[]
}

export const NOTHING_KEPT: KeptBans = { bans: [], history: [], known: [] }

/** Networks that are never banned, and why; loopback is known without saying. */
export type Exemptions = readonly { readonly why: BanExemption; readonly networks: readonly Network[] }[]

export type BanKeeper = BanOperator & {
  hear(news: GuardNews): void
  /** Whom `exempt` spares has changed: bans on them are lifted. */
  exemptionsChanged(): void
  /** What to keep now. */
  kept(): KeptBans
  /** Bans that hold, by group. */
  counts(): Readonly<Record<PortGroup, number>>
  stop(): void
}

/** Failed logins of one network: times (monotonic) of guesses that count, and the last attempts as they were. */
type FailuresOf = { guesses: number[]; evidence: FailedLogin[]; hosts: Set<string> }

const V6_HOST_BITS = 64
const V6_SITE_BITS = 48
/** A /48 is banned when that many of its /64 have guessed. */
const V6_SITE_HOSTS = 3

/**
 * Decides about bans for all threads; one per process, in the main thread. Hears every guard's news.
 * Times of bans are wall times so that they can be kept; what ends them is the monotonic clock (R12).
 * Choice: an IPv4 address is banned alone, never its /24, where strangers live; IPv6 by /64, and by /48 when several of its /64 guess.
 * @param options.exempt asked at each decision: a gateway may change
 * @param options.tell reaches every guard
 * @param options.changed something is to be kept
 */
export function createBanKeeper(options: {
  clock: Clock
  log: Log
  exempt: () => Exemptions
  tell: (news: GuardNews) => void
  changed?: () => void
  kept?: KeptBans
}): BanKeeper {
  const { clock, log, exempt, tell, changed = () => {}, kept = NOTHING_KEPT } = options
  type Held = { ban: Ban; network: Network; end: Cancel }
  const held: Record<PortGroup, ReturnType<typeof createNetworkMap<Held>>> = {
    mail: createNetworkMap(),
    mx: createNetworkMap(),
    web: createNetworkMap(),
  }
  const history = createRecent<{ times: number; until: number }>({
    entriesMax: BANS_MAX,
    make: () => ({ times: 0, until: 0 }),
  })
  const failures = createRecent<FailuresOf>({
    entriesMax: GUARD_ADDRESSES_MAX,
    make: () => ({ guesses: [], evidence: [], hosts: new Set() }),
  })
  const counted = createRecent<true>({ entriesMax: GUARD_GUESSES_MAX, make: () => true })
  const spared = createRecent<{ at: number }>({ entriesMax: GUARD_ADDRESSES_MAX, make: () => ({ at: -Infinity }) })
  const known = createRecent<{ pair: KnownPair | null }>({
    entriesMax: GUARD_KNOWN_PAIRS_MAX,
    make: () => ({ pair: null }),
  })
  /** Addresses of signed-in connections, by guard and cid. */
  const sessions = new Map<string, Map<string, Network>>()
  const hidden = createHiddenVisitorsWatch({ log })

  const all = (): Held[] => [...held.mail.values(), ...held.mx.values(), ...held.web.values()]
  const size = (): number => held.mail.size + held.mx.size + held.web.size

  const exemption = (network: Network): BanExemption | null => {
    const touches = (networks: readonly Network[]): boolean => networks.some((one) => networksOverlap(one, network))
    if (touches(LOOPBACK_NETWORKS)) return 'loopback'
    for (const { why, networks } of exempt()) if (touches(networks)) return why
    for (const addresses of sessions.values()) if (touches([...addresses.values()])) return 'signed-in'
    return null
  }

  const factsOf = ({ network, group, until, reason, by, times }: Ban): Record<string, unknown> => ({
    network,
    group,
    until: new Date(until).toISOString(),
    by,
    times,
    reason,
  })

  const drop = (one: Held): void => {
    one.end()
    held[one.ban.group].delete(one.network)
  }

  const hold = (ban: Ban, network: Network): void => {
    held[ban.group].get(network)?.end()
    const end = clock.timer(Math.max(0, ban.until - clock.now()), () => {
      held[ban.group].delete(network)
      tell({ news: 'lift', network: ban.network, group: ban.group, forgive: false })
      log.info({ event: 'ban.expired', network: ban.network, group: ban.group })
      changed()
    })
    held[ban.group].set(network, { ban, network, end })
  }

  /** Makes room by the ban of ours that ends first. @returns false when administrators' bans take all room */
  const room = (): boolean => {
    if (size() < BANS_MAX) return true
    const ours = all().filter(({ ban }) => ban.by === 'failed-logins')
    if (ours.length === 0) return false
    const first = ours.reduce((a, b) => (a.ban.until <= b.ban.until ? a : b))
    drop(first)
    tell({ news: 'lift', network: first.ban.network, group: first.ban.group, forgive: false })
    return true
  }

  const announce = (ban: Ban, network: Network): void => {
    hold(ban, network)
    tell({ news: 'ban', ban })
    log.warn({ event: 'ban.added', ...factsOf(ban) })
    changed()
  }

  /** How often the network has been banned before, lately. */
  const timesBefore = (network: string): number => {
    const past = history.peek(network)
    return past === undefined || clock.now() - past.until > BAN_MEMORY_MS ? 0 : past.times
  }

  const banForFailures = (network: Network, group: PortGroup, record: FailuresOf): void => {
    const text = printNetwork(network)
    if (held[group].get(network) !== undefined) return
    const why = exemption(network)
    if (why !== null) {
      const last = spared.get(text)
      if (clock.monotonic() - last.at < HOUR) return
      last.at = clock.monotonic()
      log.warn({ event: 'ban.spared', network: text, group, why, guesses: record.guesses.length })
      return
    }
    if (!room()) return
    const times = timesBefore(text) + 1
    const since = clock.now()
    const until = since + BAN_DURATIONS_MS[Math.min(times, BAN_DURATIONS_MS.length) - 1]!
    const past = history.get(text)
    past.times = times
    past.until = until
    const reason = `${record.guesses.length} wrong passwords`
    const evidence = [...record.evidence]
    record.guesses = []
    announce({ network: text, group, since, until, reason, by: 'failed-logins', times, evidence }, network)
  }

  const isEnough = ({ guesses }: FailuresOf, factor: number): boolean => {
    const now = clock.monotonic()
    const within = (count: number, ms: number): boolean => {
      const at = guesses.at(-count)
      return at !== undefined && now - at < ms
    }
    return within(BAN_GUESSES * factor, BAN_WINDOW_MS) || within(FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX * factor, DAY)
  }

  const noteFailure = (address: string, facts: (FailedLogin & { readonly guess: string | null }) | null): void => {
    const octets = parseIp(address)
    if (octets === null || facts === null) return
    const { guess, ...attempt } = facts
    const host = networkAround(octets, octets.length === 4 ? 32 : V6_HOST_BITS)
    const networks = octets.length === 4 ? [host] : [host, networkAround(octets, V6_SITE_BITS)]
    const again = guess !== null && counted.peek(`${host.text} ${guess}`) !== undefined
    if (guess !== null) counted.get(`${host.text} ${guess}`)
    for (const network of networks) {
      const record = failures.get(network.text)
      record.evidence.push(attempt)
      if (record.evidence.length > BAN_EVIDENCE_MAX) record.evidence.shift()
      if (again) continue
      const factor = network === host ? 1 : FAILED_LOGINS_PER_PREFIX_FACTOR
      record.guesses.push(clock.monotonic())
      if (record.guesses.length > FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX * factor) record.guesses.shift()
      if (network !== host && record.hosts.size < V6_SITE_HOSTS) record.hosts.add(host.text)
      if (network !== host && record.hosts.size < V6_SITE_HOSTS) continue
      if (isEnough(record, factor)) banForFailures(network, PORT_GROUPS[attempt.service], record)
    }
  }

  const knownPairs = (): KnownPair[] => {
    const pairs: KnownPair[] = []
    for (const { pair } of known.values()) {
      if (pair !== null && clock.now() - pair.at < GUARD_KNOWN_PAIR_MS) pairs.push(pair)
    }
    return pairs
  }

  /** What a person wrote, as it is banned: one IPv6 address stands for its /64. */
  const targetOf = (target: string): Network | string => {
    const parsed = parseNetwork(target.trim())
    if (!parsed.ok) return parsed.error
    const { octets, prefixBits } = parsed.value
    return octets.length === 16 && prefixBits > V6_HOST_BITS ? networkAround(octets, V6_HOST_BITS) : parsed.value
  }

  for (const { network, times, until } of kept.history) Object.assign(history.get(network), { times, until })
  for (const pair of kept.known) known.get(`${pair.host} ${pair.user}`).pair = pair
  for (const ban of kept.bans) {
    const parsed = parseNetwork(ban.network)
    // A network that has become exempt since is not banned again (MC#808).
    if (parsed.ok && ban.until > clock.now() && exemption(parsed.value) === null) hold(ban, parsed.value)
  }

  return {
    hear(news) {
      switch (news.news) {
        case 'failed':
          return noteFailure(news.address, news.facts)
        case 'succeeded': {
          const octets = parseIp(news.address)
          // Its own count only, as in the guards (S6).
          if (octets !== null) failures.delete(networkAround(octets, octets.length === 4 ? 32 : V6_HOST_BITS).text)
          if (news.known === null) return
          known.get(`${news.known.host} ${news.known.user}`).pair = news.known
          return changed()
        }
        case 'session': {
          const ofGuard = sessions.getOrInsertComputed(news.guard, () => new Map<string, Network>())
          const address = parseNetwork(news.address)
          if (!news.open) ofGuard.delete(news.cid)
          else if (address.ok) ofGuard.set(news.cid, address.value)
          return
        }
        case 'visitors':
          return hidden.count(news.counts)
        case 'hello':
          sessions.delete(news.guard) // An earlier run of that thread: its connections are gone.
          return tell({ news: 'state', bans: all().map(({ ban }) => ban), known: knownPairs() })
        case 'guess':
        case 'silent':
        case 'unknown-recipients':
        case 'state':
        case 'ban':
        case 'lift':
          return
        default:
          return never(news)
      }
    },

    list: () =>
      all()
        .map(({ ban }) => ban)
        .toSorted((a, b) => b.since - a.since),

    add({ target, groups, forMs, reason }) {
      const network = targetOf(target)
      if (typeof network === 'string') return { at: 'bad-target', why: network }
      const why = exemption(network)
      if (why !== null) return { at: 'exempt', why }
      if (!room()) return { at: 'full' }
      const since = clock.now()
      const bans = groups.map((group): Ban => ({
        network: printNetwork(network),
        group,
        since,
        until: since + forMs,
        reason,
        by: 'administrator',
        times: timesBefore(printNetwork(network)) + 1,
        evidence: failures.peek(printNetwork(network))?.evidence.slice() ?? [],
      }))
      for (const ban of bans) announce(ban, network)
      return { at: 'done', bans }
    },

    remove(target) {
      const network = targetOf(target)
      if (typeof network === 'string') return { at: 'bad-target', why: network }
      const touched = all().filter((one) => networksOverlap(one.network, network))
      for (const one of touched) {
        drop(one)
        tell({ news: 'lift', network: one.ban.network, group: one.ban.group, forgive: true })
        log.info({ event: 'ban.lifted', network: one.ban.network, group: one.ban.group })
        history.delete(one.ban.network) // An administrator who lifts a ban has forgiven it.
      }
      // Failures that were not yet enough are forgiven as well.
      tell({ news: 'lift', network: printNetwork(network), group: 'mail', forgive: true })
      const within = (key: string): boolean => {
        const parsed = parseNetwork(key)
        return parsed.ok && networksOverlap(parsed.value, network)
      }
      failures.deleteWhere(within)
      counted.deleteWhere((key) => within(key.slice(0, key.indexOf(' '))))
      changed()
      return { at: 'done', bans: touched.map(({ ban }) => ban) }
    },

    exemptionsChanged() {
      for (const one of all()) {
        const why = exemption(one.network)
        if (why === null || why === 'signed-in') continue
        drop(one)
        tell({ news: 'lift', network: one.ban.network, group: one.ban.group, forgive: true })
        log.info({ event: 'ban.lifted', network: one.ban.network, group: one.ban.group, why })
        changed()
      }
    },

    why(target) {
      const network = targetOf(target)
      if (typeof network === 'string') return { at: 'bad-target', why: network }
      return {
        address: printNetwork(network),
        bans: all()
          .filter((one) => networksOverlap(one.network, network))
          .map(({ ban }) => ban),
        exempt: exemption(network),
        failures: failures.peek(printNetwork(network))?.evidence.slice() ?? [],
      }
    },

    hiddenVisitors: () => hidden.now(),
    counts: () => ({ mail: held.mail.size, mx: held.mx.size, web: held.web.size }),
    kept: () => ({
      bans: all().map(({ ban }) => ban),
      history: [...history.entries()]
        .filter(([, { until }]) => clock.now() - until < BAN_MEMORY_MS)
        .map(([network, past]) => ({ network, ...past })),
      known: knownPairs(),
    }),
    stop() {
      for (const one of all()) one.end()
    },
  }
}
