import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { DMARC_AUTHORS_MAX, DMARC_REPORT_ADDRESSES_MAX } from '../../model/limits.ts'
import { askAtOnce } from '../ask.ts'
import type { DkimResult, DmarcResult, DnsQuestion, SpfResult } from '../contract.ts'
import { cannedDns, type Zone } from '../testing/canned-dns.ts'
import { checkDmarc } from './check.ts'
import { parseDmarcRecord } from './record.ts'

const spf = (result: SpfResult['result'], domain: string): SpfResult => ({
  result,
  domain,
  scope: 'mailfrom',
  why: '',
  explanation: null,
})
const dkim = (result: DkimResult['result'], domain: string): DkimResult => ({
  result,
  domain,
  selector: 's',
  identity: `@${domain}`,
  algorithm: 'rsa-sha256',
  signature: '',
  why: '',
  testing: false,
})
const NO_SPF = spf('none', '')
const address = (text: string) => ({
  name: null,
  mailbox: text.slice(0, text.lastIndexOf('@')),
  host: text.slice(text.lastIndexOf('@') + 1),
})

type Given = { from?: string; spf?: SpfResult; dkim?: DkimResult[] }
function check(zone: Zone, { from = 'ann@a.test', ...given }: Given, asked: DnsQuestion[] = []): DmarcResult {
  const dns = cannedDns(zone)
  return askAtOnce(
    checkDmarc({ from: [address(from)], spf: given.spf ?? NO_SPF, dkim: given.dkim ?? [] }),
    (question) => {
      asked.push(question)
      return dns(question)
    },
  )
}
const at = (domain: string, record: string): Zone => ({ [`_dmarc.${domain}`]: [['TXT', record]] })
const REJECT = 'v=DMARC1; p=reject'

suite('RFC 9989 §4.10.1: which record, and what it asks for', () => {
  const cases: readonly [
    name: string,
    zone: Zone,
    given: Given,
    result: string,
    policy: string,
    where: string | null,
  ][] = [
    ['none anywhere', {}, {}, 'none', 'none', null],
    ['its own', at('a.test', REJECT), {}, 'fail', 'reject', 'a.test'],
    ['above it', at('a.test', REJECT), { from: 'x@b.a.test' }, 'fail', 'reject', 'a.test'],
    [
      'above it, with another for those below',
      at('a.test', `${REJECT}; sp=quarantine`),
      { from: 'x@b.a.test' },
      'fail',
      'quarantine',
      'a.test',
    ],
    [
      'a name that is not there',
      at('a.test', 'v=DMARC1; p=none; np=reject'),
      { from: 'x@b.a.test' },
      'fail',
      'reject',
      'a.test',
    ],
    [
      'a name that is there',
      { ...at('a.test', 'v=DMARC1; p=none; np=reject'), 'b.a.test': [['A', '192.0.2.1']] },
      { from: 'x@b.a.test' },
      'fail',
      'none',
      'a.test',
    ],
    ['only a test', at('a.test', `${REJECT}; t=y`), {}, 'fail', 'quarantine', 'a.test'],
    ['only a test of little', at('a.test', 'v=DMARC1; p=quarantine; t=y'), {}, 'fail', 'none', 'a.test'],
    [
      'two records',
      {
        '_dmarc.a.test': [
          ['TXT', REJECT],
          ['TXT', REJECT],
        ],
      },
      {},
      'none',
      'none',
      null,
    ],
    [
      'another TXT beside it',
      {
        '_dmarc.a.test': [
          ['TXT', 'v=spf1 -all'],
          ['TXT', REJECT],
        ],
      },
      {},
      'fail',
      'reject',
      'a.test',
    ],
    [
      'a policy nobody knows, with reports',
      at('a.test', 'v=DMARC1; p=burn; rua=mailto:r@a.test'),
      {},
      'fail',
      'none',
      'a.test',
    ],
    ['a policy nobody knows', at('a.test', 'v=DMARC1; p=burn'), {}, 'none', 'none', null],
    [
      'a policy nobody knows, below one',
      { ...at('a.test', REJECT), ...at('b.a.test', 'v=DMARC1; p=burn') },
      { from: 'x@b.a.test' },
      'none',
      'none',
      null,
    ],
    [
      'an alias that leads nowhere is there',
      { ...at('a.test', 'v=DMARC1; p=none; np=reject'), 'b.a.test': [['CNAME', 'gone.test']] },
      { from: 'x@b.a.test' },
      'fail',
      'none',
      'a.test',
    ],
    ['another version', at('a.test', 'v=DMARC2; p=reject'), {}, 'none', 'none', null],
    [
      'a public suffix above',
      { ...at('test', 'v=DMARC1; p=reject; psd=y') },
      { from: 'x@b.a.test' },
      'fail',
      'reject',
      'test',
    ],
    ['DNS that does not answer', { '_dmarc.a.test': [['TIMEOUT', null]] }, {}, 'temperror', 'none', null],
  ]
  for (const [name, zone, given, result, policy, where] of cases) {
    test(name, () => {
      const found = check(zone, given)
      assert.deepEqual([found.result, found.policy, found.policyDomain], [result, policy, where], found.why)
    })
  }

  test('eight questions for a name of many labels, and which', () => {
    const asked: DnsQuestion[] = []
    check({}, { from: 'x@a.b.c.d.e.f.g.h.i.j.mail.example.test' }, asked)
    assert.deepEqual(
      asked.map(({ name }) => name),
      [
        '_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.test',
        '_dmarc.g.h.i.j.mail.example.test',
        '_dmarc.h.i.j.mail.example.test',
        '_dmarc.i.j.mail.example.test',
        '_dmarc.j.mail.example.test',
        '_dmarc.mail.example.test',
        '_dmarc.example.test',
        '_dmarc.test',
      ],
    )
  })
})

