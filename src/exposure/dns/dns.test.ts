import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CATALOG } from '../catalog.ts'
import type { ExposurePlan, Opening } from '../contract.ts'
import type { DnsSettings, WantedRecord } from './contract.ts'
import { adviseMx, mergeSpf } from './merge.ts'
import { printData, printZone, relativeName, TXT_STRING_MAX_OCTETS } from './print.ts'
import { addressOf, reverseName, wantedRecords } from './records.ts'

const OPENINGS: Partial<Record<string, Opening>> = {
  mx: 'outside',
  http: 'outside',
  https: 'outside',
  submission: 'inside',
  imaps: 'inside',
}

function plan(more: Partial<ExposurePlan> = {}, openings = OPENINGS): ExposurePlan {
  return {
    hostname: 'mail.example.org',
    clients: 'office',
    layout: 'public',
    container: 'none',
    inside: { v4: ['10.0.0.0/8'], v6: [] },
    serverAddresses: { v4: ['203.0.113.10'], v6: ['2001:db8::10'] },
    publicAddresses: { v4: ['203.0.113.10'], v6: ['2001:db8::10'] },
    gateways: [],
    rows: CATALOG.map((row) => ({
      ...row,
      standardPort: row.port,
      opening: openings[row.service] ?? 'off',
      networks: { v4: [], v6: [] },
      reason: 'set-by-hand',
    })),
    outgoing: { port: 25, to: 'anywhere' },
    warnings: [],
    ...more,
  }
}

function records(more: Partial<DnsSettings> = {}): WantedRecord[] {
  return wantedRecords({
    hostname: 'mail.example.org',
    domains: ['example.org'],
    plan: plan(),
    dkim: new Map([['example.org', [{ selector: 'gv1', record: `v=DKIM1; k=rsa; p=${'A'.repeat(392)}` }]]]),
    stsPolicyId: '0123456789abcdef',
    certificateAuthority: 'letsencrypt.org',
    keyDigests: [],
    ...more,
  })
}

const lines = (all: readonly WantedRecord[]): string[] =>
  all.map((each) => `${each.place} ${each.name} ${each.data.type} ${printData(each.data, 'whole')}`)

describe('what is wanted', () => {
  test('of a host with an address of its own, mail programs inside', () => {
    assert.deepEqual(lines(records({ dkim: new Map() })), [
      'public mail.example.org A 203.0.113.10',
      'public mail.example.org AAAA 2001:db8::10',
      'public mail.example.org TXT v=spf1 a -all',
      'public mail.example.org CAA 0 issue "letsencrypt.org"',
      'public example.org MX 10 mail.example.org.',
      'public example.org TXT v=spf1 mx -all',
      'public _dmarc.example.org TXT v=DMARC1; p=none; rua=mailto:postmaster@example.org',
      'public mta-sts.example.org CNAME mail.example.org.',
      'public _mta-sts.example.org TXT v=STSv1; id=0123456789abcdef',
      'public _smtp._tls.example.org TXT v=TLSRPTv1; rua=mailto:postmaster@example.org',
      'public autoconfig.example.org CNAME mail.example.org.',
      'public autodiscover.example.org CNAME mail.example.org.',
      'inside _submission._tcp.example.org SRV 1 1 587 mail.example.org.',
      'public _submissions._tcp.example.org SRV 0 0 0 .',
      'public _imap._tcp.example.org SRV 0 0 0 .',
      'inside _imaps._tcp.example.org SRV 0 1 993 mail.example.org.',
      'public _pop3._tcp.example.org SRV 0 0 0 .',
      'public _pop3s._tcp.example.org SRV 0 0 0 .',
      'public _sieve._tcp.example.org SRV 0 0 0 .',
      'public _autodiscover._tcp.example.org SRV 0 1 443 mail.example.org.',
      'provider 10.113.0.203.in-addr.arpa PTR mail.example.org.',
      `provider 0.1.0.0.${'0.0.0.0.'.repeat(5)}8.b.d.0.1.0.0.2.ip6.arpa PTR mail.example.org.`,
    ])
  })

  test('behind NAT, the inner address for a name server of the inner networks', () => {
    const nat = plan({
      layout: 'nat',
      serverAddresses: { v4: ['192.168.88.25'], v6: [] },
      publicAddresses: { v4: ['203.0.113.10'], v6: [] },
    })
    assert.deepEqual(lines(records({ plan: nat })).slice(0, 2), [
      'public mail.example.org A 203.0.113.10',
      'inside mail.example.org A 192.168.88.25',
    ])
  })

  test('no name without addresses is invented, and no two SPF records meet at one name (RFC 7208 §3.2)', () => {
    const none = plan({ publicAddresses: { v4: [], v6: [] } })
    assert.ok(records({ plan: none }).every(({ id }) => id !== 'address' && id !== 'ptr'))
    const same = records({ hostname: 'example.org' }).filter(
      ({ name, data }) => name === 'example.org' && data.type === 'TXT' && data.text.startsWith('v=spf1'),
    )
    assert.equal(same.length, 1)
  })

  test('with a smarthost, that one may send for us, and our own address needs no name', () => {
    const relayed = records({ plan: plan({ outgoing: { port: 587, to: { host: 'smtp.isp.example' } } }) })
    assert.ok(lines(relayed).includes('public example.org TXT v=spf1 mx a:smtp.isp.example ~all'))
    assert.ok(relayed.every(({ id }) => id !== 'ptr'))
  })

  test('TLSA of the keys in use (RFC 7672 §3.1.1)', () => {
    const [tlsa] = records({ keyDigests: [{ digest: 'ab'.repeat(32), use: 'now' }] }).filter(({ id }) => id === 'tlsa')
    assert.equal(tlsa?.name, '_25._tcp.mail.example.org')
    assert.equal(printData(tlsa.data, 'whole'), `3 1 1 ${'ab'.repeat(32)}`)
  })
})

