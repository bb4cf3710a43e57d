/** R18: what the DNS says, and where the mail goes. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createTestRandom } from '../../src/std/test-random.ts'
import { findMailHosts } from '../../src/outbound/delivery/hosts.ts'
import { createTestClock, OURSELVES, tryOnce } from './attempt-kit.ts'
import { createTestResolver, mx, type Zone } from './dns.ts'
import { createSink } from './sink.ts'

type Expected = { readonly dialled: readonly string[] } | { readonly to: 'failed' | 'waiting'; readonly status: string }

const single = (exchange: string): Zone => ({ 'away.example': { MX: [{ preference: 10, exchange }] } })

const TABLE: readonly (readonly [what: string, zone: Zone, expected: Expected])[] = [
  ['NXDOMAIN', {}, { to: 'failed', status: '5.1.2' }],
  ['no data at all', { 'away.example': {} }, { to: 'waiting', status: '4.4.4' }],
  [
    'SERVFAIL (also a bogus DNSSEC answer, a time-out)',
    { 'away.example': { MX: 'failed' } },
    { to: 'waiting', status: '4.4.3' },
  ],
  ['null MX', single(''), { to: 'failed', status: '5.1.10' }],
  ['null MX with its dot', single('.'), { to: 'failed', status: '5.1.10' }],
  ['A only: implicit MX', { 'away.example': { A: ['198.51.100.7'] } }, { dialled: ['198.51.100.7'] }],
  [
    'AAAA broken, A there',
    { ...single('mx.away.example'), 'mx.away.example': { AAAA: 'failed', A: ['198.51.100.7'] } },
    { dialled: ['198.51.100.7'] },
  ],
  ['MX to a name that does not exist', single('gone.away.example'), { to: 'waiting', status: '4.4.4' }],
  ['MX to an address', single('198.51.100.7'), { to: 'waiting', status: '4.4.4' }],
  ['MX to localhost', single('localhost'), { to: 'failed', status: '5.4.6' }],
  [
    'MX to a name on loopback',
    { ...single('mx.away.example'), 'mx.away.example': { A: ['127.0.0.1'] } },
    { to: 'failed', status: '5.4.6' },
  ],
  ['MX to our own name', single('mail.home.example'), { to: 'failed', status: '5.4.6' }],
  [
    'MX to our own address',
    { ...single('mx.away.example'), 'mx.away.example': { A: ['192.0.2.99'] } },
    { to: 'failed', status: '5.4.6' },
  ],
  [
    'we are the second MX: only the first counts',
    {
      'away.example': {
        MX: [
          { preference: 10, exchange: 'mx1.away.example' },
          { preference: 20, exchange: 'mail.home.example' },
          { preference: 30, exchange: 'mx3.away.example' },
        ],
      },
      'mx1.away.example': { A: ['198.51.100.1'] },
      'mx3.away.example': { A: ['198.51.100.3'] },
    },
    { dialled: ['198.51.100.1'] },
  ],
  [
    'upper case and a final dot',
    { ...single('MX.Away.Example.'), 'mx.away.example': { A: ['198.51.100.7'] } },
    { dialled: ['198.51.100.7'] },
  ],
]

suite('R18', () => {
  for (const [what, zone, expected] of TABLE) {
    test(what, async () => {
      const clock = createTestClock()
      const sink = createSink({ clock })
      const outcome = await tryOnce(sink, clock, { resolver: createTestResolver(zone) })
      const result = outcome.results[0]!
      if ('dialled' in expected) {
        assert.deepEqual(sink.dialled, expected.dialled)
        assert.equal(result.to, 'delivered')
      } else {
        assert.deepEqual([result.to, result.answer.status], [expected.to, expected.status], result.answer.text)
        assert.equal(sink.dialled.length, 0)
      }
    })
  }

  test('a route of the operator is followed to wherever it leads', async () => {
    for (const [host, dialled] of [
      ['localhost', '127.0.0.1'],
      ['proxy.home.example', '192.0.2.99'],
    ] as const) {
      const clock = createTestClock()
      const sink = createSink({ clock })
      const resolver = createTestResolver({ 'proxy.home.example': { A: ['192.0.2.99'] } })
      const route = {
        kind: 'host',
        host,
        port: 2525,
        security: 'opportunistic',
        credentials: null,
        verify: false,
      } as const
      const outcome = await tryOnce(sink, clock, { resolver, route })
      assert.equal(outcome.results[0]!.to, 'delivered')
      assert.deepEqual(sink.dialled, [dialled])
    }
  })

  test('50 MX: ten are used, by preference', async () => {
    const hosts = Array.from({ length: 50 }, (_, i) => [i, `mx${i}.away.example`, `198.51.100.${i}`] as const)
    const clock = createTestClock()
    const sink = createSink({ clock, refuses: () => 'ECONNREFUSED' })
    const zone = mx('away.example', ...hosts.toReversed())
    await tryOnce(sink, clock, { resolver: createTestResolver(zone) })
    assert.deepEqual(
      sink.dialled,
      hosts.slice(0, 10).map(([, , address]) => address),
    )
  })

  test('equal preferences are shuffled', async () => {
    const zone = mx('away.example', [1, 'a.example', '198.51.100.1'], [1, 'b.example', '198.51.100.2'])
    const random = createTestRandom(7)
    const firsts = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const found = await findMailHosts('away.example', {
        resolver: createTestResolver(zone),
        random,
        ourselves: OURSELVES,
      })
      assert.equal(found.at, 'hosts')
      if (found.at === 'hosts') firsts.add(found.hosts[0]!.name)
    }
    assert.equal(firsts.size, 2)
  })

  test('address literals are dialled without asking; IPv6 and IPv4 take turns', async () => {
    const clock = createTestClock()
    for (const [literal, address] of [
      ['[198.51.100.5]', '198.51.100.5'],
      ['[IPv6:2001:db8::5]', '2001:db8::5'],
    ] as const) {
      const sink = createSink({ clock })
      const resolver = createTestResolver({})
      const outcome = await tryOnce(sink, clock, { resolver, entry: { destination: literal } })
      assert.deepEqual(sink.dialled, [address])
      assert.deepEqual(resolver.asked, [])
      assert.equal(outcome.results[0]!.to, 'delivered')
    }
    const sink = createSink({ clock, refuses: () => 'ENETUNREACH' })
    const zone: Zone = { 'away.example': { A: ['198.51.100.1', '198.51.100.2'], AAAA: ['2001:db8::1'] } }
    await tryOnce(sink, clock, { resolver: createTestResolver(zone) })
    assert.deepEqual(sink.dialled, ['2001:db8::1', '198.51.100.1', '198.51.100.2'])
  })
})
