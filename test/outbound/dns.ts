import type { DnsAnswer, DnsRecords, DnsType, Resolver } from '../../src/model/dns.ts'

export type Zone = Record<string, { [T in DnsType]?: readonly DnsRecords[T][] | 'failed' | 'no-such-domain' }>

/** Names that are not in the zone do not exist; types that are not have no data. */
export function createTestResolver(
  zone: Zone,
  { authenticated = false }: { authenticated?: boolean } = {},
): Resolver & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    async query<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      asked.push(`${name} ${type}`)
      await Promise.resolve()
      const types = zone[name]
      if (types === undefined) return { at: 'no-such-domain' }
      const records = types[type]
      if (records === undefined) return { at: 'no-data' }
      if (records === 'failed') return { at: 'failed', why: 'servfail' }
      if (records === 'no-such-domain') return { at: 'no-such-domain' }
      return { at: 'found', records, ttlSeconds: 60, authenticated }
    },
  }
}

/** A domain with MX hosts, one address each. */
export function mx(
  domain: string,
  ...hosts: readonly (readonly [preference: number, name: string, address: string])[]
): Zone {
  const zone: Zone = { [domain]: { MX: hosts.map(([preference, exchange]) => ({ preference, exchange })) } }
  for (const [, name, address] of hosts) zone[name] = { A: [address] }
  return zone
}