suite('RFC 9989 §4.4: alignment', () => {
  const strict = `${REJECT}; adkim=s; aspf=s`
  const cases: readonly [name: string, zone: Zone, given: Given, pass: boolean][] = [
    ['SPF of the domain', at('a.test', REJECT), { spf: spf('pass', 'a.test') }, true],
    ['SPF that fails', at('a.test', REJECT), { spf: spf('fail', 'a.test') }, false],
    ['SPF that is soft', at('a.test', REJECT), { spf: spf('softfail', 'a.test') }, false],
    ['SPF of a name below', at('a.test', REJECT), { spf: spf('pass', 'bounce.a.test') }, true],
    ['SPF of a name below, strictly', at('a.test', strict), { spf: spf('pass', 'bounce.a.test') }, false],
    ['SPF of another', at('a.test', REJECT), { spf: spf('pass', 'b.test') }, false],
    ['SPF of a name that only ends so', at('a.test', REJECT), { spf: spf('pass', 'bada.test') }, false],
    ['DKIM of the domain', at('a.test', REJECT), { dkim: [dkim('pass', 'a.test')] }, true],
    [
      'DKIM of another, and of the domain',
      at('a.test', REJECT),
      { dkim: [dkim('pass', 'list.test'), dkim('pass', 'a.test')] },
      true,
    ],
    ['DKIM that fails', at('a.test', REJECT), { dkim: [dkim('fail', 'a.test')] }, false],
    ['DKIM by policy', at('a.test', REJECT), { dkim: [dkim('policy', 'a.test')] }, false],
    ['DKIM above, from below', at('a.test', REJECT), { from: 'x@b.a.test', dkim: [dkim('pass', 'a.test')] }, true],
    ['DKIM beside, from below', at('a.test', REJECT), { from: 'x@b.a.test', dkim: [dkim('pass', 'c.a.test')] }, true],
    ['DKIM above, strictly', at('a.test', strict), { from: 'x@b.a.test', dkim: [dkim('pass', 'a.test')] }, false],
    [
      'a name below that is an organization of its own',
      { ...at('a.test', REJECT), ...at('b.a.test', 'v=DMARC1; p=none; psd=n') },
      { dkim: [dkim('pass', 'b.a.test')] },
      false,
    ],
    [
      'neighbours under a public suffix',
      at('test', 'v=DMARC1; p=reject; psd=y'),
      { dkim: [dkim('pass', 'b.test')] },
      false,
    ],
  ]
  for (const [name, zone, given, pass] of cases) {
    test(name, () => {
      const found = check(zone, given)
      assert.equal(found.result, pass ? 'pass' : 'fail', found.why)
    })
  }
})

suite('R18: what DNS does not say refuses nobody', () => {
  const cases: readonly [name: string, given: Given, result: string][] = [
    ['a key of the domain', { dkim: [dkim('temperror', 'a.test')] }, 'temperror'],
    ['a key of a name below', { dkim: [dkim('temperror', 'b.a.test')] }, 'temperror'],
    ['SPF of the domain', { spf: spf('temperror', 'a.test') }, 'temperror'],
    ['a key of another', { dkim: [dkim('temperror', 'evil.test')] }, 'fail'],
    ['SPF of another', { spf: spf('temperror', 'evil.test') }, 'fail'],
    ['a key, and another that is good', { dkim: [dkim('temperror', 'a.test'), dkim('pass', 'a.test')] }, 'pass'],
  ]
  for (const [name, given, result] of cases) {
    test(name, () => {
      const found = check(at('a.test', REJECT), given)
      assert.deepEqual([found.result, found.policy], [result, result === 'fail' ? 'reject' : 'none'])
    })
  }
})

