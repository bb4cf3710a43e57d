import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { SPF_EXPLANATION_MAX_CHARACTERS, SPF_RECORD_MAX_CHARACTERS } from '../../model/limits.ts'
import { askAtOnce } from '../ask.ts'
import type { SpfResult } from '../contract.ts'
import { cannedDns, type Zone } from '../testing/canned-dns.ts'
import { checkSpf, type SpfInput } from './check.ts'

type Vectors = readonly {
  readonly description: string
  readonly tests: readonly {
    readonly name: string
    readonly spec: string | readonly string[] | null
    readonly helo: string
    readonly host: string
    readonly mailfrom: string
    readonly results: readonly string[]
    readonly explanation?: string
  }[]
  readonly zone: Record<string, readonly (readonly [type: string, value: unknown])[]>
}[]

const VECTORS = JSON.parse(
  readFileSync(new URL('../../../test/vectors/spf/rfc7208-tests.json', import.meta.url), 'utf8'),
) as Vectors

/** In the vectors, records of the former type SPF stand for TXT, where there is no TXT. */
function zoneOf(records: Vectors[number]['zone']): Zone {
  return Object.fromEntries(
    Object.entries(records).map(([name, all]) => {
      const hasTxt = all.some(([type]) => type === 'TXT')
      const asTxt = all.flatMap(([type, value]): [string, unknown][] => {
        if (type !== 'SPF') return value === 'NONE' ? [] : [[type, value]]
        return hasTxt || value === 'NONE' ? [] : [['TXT', value]]
      })
      return [name, asTxt]
    }),
  )
}

function check(dns: ReturnType<typeof cannedDns>, input: Partial<SpfInput> & { mailfrom: string }): SpfResult {
  const at = input.mailfrom.lastIndexOf('@')
  const sender =
    input.mailfrom === ''
      ? null
      : { localPart: at < 0 ? '' : input.mailfrom.slice(0, at), domain: input.mailfrom.slice(at + 1) }
  const common = { address: '192.0.2.1', helo: 'mail.example.net', receiver: 'mx.gavan.test', now: 0 }
  return askAtOnce(checkSpf({ ...common, ...input, sender }), dns)
}

for (const { description, tests, zone } of VECTORS) {
  suite(`RFC 7208 vectors: ${description}`, () => {
    const dns = cannedDns(zoneOf(zone))
    for (const { name, helo, host, mailfrom, results, explanation } of tests) {
      test(name, () => {
        const { result, why, explanation: told } = check(dns, { address: host, helo, mailfrom })
        assert.ok(results.includes(result), `${result} (${why}) instead of ${results.join(' or ')}`)
        // Names in any case.
        if (explanation !== undefined && explanation !== 'DEFAULT')
          assert.equal(told?.toLowerCase(), explanation.toLowerCase())
        if (explanation === 'DEFAULT') assert.equal(told, null)
      })
    }
  })
}

test('a name of more octets than DNS has, and words of a domain that are too long', () => {
  const dns = cannedDns({
    'a.test': [['TXT', 'v=spf1 -all exp=why.a.test']],
    'why.a.test': [['TXT', 'no '.repeat(200)]],
  })
  assert.equal(check(dns, { mailfrom: 'x@a.test' }).explanation?.length, SPF_EXPLANATION_MAX_CHARACTERS)
  assert.equal(check(dns, { mailfrom: `x@${'a.'.repeat(126)}test` }).result, 'none')
})

test('a record, and an explanation, of one character more than is read', () => {
  const record = (length: number): string =>
    `v=spf1 -all exp=why.a.test ${'x'.repeat(length)}`.slice(0, length - 2) + '=1'
  const words = (length: number): Zone => ({
    'a.test': [['TXT', 'v=spf1 -all exp=why.a.test']],
    'why.a.test': [['TXT', 'y'.repeat(length)]],
  })
  const of = (zone: Zone): SpfResult => check(cannedDns(zone), { mailfrom: 'x@a.test' })
  assert.equal(of({ 'a.test': [['TXT', record(SPF_RECORD_MAX_CHARACTERS)]] }).result, 'fail')
  assert.equal(of({ 'a.test': [['TXT', record(SPF_RECORD_MAX_CHARACTERS + 1)]] }).result, 'permerror')
  assert.ok((of(words(SPF_RECORD_MAX_CHARACTERS)).explanation ?? '') !== '')
  assert.equal(of(words(SPF_RECORD_MAX_CHARACTERS + 1)).explanation, null)
})

test('three hosts of IPv4 that take mail are no error of one with IPv6', () => {
  const hosts = ['x.a.test', 'y.a.test', 'z.a.test']
  const dns = cannedDns({
    'a.test': [['TXT', 'v=spf1 mx ip6:2001:db8::/32 -all'], ...hosts.map((host) => ['MX', [1, host]] as const)],
    ...Object.fromEntries(hosts.map((host) => [host, [['A', '192.0.2.1']]])),
  })
  assert.equal(check(dns, { mailfrom: 'x@a.test', address: '2001:db8::1' }).result, 'pass')
})

test('IPv4 in IPv6 is IPv4, in ip6 too', () => {
  const dns = cannedDns({ 'a.test': [['TXT', 'v=spf1 ip6:::ffff:192.0.2.0/120 -all']] })
  assert.equal(check(dns, { mailfrom: 'x@a.test', address: '::ffff:192.0.2.9' }).result, 'pass')
  assert.equal(check(dns, { mailfrom: 'x@a.test', address: '192.0.3.9' }).result, 'fail')
})

test('the HELO name where there is no sender', () => {
  const dns = cannedDns({ 'mail.example.net': [['TXT', 'v=spf1 ip4:192.0.2.1 -all']] })
  const { result, scope, domain } = check(dns, { mailfrom: '' })
  assert.deepEqual({ result, scope, domain }, { result: 'pass', scope: 'helo', domain: 'mail.example.net' })
})
