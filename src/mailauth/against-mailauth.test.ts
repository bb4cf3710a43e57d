/** SPF and DMARC over random zones, by us and by the package mailauth. Seeds are printed; a difference is one's mistake. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { dmarc } from 'mailauth/lib/dmarc/index.js'
import { spf } from 'mailauth/lib/spf/index.js'
import type { DnsType } from '../model/dns.ts'
import { askAtOnce } from './ask.ts'
import type { DkimResult, SpfResult } from './contract.ts'
import { checkDmarc } from './dmarc/check.ts'
import { checkSpf } from './spf/check.ts'
import { cannedDns, type Zone } from './testing/canned-dns.ts'

const CODES = { 'no-such-domain': 'ENOTFOUND', 'no-data': 'ENODATA', failed: 'ETIMEOUT' } as const

/** The same table in the form of node:dns. */
function nodeResolver(zone: Zone): (name: string, type: string) => Promise<string[]> {
  const dns = cannedDns(zone)
  return async (name, type) => {
    const answer = dns({ name, type: type as DnsType })
    if (answer.at !== 'found') throw Object.assign(new Error(answer.at), { code: CODES[answer.at] })
    const records = answer.records.map((record) => {
      if (type === 'TXT') return [record]
      return typeof record === 'object' && 'exchange' in record ? { ...record, priority: record.preference } : record
    })
    return records as unknown as string[]
  }
}

const NAMES = ['a.test', 'b.test', 'c.a.test', 'd.test'] as const
const name = fc.constantFrom(...NAMES, 'gone.test')
const address = fc.constantFrom('192.0.2.1', '192.0.2.77', '198.51.100.1')
const address6 = fc.constantFrom('2001:db8::1', '2001:db8:1::1')
const bits = fc.constantFrom('', '/24', '/32', '/8', '/33')
const mechanism = fc.oneof(
  fc.constantFrom('all', 'a', 'mx', 'a/24', 'mx//64', 'exists:%{ir}.%{d}', 'a:%{l}.test', 'include:%{o}', 'bad', 'a:'),
  fc.tuple(fc.constantFrom('a:', 'mx:', 'include:', 'exists:'), name).map(([kind, to]) => kind + to),
  fc.tuple(address, bits).map(([each, mask]) => `ip4:${each}${mask}`),
  fc.tuple(address6, fc.constantFrom('', '/32', '/129')).map(([each, mask]) => `ip6:${each}${mask}`),
)
const term = fc.tuple(fc.constantFrom('', '-', '~', '?', '+'), mechanism).map(([sign, each]) => sign + each)
const spfRecord = fc
  .tuple(fc.array(term, { maxLength: 5 }), fc.option(name, { nil: null }))
  .map(([terms, to]) => ['v=spf1', ...terms, ...(to === null ? [] : [`redirect=${to}`])].join(' '))
const host = fc.record({
  txt: fc.array(spfRecord, { maxLength: 2 }),
  a: fc.array(address, { maxLength: 2 }),
  aaaa: fc.array(address6, { maxLength: 1 }),
  mx: fc.uniqueArray(name, { maxLength: 2 }),
})
const spfZone = fc.tuple(...NAMES.map(() => host)).map((hosts): Zone => {
  const records = hosts.map(({ txt, a, aaaa, mx }, index) => [
    NAMES[index]!,
    [
      ...txt.map((text) => ['TXT', text] as const),
      ...a.map((text) => ['A', text] as const),
      ...aaaa.map((text) => ['AAAA', text] as const),
      ...mx.map((exchange, at) => ['MX', [at, exchange]] as const),
    ],
  ])
  return Object.fromEntries(records) as Zone
})

test('SPF', async () => {
  await fc.assert(
    fc.asyncProperty(spfZone, fc.oneof(address, address6), fc.constantFrom(...NAMES), async (zone, from, domain) => {
      const theirs = await spf({
        strict: true,
        sender: `ann@${domain}`,
        ip: from,
        helo: 'mail.a.test',
        mta: 'mx.gavan.test',
        resolver: nodeResolver(zone),
      })
      const input = { address: from, helo: 'mail.a.test', receiver: 'mx.gavan.test', now: 0 }
      const ours = askAtOnce(checkSpf({ ...input, sender: { localPart: 'ann', domain } }), cannedDns(zone))
      assert.equal(ours.result, theirs.status.result, ours.why)
    }),
    { numRuns: 500 },
  )
})

