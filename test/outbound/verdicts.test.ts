import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { DnsAnswer, TlsaRecord } from '../../src/model/dns.ts'
import { askAtOnce } from '../../src/mailauth/ask.ts'
import { checkDane, isUsable } from '../../src/mailauth/dane/tlsa.ts'
import { findDane } from '../../src/mailauth/dane/lookup.ts'
import { findStsRecord, parseStsRecord } from '../../src/mailauth/mta-sts/record.ts'
import { parseStsPolicy, printStsPolicy, stsAllows } from '../../src/format/mta-sts/policy.ts'
import { MTA_STS_MAX_AGE_SECONDS, MTA_STS_MX_MAX } from '../../src/model/limits.ts'
import { isGlobalAddress } from '../../src/model/global-address.ts'
import { createTestCa, tlsaOf } from './secure-host.ts'

suite('DANE (RFC 6698, 7671, 7672)', async () => {
  const ca = await createTestCa()
  const other = await createTestCa()
  const leaf = await ca.leaf('mx.away.example')
  const expired = await ca.leaf('mx.away.example', { expired: true })
  const elsewhere = await ca.leaf('other.example')
  const at = Date.now()
  const names = ['mx.away.example', 'away.example']
  const check = (records: readonly TlsaRecord[], chain: readonly Buffer[]): string => {
    const verdict = checkDane(records, chain, { names, at })
    return verdict.at === 'match' ? 'match' : verdict.problem
  }
  const SELECTORS = [0, 1] as const
  const MATCHING = [0, 1, 2] as const

  for (const selector of SELECTORS)
    for (const matching of MATCHING)
      test(`usages 3 and 2, selector ${selector}, matching ${matching}`, () => {
        const ee = tlsaOf(3, selector, matching, leaf)
        const ta = tlsaOf(2, selector, matching, ca)
        assert.equal(isUsable(ee), true)
        assert.equal(isUsable(ta), true)
        assert.equal(check([ee], [leaf.der]), 'match')
        assert.equal(check([ee], [elsewhere.der]), 'validation-failure')
        assert.equal(check([ta], [leaf.der, ca.der]), 'match')
        assert.equal(check([tlsaOf(2, selector, matching, other)], [leaf.der, ca.der]), 'validation-failure')
        assert.equal(check([ta], [elsewhere.der, ca.der]), 'certificate-host-mismatch')
        assert.equal(check([ta], [expired.der, ca.der]), 'certificate-expired')
        // An anchor that is not sent can only be used where the record holds it whole.
        assert.equal(check([ta], [leaf.der]), matching === 0 ? 'match' : 'validation-failure')
      })

  test('DANE-EE asks for neither name nor date (RFC 7672 §3.1.1)', () => {
    assert.equal(check([tlsaOf(3, 1, 1, expired)], [expired.der]), 'match')
    assert.equal(check([tlsaOf(3, 1, 1, elsewhere)], [elsewhere.der]), 'match')
  })

  test('a leaf under another CA of the same name is no match; nor is an empty chain, or garbage', () => {
    assert.equal(check([tlsaOf(2, 0, 1, ca)], [leaf.der, other.der, ca.der]), 'match')
    assert.equal(check([tlsaOf(2, 0, 1, other)], [leaf.der, other.der]), 'validation-failure')
    assert.equal(check([tlsaOf(3, 1, 1, leaf)], []), 'validation-failure')
    assert.equal(check([tlsaOf(3, 1, 1, leaf)], [Buffer.from('garbage')]), 'validation-failure')
  })

  test('the stronger digest counts (RFC 7671 §9)', () => {
    const wrong = tlsaOf(3, 1, 2, elsewhere)
    assert.equal(check([tlsaOf(3, 1, 1, leaf), wrong], [leaf.der]), 'validation-failure')
    assert.equal(check([tlsaOf(3, 0, 1, leaf), wrong], [leaf.der]), 'match')
  })

  test('what is unusable', () => {
    const good = tlsaOf(3, 1, 1, leaf)
    for (const change of [{ usage: 0 }, { usage: 1 }, { usage: 4 }, { selector: 2 }, { matching: 3 }, { data: 'ab' }])
      assert.equal(isUsable({ ...good, ...change }), false, JSON.stringify(change))
    assert.equal(isUsable({ ...good, matching: 0, data: 'abcd' }), false)
  })

  const found = (records: readonly unknown[], authenticated: boolean, canonical?: string) =>
    ({
      at: 'found',
      records,
      ttlSeconds: 60,
      authenticated,
      ...(canonical === undefined ? {} : { canonical }),
    }) as DnsAnswer<never>
  const record = tlsaOf(3, 1, 1, leaf)
  const look = (addresses: readonly DnsAnswer<string>[], dns: Record<string, DnsAnswer<never>>) => {
    const asked: string[] = []
    const binding = askAtOnce(findDane({ host: 'mx.example', port: 25, addresses }), ({ name, type }) => {
      asked.push(`${type} ${name}`)
      return dns[`${type} ${name}`] ?? { at: 'no-data', authenticated: true }
    })
    return { at: binding.at, base: 'base' in binding ? binding.base : null, asked }
  }
  const TLSA = 'TLSA _25._tcp.mx.example'
  const NONE: DnsAnswer<string> = { at: 'no-data' }

  test('where TLSA records are looked for, and what of DNS stops', () => {
    const secure = [found(['192.0.2.1'], true), NONE]
    assert.deepEqual(look(secure, { [TLSA]: found([record], true) }), {
      at: 'bound',
      base: 'mx.example',
      asked: [TLSA],
    })
    assert.equal(look(secure, { [TLSA]: found([record], false) }).at, 'none')
    assert.equal(look(secure, {}).at, 'none')
    assert.equal(look(secure, { [TLSA]: found([{ ...record, usage: 1 }], true) }).at, 'unusable')
    assert.equal(look(secure, { [TLSA]: { at: 'failed', why: 'servfail' } }).at, 'failed')
    assert.deepEqual(look([found(['192.0.2.1'], false), NONE], {}), { at: 'none', base: null, asked: [] })
    assert.deepEqual(look([found(['192.0.2.1'], true), found(['2001:db8::1'], false)], {}).asked, [])
    assert.equal(look([NONE, NONE], {}).at, 'none')
  })

  test('an alias: its end first, then itself; an insecure end leaves the alias (RFC 7672 §2.2.2)', () => {
    const end = [found(['192.0.2.1'], true, 'end.example')]
    assert.equal(look(end, { 'TLSA _25._tcp.end.example': found([record], true) }).base, 'end.example')
    assert.equal(look(end, { [TLSA]: found([record], true) }).base, 'mx.example')
    const loose = [found(['192.0.2.1'], false, 'end.example')]
    const dns = { [TLSA]: found([record], true) }
    assert.equal(look(loose, dns).at, 'none')
    assert.equal(look(loose, { ...dns, 'CNAME mx.example': found(['end.example'], true) }).base, 'mx.example')
  })
})