describe('printed', () => {
  const dkim = records().find(({ id }) => id === 'dkim')
  test('long texts whole for panels, in strings of 255 octets for zone files', () => {
    assert.ok(dkim !== undefined)
    assert.ok(!printData(dkim.data, 'whole').includes('"'))
    const strings = printData(dkim.data, 'strings').match(/"[^"]*"/g) ?? []
    assert.deepEqual(
      strings.map((each) => each.length - 2 <= TXT_STRING_MAX_OCTETS),
      [true, true],
    )
    assert.equal(strings.map((each) => each.slice(1, -1)).join(''), printData(dkim.data, 'whole'))
  })
  test('names as panels want them', () => {
    assert.equal(relativeName(dkim!), 'gv1._domainkey')
    assert.equal(relativeName(records().find(({ id }) => id === 'mx')!), '@')
    const foreign = records({ hostname: 'mx.hoster.example' })[0]!
    assert.deepEqual([foreign.zone, relativeName(foreign)], ['hoster.example', 'mx'])
  })
  test('a zone file', () => {
    const zone = printZone(
      records().filter(({ place }) => place === 'public'),
      3600,
    )
    assert.match(zone, /^; example\.org\n\$ORIGIN example\.org\.\nmail\.example\.org\. 3600 IN A 203\.0\.113\.10\n/)
    assert.match(zone, /^gv1\._domainkey\.example\.org\. 3600 IN TXT "v=DKIM1; [^"]{246}" "[^"]+"$/m)
  })
})

test('reverse names of no address are a fault of ours', () => {
  assert.throws(() => reverseName('mail.example.org'))
})

describe('beside what is published already', () => {
  test('SPF', () => {
    for (const [existing, merged] of [
      [null, 'v=spf1 mx -all'],
      ['v=spf1 include:oldhost.ru -all', 'v=spf1 mx include:oldhost.ru -all'],
      ['v=spf1 +MX ~all', 'v=spf1 +MX ~all'],
      ['v=spf1 mx -all', 'v=spf1 mx -all'],
      ['v=spf1 redirect=_spf.oldhost.ru', 'v=spf1 mx redirect=_spf.oldhost.ru'],
      ['v=spf1  a  ?all ', 'v=spf1 mx a ?all'],
      ['v=spf1', 'v=spf1 mx'],
    ] as const)
      assert.equal(mergeSpf(existing, 'v=spf1 mx -all'), merged)
  })
  test('MX', () => {
    const host = { hostname: 'mail.example.org' }
    const mx = (preference: number, exchange: string): { preference: number; exchange: string } => ({
      preference,
      exchange,
    })
    assert.deepEqual(adviseMx([], host), { at: 'none' })
    assert.deepEqual(adviseMx([mx(10, 'Mail.Example.org'), mx(20, 'backup.example')], host), { at: 'ours' })
    assert.deepEqual(adviseMx([mx(10, 'mx.oldhost.ru')], host), { at: 'elsewhere', exchange: 'mx.oldhost.ru' })
    assert.deepEqual(adviseMx([mx(20, 'mail.example.org'), mx(10, 'mx.oldhost.ru')], host), {
      at: 'behind',
      exchange: 'mx.oldhost.ru',
    })
  })
})

test('a reverse name leads back to its address', () => {
  for (const address of ['203.0.113.10', '2001:db8::10', '::1', '0.0.0.0'])
    assert.equal(addressOf(reverseName(address)), address)
  for (const name of ['example.org', 'x.in-addr.arpa', '1.2.3.in-addr.arpa']) assert.equal(addressOf(name), name)
})
