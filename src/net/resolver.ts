import { domainToASCII } from 'node:url'
import { never } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/random.ts'
import type { Endpoint } from '../model/connection.ts'
import { DNS_CACHE_MAX, DNS_CNAMES_MAX, DNS_FAILURE_TTL_SECONDS, DNS_TIMEOUT_MS, DNS_TRIES } from '../model/limits.ts'
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from '../model/dns.ts'
import { exchange } from './dns-exchange.ts'
import type { DnsExchange } from './dns-exchange.ts'
import { normal, readAnswer } from './dns-message.ts'

export type ResolverOptions = {
  readonly clock: Clock
  readonly random: Random
  /** Asked in this order. */
  readonly servers: readonly Endpoint[]
  /** Believe the AD bit of servers on loopback: they validate DNSSEC. */
  readonly trustAd?: boolean
  readonly limits?: { timeoutMs?: number; tries?: number; cacheMax?: number }
}

type AnyAnswer = DnsAnswer<DnsRecords[DnsType]>
type Kept = { readonly answer: AnyAnswer; readonly until: number }
type Told = { readonly answer: AnyAnswer; readonly ttlSeconds: number }

/** A stub resolver: asks recursive servers, follows CNAMEs, keeps answers for their TTL. */
export function createResolver(options: ResolverOptions): Resolver {
  const { clock, random, servers } = options
  const timeoutMs = options.limits?.timeoutMs ?? DNS_TIMEOUT_MS
  const tries = options.limits?.tries ?? DNS_TRIES
  const cacheMax = options.limits?.cacheMax ?? DNS_CACHE_MAX
  const cache = new Map<string, Kept>()
  const asking = new Map<string, Promise<Told>>()
  const withoutEdns = new Set<Endpoint>()

  const trusts = (server: Endpoint): boolean => options.trustAd === true && isLoopback(server.address)

  async function exchangeWith(server: Endpoint, name: string, type: DnsType): Promise<DnsExchange> {
    const [high = 0, low = 0] = random.bytes(2)
    // Loopback has no strangers who could forge.
    const spelling = isLoopback(server.address) ? {} : { spelling: mixCase(name, random) }
    const question = { id: high * 256 + low, name, type, ...spelling }
    const common = { clock, server, question, timeoutMs, askAd: trusts(server) }
    const reply = await exchange({ ...common, edns: !withoutEdns.has(server) })
    if (reply.at !== 'no-edns' || withoutEdns.has(server)) return reply
    const plain = await exchange({ ...common, edns: false })
    if (plain.at === 'answer') withoutEdns.add(server) // RFC 6891 §7
    return plain
  }

  async function ask(name: string, type: DnsType, depth: number): Promise<Told> {
    let failure: AnyAnswer = { at: 'failed', why: 'network' }
    for (let attempt = 0; attempt < tries; attempt++) {
      for (const server of servers) {
        const reply = await exchangeWith(server, name, type)
        if (reply.at !== 'answer') {
          failure = { at: 'failed', why: whyOf(reply) }
          continue
        }
        const reading = readAnswer(reply, { id: 0, name, type }, trusts(server))
        if (reading.at === 'done') return reading
        if (depth >= DNS_CNAMES_MAX) return { answer: { at: 'failed', why: 'malformed' }, ttlSeconds: 0 }
        const end = await lookUp(reading.name, type, depth + 1)
        return through(end, reading)
      }
    }
    return { answer: failure, ttlSeconds: DNS_FAILURE_TTL_SECONDS }
  }

  /** From the cache, from a question already on its way, or from a server. */
  async function lookUp(name: string, type: DnsType, depth: number): Promise<Told> {
    const key = `${type} ${name}`
    const kept = cache.get(key)
    const now = clock.monotonic()
    if (kept !== undefined) {
      if (kept.until > now) return { answer: kept.answer, ttlSeconds: Math.ceil((kept.until - now) / 1000) }
      cache.delete(key)
    }
    const running = asking.get(key)
    // A question inside a CNAME chain does not wait for another: two chains that lead to each other would wait for ever.
    if (running !== undefined && depth === 0) return running
    const asked = ask(name, type, depth)
    if (depth === 0) asking.set(key, asked)
    const told = await asked
    if (depth === 0) asking.delete(key)
    keep(key, told)
    return told
  }

  function keep(key: string, told: Told): void {
    if (told.ttlSeconds <= 0) return
    cache.delete(key)
    for (const oldest of cache.keys()) {
      if (cache.size < cacheMax) break
      cache.delete(oldest)
    }
    cache.set(key, { answer: told.answer, until: clock.monotonic() + told.ttlSeconds * 1000 })
  }

  return {
    async query<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      const asked = lookupName(name)
      if (asked === null) return { at: 'no-such-domain' }
      const local = specialUse(asked, type)
      const answer = local ?? (await lookUp(asked, type, 0)).answer
      return answer as DnsAnswer<DnsRecords[T]>
    },
  }
}

function through(end: Told, chain: { name: string; ttlSeconds: number; authenticated: boolean }): Told {
  const ttlSeconds = Math.min(end.ttlSeconds, chain.ttlSeconds)
  if (end.answer.at === 'failed') return { answer: end.answer, ttlSeconds }
  const authenticated = end.answer.authenticated === true && chain.authenticated
  if (end.answer.at !== 'found')
    return { answer: { at: end.answer.at, ...(authenticated ? { authenticated } : {}) }, ttlSeconds }
  const canonical = end.answer.canonical ?? chain.name
  return { answer: { ...end.answer, ttlSeconds, authenticated, canonical }, ttlSeconds }
}

/** Letters in a case by chance: more that a forger would have to guess (draft-vixie-dnsext-dns0x20 §3). */
export function mixCase(name: string, random: Random): string {
  const chance = random.bytes(name.length)
  return name.replace(/[a-z]/g, (letter, at: number) => ((chance[at] ?? 0) & 1 ? letter.toUpperCase() : letter))
}

function whyOf(reply: Exclude<DnsExchange, { at: 'answer' }>): Extract<AnyAnswer, { at: 'failed' }>['why'] {
  switch (reply.at) {
    case 'no-edns':
    case 'malformed':
      return 'malformed'
    case 'timeout':
    case 'network':
    case 'refused':
    case 'servfail':
      return reply.at
    default:
      return never(reply)
  }
}

/** A name as it is asked for, or null when no such name can exist (RFC 1035 §2.3.4). */
function lookupName(name: string): string | null {
  const plain = normal(name)
  const ascii = /^[\x00-\x7f]*$/.test(plain) ? plain : domainToASCII(plain)
  if (ascii === '' || ascii.length > 253) return null
  return ascii.split('.').every((label) => label !== '' && label.length <= 63) ? ascii : null
}

/** RFC 6761 §6.3, §6.4: answered here. */
function specialUse(name: string, type: DnsType): AnyAnswer | null {
  if (name === 'invalid' || name.endsWith('.invalid')) return { at: 'no-such-domain' }
  if (name !== 'localhost' && !name.endsWith('.localhost')) return null
  if (type !== 'A' && type !== 'AAAA') return { at: 'no-data' }
  return { at: 'found', records: [type === 'A' ? '127.0.0.1' : '::1'], ttlSeconds: 3600, authenticated: false }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