suite('MTA-STS (RFC 8461)', () => {
  test('the record', () => {
    const TABLE: readonly (readonly [string, string | null])[] = [
      ['v=STSv1; id=20160831085700Z;', '20160831085700Z'],
      ['v=STSv1;id=1', '1'],
      ['v=STSv1; id=1; more=x', '1'],
      [`v=STSv1; id=${'a'.repeat(32)};`, 'a'.repeat(32)],
      [`v=STSv1; id=${'a'.repeat(33)};`, null],
      ['v=STSv1; id=a-b;', null],
      ['v=STSv1;', null],
      ['v=STSv2; id=1;', null],
      ['v=STSv1; id=1; id=2;', null],
      ['v=STSv1; id=1; no field;', null],
    ]
    for (const [text, id] of TABLE) assert.equal(parseStsRecord(text), id, text)
    const at = (records: readonly string[]): string =>
      askAtOnce(findStsRecord('away.example'), ({ name, type }) => {
        assert.deepEqual([name, type], ['_mta-sts.away.example', 'TXT'])
        return { at: 'found', records, ttlSeconds: 60, authenticated: false }
      }).at
    assert.equal(at(['v=STSv1; id=1;', 'something else']), 'found')
    assert.equal(at(['v=STSv1; id=1;', 'v=STSv1; id=2;']), 'none')
    assert.equal(askAtOnce(findStsRecord('x'), () => ({ at: 'failed', why: 'timeout' })).at, 'failed')
  })

  test('the policy', () => {
    const policy = { mode: 'enforce', mx: ['mx.away.example', '*.away.example'], maxAgeSeconds: 604_800 } as const
    assert.deepEqual(parseStsPolicy(printStsPolicy(policy)), policy)
    const lines = (...more: readonly string[]): string => ['version: STSv1', ...more].join('\n')
    assert.deepEqual(parseStsPolicy(lines('mode: testing', 'mode: enforce', 'mx: A.example', 'max_age: 60', 'x: y')), {
      mode: 'testing',
      mx: ['a.example'],
      maxAgeSeconds: 60,
    })
    assert.deepEqual(parseStsPolicy(lines('mode: none', 'max_age: 99999999999')), { wrong: 'its max_age is no number' })
    const longest = parseStsPolicy(lines('mode: none', `max_age: ${MTA_STS_MAX_AGE_SECONDS + 1}`))
    assert.equal('wrong' in longest || longest.maxAgeSeconds, MTA_STS_MAX_AGE_SECONDS)
    const many = (count: number): string =>
      lines('mode: enforce', 'max_age: 60', ...Array.from({ length: count }, (_, i) => `mx: m${i}.example`))
    assert.equal('wrong' in parseStsPolicy(many(MTA_STS_MX_MAX)), false)
    for (const text of [
      '',
      '<html>',
      'mode: enforce\nversion: STSv1\nmx: a.example\nmax_age: 60',
      lines('mode: enforce', 'max_age: 60'),
      lines('mode: strict', 'mx: a.example', 'max_age: 60'),
      lines('mode: enforce', 'mx: a.example'),
      lines('mode: enforce', 'mx: a*.example', 'max_age: 60'),
      lines('mode: enforce', 'mx: ', 'max_age: 60'),
      many(MTA_STS_MX_MAX + 1),
    ])
      assert.equal('wrong' in parseStsPolicy(text), true, text.slice(0, 80))
  })

  test('a star is one label (RFC 8461 §4.1)', () => {
    const policy = { mode: 'enforce', mx: ['mx.one.example', '*.two.example'], maxAgeSeconds: 60 } as const
    for (const [host, expected] of [
      ['mx.one.example', true],
      ['MX.one.example.', true],
      ['a.mx.one.example', false],
      ['a.two.example', true],
      ['two.example', false],
      ['a.b.two.example', false],
      ['atwo.example', false],
    ] as const)
      assert.equal(stsAllows(policy, host), expected, host)
  })

  test('S21: what is of the internet', () => {
    for (const inside of [
      '127.0.0.1',
      '0.0.0.0',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:10.0.0.1',
      'fe80::1',
      'fc00::1',
      'fd12::1',
      'ff02::1',
      '2001:db8::1',
      '2002:7f00:1::',
      '64:ff9b::7f00:1',
      '2130706433',
      '0x7f.1',
      'localhost',
      '',
    ])
      assert.equal(isGlobalAddress(inside), false, inside)
    for (const outside of ['8.8.8.8', '1.1.1.1', '::ffff:8.8.8.8', '2606:4700::1111'])
      assert.equal(isGlobalAddress(outside), true, outside)
  })
})