const DOMAINS = ['org.test', 'a.org.test', 'b.a.org.test', 'other.test', 'test'] as const
const policy = fc.constantFrom('none', 'quarantine', 'reject', 'burn')
const tag = fc.oneof(
  policy.map((value) => `sp=${value}`),
  policy.map((value) => `np=${value}`),
  fc.constantFrom('adkim=s', 'aspf=s', 'adkim=r', 't=y', 'psd=y', 'psd=n', 'rua=mailto:r@org.test', 'x=y'),
)
const dmarcRecord = fc
  .tuple(
    fc.option(policy, { nil: null }),
    fc.uniqueArray(tag, { maxLength: 4, selector: (text) => text.split('=')[0] }),
  )
  .map(([p, tags]) => ['v=DMARC1', ...(p === null ? [] : [`p=${p}`]), ...tags].join('; '))
const dmarcZone = fc
  .tuple(...DOMAINS.map(() => fc.tuple(fc.array(dmarcRecord, { maxLength: 2 }), fc.boolean())))
  .map((all): Zone => {
    const entries = all.flatMap(([records, exists], index) => [
      [`_dmarc.${DOMAINS[index]!}`, records.map((text) => ['TXT', text])],
      ...(exists ? [[DOMAINS[index]!, [['A', '192.0.2.1']]]] : []),
    ])
    return Object.fromEntries(entries) as Zone
  })
const domainOrNone = fc.option(fc.constantFrom(...DOMAINS.slice(0, 4)), { nil: null })

test('DMARC', async () => {
  await fc.assert(
    fc.asyncProperty(
      dmarcZone,
      fc.constantFrom(...DOMAINS.slice(0, 4)),
      domainOrNone,
      domainOrNone,
      async (zone, author, spfDomain, dkimDomain) => {
        const theirs = await dmarc({
          headerFrom: [`ann@${author}`],
          spfDomains: spfDomain === null ? [] : [{ domain: spfDomain }],
          dkimDomains: dkimDomain === null ? [] : [{ domain: dkimDomain, id: '1', aligned: false }],
          resolver: nodeResolver(zone),
        } as unknown as Parameters<typeof dmarc>[0])
        assert.ok(theirs !== false)
        const passed: SpfResult = {
          result: spfDomain === null ? 'none' : 'pass',
          scope: 'mailfrom',
          domain: spfDomain ?? '',
          why: '',
          explanation: null,
        }
        const signed = { result: 'pass', domain: dkimDomain ?? '' } as DkimResult
        const ours = askAtOnce(
          checkDmarc({
            from: [{ name: null, mailbox: 'ann', host: author }],
            spf: passed,
            dkim: dkimDomain === null ? [] : [signed],
          }),
          cannedDns(zone),
        )
        const wanted = ours.result === 'fail' ? theirs.policy : 'none'
        assert.deepEqual([ours.result, ours.policy], [theirs.status.result, wanted], ours.why)
        if (ours.published !== null) assert.equal(ours.policyDomain, (theirs as { policyDomain?: string }).policyDomain)
      },
    ),
    { numRuns: 500 },
  )
})

test('whatever a domain publishes, it is a record or none, and the verdict one of seven', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'v=spf1 ',
      'v=DMARC1;',
      'p=reject',
      ';',
      '=',
      ' ',
      '%{',
      '%{d9r.}',
      '}',
      '/',
      ':',
      '+',
      'a',
      'ip4:',
      'exp=',
    ),
    fc.string({ maxLength: 4, unit: 'binary' }),
  )
  const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''))
  const RESULTS = ['none', 'neutral', 'pass', 'fail', 'softfail', 'temperror', 'permerror']
  fc.assert(
    fc.property(text, (published) => {
      const dns = cannedDns({
        'a.test': [['TXT', `v=spf1 ${published}`]],
        '_dmarc.a.test': [['TXT', `v=DMARC1;${published}`]],
      })
      const input = { address: '192.0.2.1', helo: 'a.test', receiver: 'mx.gavan.test', now: 0 }
      const found = askAtOnce(checkSpf({ ...input, sender: { localPart: 'x', domain: 'a.test' } }), dns)
      assert.ok(RESULTS.includes(found.result))
      assert.match(found.why + (found.explanation ?? ''), /^[ -~]*$/)
      const { result } = askAtOnce(
        checkDmarc({ from: [{ name: null, mailbox: 'x', host: 'a.test' }], spf: found, dkim: [] }),
        dns,
      )
      assert.ok(['none', 'pass', 'fail'].includes(result))
    }),
    { numRuns: 500 },
  )
})
