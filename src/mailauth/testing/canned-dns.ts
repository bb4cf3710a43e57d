/** DNS from a table, for tests of verdicts. */
import type { DnsAnswer, DnsRecords, DnsType } from '../../model/dns.ts'
import type { DnsQuestion } from '../contract.ts'

/** By name: type and value. TXT in several strings as a list; MX as [preference, host]; TIMEOUT fails whatever is asked. */
export type Zone = Readonly<Record<string, readonly (readonly [type: string, value: unknown])[]>>

export function cannedDns(zone: Zone): (question: DnsQuestion) => DnsAnswer<DnsRecords[DnsType]> {
  const byName = new Map(Object.entries(zone).map(([name, records]) => [name.toLowerCase(), records]))
  function answer({ name, type }: DnsQuestion, depth = 0): DnsAnswer<DnsRecords[DnsType]> {
    const records = byName.get(name.toLowerCase())
    if (records === undefined) return { at: 'no-such-domain' }
    const found = records.filter(([each]) => each === type).map(([, value]) => valueOf(type, value))
    if (found.length > 0) return { at: 'found', records: found, ttlSeconds: 60, authenticated: false }
    const alias = records.find(([each]) => each === 'CNAME')
    if (alias !== undefined && depth < 10) return answer({ name: String(alias[1]), type }, depth + 1)
    if (records.some(([each]) => each === 'TIMEOUT')) return { at: 'failed', why: 'timeout' }
    return { at: 'no-data' }
  }
  return (question) => answer(question)
}

function valueOf(type: DnsType, value: unknown): DnsRecords[DnsType] {
  if (type === 'TXT') return Array.isArray(value) ? value.join('') : String(value)
  if (type === 'MX') {
    const [preference, exchange] = value as [number, string]
    return { preference, exchange: exchange.toLowerCase() }
  }
  return type === 'PTR' ? String(value).toLowerCase() : String(value)
}
