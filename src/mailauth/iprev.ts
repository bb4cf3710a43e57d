/** Whether the name of an address leads back to it (RFC 8601 §3). */
import { IPREV_NAMES_MAX } from '../model/limits.ts'
import { parseIp } from '../model/network.ts'
import type { Asking, IprevResult } from './contract.ts'
import { reverseName } from './spf/check.ts'

export function* checkIprev(text: string): Asking<IprevResult> {
  const address = parseIp(text)
  if (address === null) return { result: 'permerror', name: null }
  const answer = yield { name: reverseName(address), type: 'PTR' }
  if (answer.at === 'failed') return { result: 'temperror', name: null }
  const names = answer.at === 'found' ? (answer.records as readonly string[]) : []
  if (names.length === 0) return { result: 'fail', name: null }
  let failed = false
  for (const name of names.slice(0, IPREV_NAMES_MAX)) {
    const found = yield { name, type: address.length === 4 ? 'A' : 'AAAA' }
    failed ||= found.at === 'failed'
    const there = found.at === 'found' ? (found.records as readonly string[]) : []
    if (there.some((each) => Buffer.from(parseIp(each) ?? []).equals(Buffer.from(address))))
      return { result: 'pass', name }
  }
  return { result: failed ? 'temperror' : 'fail', name: null }
}