suite('S9: several authors', () => {
  const judged = (zone: Zone, from: readonly string[], given: Given = {}): DmarcResult => {
    const input = { from: from.map(address), spf: given.spf ?? NO_SPF, dkim: given.dkim ?? [] }
    return askAtOnce(checkDmarc(input), cannedDns(zone))
  }
  const two = { ...at('a.test', 'v=DMARC1; p=quarantine'), ...at('b.test', REJECT) }
  test('of one domain: as one', () => {
    assert.equal(judged(two, ['x@a.test', 'y@A.test'], { spf: spf('pass', 'a.test') }).result, 'pass')
  })
  test('the strictest decides, in any order, whatever is proven of the other', () => {
    for (const from of [
      ['x@a.test', 'y@b.test'],
      ['y@b.test', 'x@a.test'],
      ['y@b.test', 'x@free.test', 'nobody'],
    ]) {
      const { result, policy, fromDomain } = judged(two, from, { spf: spf('pass', 'a.test') })
      assert.deepEqual([result, policy, fromDomain], ['fail', 'reject', 'b.test'])
    }
  })
  test('all of them proven: passes for none', () => {
    const found = judged(two, ['x@a.test', 'y@b.test'], {
      spf: spf('pass', 'a.test'),
      dkim: [dkim('pass', 'b.test')],
    })
    assert.deepEqual([found.result, found.fromDomain], ['permerror', ''])
  })
  test('one more than are asked', () => {
    const free = Array.from({ length: DMARC_AUTHORS_MAX }, (_, n) => `x@${n}.free.test`)
    assert.equal(judged(two, ['y@b.test', ...free]).result, 'fail')
    assert.equal(judged(two, [...free, 'y@b.test']).result, 'permerror')
  })
})

test('a public suffix that sends mail is an organization by itself', () => {
  const zone = { ...at('co.test', `${REJECT}; psd=y`), ...at('test', 'v=DMARC1; p=none') }
  const found = check(zone, { from: 'x@co.test', spf: spf('pass', 'b.test') })
  assert.deepEqual([found.result, found.policy], ['fail', 'reject'])
})

suite('records', () => {
  const cases: readonly [text: string, expected: Partial<ReturnType<typeof parseDmarcRecord>> | null][] = [
    ['v=DMARC1;p=none', { p: 'none', sp: null, adkim: 'r', rua: [] }],
    ['v=DMARC1 ; p = Reject ; aspf=S; adkim=s', { p: 'reject', aspf: 's', adkim: 's' }],
    ['v=DMARC1; p=none; rua=mailto:a@b.test!10m, mailto:c@d.test', { rua: ['a@b.test', 'c@d.test'] }],
    ['v=DMARC1; p=none; rua=https://b.test/', { rua: [] }],
    ['v=DMARC1; rua=mailto:a@b.test', { p: 'none' }],
    ['v=DMARC1; p=none; __proto__=x', { p: 'none', counts: true }],
    ['v=DMARC1', { p: 'none', counts: false }],
    ['v=DMARC1; p=reject; sp=burn', { p: 'none', counts: false }],
    ['v=DMARC1; p=reject; np=burn; rua=mailto:a@b.test', { p: 'none', np: null, counts: true }],
    ['V=DMARC1; p=none', null],
    ['p=none; v=DMARC1', null],
    ['v=DMARC1; p=reject; words', { p: 'reject', counts: true }],
  ]
  for (const [text, expected] of cases) {
    test(text, () => {
      const found = parseDmarcRecord(text)
      if (expected === null) assert.equal(found, null)
      else for (const [tag, value] of Object.entries(expected)) assert.deepEqual(found?.[tag as 'p'], value)
    })
  }

  test('so many addresses for reports', () => {
    const rua = Array.from({ length: DMARC_REPORT_ADDRESSES_MAX + 1 }, (_, n) => `mailto:${n}@b.test`).join(',')
    assert.equal(parseDmarcRecord(`v=DMARC1; p=none; rua=${rua}`)?.rua.length, DMARC_REPORT_ADDRESSES_MAX)
  })
})
