import type { Endpoint } from '../../../model/connection.ts'
import { DOCTOR_DNS_TIMEOUT_MS } from '../../../model/limits.ts'
import type { Resolver } from '../../../model/dns.ts'
import { createResolver } from '../../../net/resolver.ts'
import type { Clock } from '../../../std/clock.ts'
import type { Random } from '../../../std/random.ts'
import type { Probes } from '../contract.ts'

const DNS_PORT = 53

/** Finds the zone that a name lies in and the addresses of its servers, through a resolver, and asks those. */
export function createAuthority(parts: {
  readonly resolver: Resolver
  readonly clock: Clock
  readonly random: Random
  /** For tests, whose servers cannot have 53. */
  readonly port?: number
}): Probes['authority'] {
  const { resolver, clock, random, port = DNS_PORT } = parts
  const zones = new Map<string, ReturnType<Probes['authority']>>()

  async function serversOf(zone: string): Promise<Endpoint[]> {
    const names = await resolver.query(zone, 'NS')
    if (names.at !== 'found') return []
    const addresses = await Promise.all(
      names.records.map(async (name) => {
        const found = await Promise.all([resolver.query(name, 'A'), resolver.query(name, 'AAAA')])
        return found.flatMap((answer) => (answer.at === 'found' ? answer.records : []))
      }),
    )
    return addresses.flat().map((address) => ({ address, port }))
  }

  async function open(zone: string): ReturnType<Probes['authority']> {
    const servers = await serversOf(zone)
    if (servers.length === 0) return null
    const own = createResolver({ clock, random, servers, limits: { timeoutMs: DOCTOR_DNS_TIMEOUT_MS, tries: 1 } })
    const probe = await own.query(zone, 'SOA')
    return probe.at === 'found' ? { zone, resolver: own } : null // 53 to strangers may be shut from here.
  }

  return async (name) => {
    const zone = await zoneOf(name, resolver)
    if (zone === null) return null
    let opened = zones.get(zone)
    if (opened === undefined) {
      opened = open(zone)
      zones.set(zone, opened)
    }
    return opened
  }
}

/** The closest name upward that has an SOA (RFC 1034 §4.2). */
export async function zoneOf(name: string, resolver: Resolver): Promise<string | null> {
  for (let at = name; at.includes('.'); at = at.slice(at.indexOf('.') + 1)) {
    const answer = await resolver.query(at, 'SOA')
    if (answer.at === 'found') return at
    if (answer.at === 'failed') return null
  }
  return null
}
