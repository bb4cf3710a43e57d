import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { DMARC_REPORT_ADDRESSES_MAX } from '../../model/limits.ts'
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

suite('records', () => {
  const cases: readonly [text: string, expected: Partial<ReturnType<typeof parseDmarcRecord>> | null][] = [
    ['v=DMARC1;p=none', { p: 'none', sp: null, adkim: 'r', rua: [] }],
    ['v=DMARC1 ; p = Reject ; aspf=S; adkim=s', { p: 'reject', aspf: 's', adkim: 's' }],
    ['v=DMARC1; p=none; rua=mailto:a@b.test!10m, mailto:c@d.test', { rua: ['a@b.test', 'c@d.test'] }],
    ['v=DMARC1; p=none; rua=https://b.test/', { rua: [] }],
    ['v=DMARC1; rua=mailto:a@b.test', { p: 'none' }],
    ['v=DMARC1; p=none; __proto__=x', null],
    ['v=DMARC1', null],
    ['V=DMARC1; p=none', null],
    ['p=none; v=DMARC1', null],
    ['v=DMARC1; p=none; words', null],
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
