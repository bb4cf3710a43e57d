import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DnsAnswer, DnsRecords, DnsType } from '../../model/dns.ts'
import { DNSBL_POINTS } from '../../model/limits.ts'
import { askDnsbl } from './dnsbl.ts'

const LIST = 'list.test'
const V6 = '2001:db8::1'
const V6_NAME = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2'

const found = (...records: string[]): DnsAnswer<DnsRecords[DnsType]> => ({
  at: 'found',
  records,
  ttlSeconds: 60,
  authenticated: false,
})

type Zone = Readonly<Record<string, DnsAnswer<DnsRecords[DnsType]>>>
const failed = { at: 'failed', why: 'timeout' } as const

test('DNSBL: what the answers mean (RFC 5782 §2.1, §2.4, §5)', async () => {
  const listed = '4.2.0.192'
  const table: readonly (readonly [string, string, Zone, string])[] = [
    ['listed', '192.0.2.4', { [listed]: found('127.0.0.2') }, 'listed'],
    ['IPv6, nibble by nibble', V6, { [V6_NAME]: found('127.0.0.2') }, 'listed'],
    ['IPv4 in the dress of IPv6', '::ffff:192.0.2.4', { [listed]: found('127.0.0.2') }, 'listed'],
    ['not listed', '192.0.2.4', {}, 'not-listed'],
    ['an answer for everybody who asks too much', '192.0.2.4', { [listed]: found('127.255.255.254') }, 'refused'],
    ['a sold domain: an address of somebody', '192.0.2.4', { [listed]: found('203.0.113.7') }, 'not-listed'],
    [
      'a dead list: all are on it',
      '192.0.2.4',
      { [listed]: found('127.0.0.2'), '1.0.0.127': found('127.0.0.2') },
      'dead',
    ],
    ['no answer', '192.0.2.4', { [listed]: failed }, 'failed'],
    [
      'no answer to the test entry is no proof',
      '192.0.2.4',
      { [listed]: found('127.0.0.2'), '1.0.0.127': failed },
      'listed',
    ],
    ['no address', 'nonsense', {}, 'not-listed'],
  ]
  for (const [name, address, zone, expected] of table) {
    const answer = await askDnsbl(LIST, address, async (question) => {
      assert.ok(question.name.endsWith(`.${LIST}`))
      return zone[question.name.slice(0, -LIST.length - 1)] ?? { at: 'no-such-domain' }
    })
    assert.equal(answer.at, expected, name)
    if (answer.at === 'listed') assert.equal(answer.finding.points, DNSBL_POINTS)
  }
})
