import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { AUTHENTIC_DATA, decode, encode, TRUNCATED_RESPONSE } from 'dns-packet'
import type { Answer, DecodedPacket } from 'dns-packet'
import { createTestClock } from '../std/test-clock.ts'
import type { TestClock } from '../std/test-clock.ts'
import { createTestRandom } from '../std/test-random.ts'
import type { Endpoint } from '../model/connection.ts'
import type { Resolver } from '../model/dns.ts'
import { realClock } from './net.test-kit.ts'
import { decodeReply, encodeQuery } from './dns-message.ts'
import { createResolver, mixCase } from './resolver.ts'

type Reply = { answers?: Answer[]; authorities?: Answer[]; rcode?: number; flags?: number; raw?: Buffer; id?: number }
type Zone = (query: DecodedPacket, over: 'udp' | 'tcp') => Reply | Reply[] | null

type DnsServer = AsyncDisposable & { endpoint: Endpoint; queries: string[] }

/** A real DNS server on loopback, UDP and TCP on one port, that answers what the test says. */
async function dnsServer(zone: Zone): Promise<DnsServer> {
  const queries: string[] = []
  const answersTo = (bytes: Buffer, over: 'udp' | 'tcp'): Buffer[] => {
    const query = decode(bytes)
    const [question] = query.questions ?? []
    queries.push(`${over} ${question?.type} ${question?.name}`)
    const replies = zone(query, over)
    return (replies === null ? [] : Array.isArray(replies) ? replies : [replies]).map(
      (reply) =>
        reply.raw ??
        encode({
          type: 'response',
          id: reply.id ?? query.id ?? 0,
          flags: (reply.flags ?? 0) | (reply.rcode ?? 0),
          questions: query.questions ?? [],
          answers: reply.answers ?? [],
          authorities: reply.authorities ?? [],
        }),
    )
  }
  for (;;) {
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const { port } = udp.address()
    const tcp = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (bytes: Buffer) => {
        for (const answer of answersTo(bytes.subarray(2), 'tcp')) {
          const length = Buffer.alloc(2)
          length.writeUInt16BE(answer.length)
          socket.write(length)
          socket.write(answer)
        }
      })
    })
    tcp.listen(port, '127.0.0.1')
    const taken = await once(tcp, 'listening').then(
      () => false,
      () => true,
    )
    if (taken) {
      udp.close()
      continue
    }
    udp.on('message', (bytes, from) => {
      for (const answer of answersTo(bytes, 'udp')) udp.send(answer, from.port, from.address)
    })
    return {
      endpoint: { address: '127.0.0.1', port: (tcp.address() as AddressInfo).port },
      queries,
      async [Symbol.asyncDispose]() {
        udp.close()
        await new Promise<void>((resolve) => void tcp.close(() => resolve()))
      },
    }
  }
}

const a = (name: string, data: string, ttl = 300): Answer => ({ type: 'A', name, data, ttl })
const cname = (name: string, data: string, ttl = 300): Answer => ({ type: 'CNAME', name, data, ttl })
const soa = (ttl = 900, minimum = 120): Answer => ({
  type: 'SOA',
  name: 'test',
  ttl,
  data: { mname: 'ns.test', rname: 'root.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
})

function resolverOf(
  servers: readonly Endpoint[],
  options: { timeoutMs?: number; cacheMax?: number; trustAd?: boolean; clock?: TestClock } = {},
): Resolver {
  const { clock, trustAd = false, ...limits } = options
  return createResolver({
    // Time-outs need real time; the cache a clock that can be turned.
    clock: clock === undefined ? realClock : { ...clock, timer: (ms, fn) => realClock.timer(ms, fn) },
    random: createTestRandom(5),
    servers,
    trustAd,
    limits: { timeoutMs: 1000, ...limits },
  })
}

describe('records', () => {
  const zone: Answer[] = [
    a('host.test', '192.0.2.1'),
    a('host.test', '192.0.2.2', 60),
    { type: 'AAAA', name: 'host.test', data: '2001:db8::1', ttl: 300 },
    { type: 'MX', name: 'host.test', data: { preference: 10, exchange: 'MX.Host.test' }, ttl: 300 },
    { type: 'MX', name: 'null.test', data: { preference: 0, exchange: '.' }, ttl: 300 },
    { type: 'NS', name: 'zone.test', data: 'NS1.zone.test', ttl: 300 },
    { type: 'SOA', name: 'zone.test', data: { mname: 'NS1.zone.test', rname: 'hostmaster.zone.test' }, ttl: 300 },
    {
      type: 'SRV',
      name: '_imaps._tcp.zone.test',
      data: { priority: 1, weight: 2, port: 993, target: 'Host.test' },
      ttl: 300,
    },
    { type: 'SRV', name: '_pop3._tcp.zone.test', data: { port: 0, target: '.' }, ttl: 300 },
    { type: 'CAA', name: 'zone.test', data: { flags: 128, tag: 'issue', value: 'ca.test; accounturi=x' }, ttl: 300 },
    {
      type: 'TLSA',
      name: '_25._tcp.zone.test',
      data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from('AB01', 'hex') },
      ttl: 300,
    },
    { type: 'TXT', name: 'host.test', data: [Buffer.from('v=spf1 '), Buffer.from('mx -all')], ttl: 300 },
    { type: 'PTR', name: '1.2.0.192.in-addr.arpa', data: 'host.test', ttl: 300 },
    cname('alias.test', 'Middle.test', 30),
    cname('middle.test', 'host.test'),
  ]
  const served: Zone = ({ questions: [asked] = [] }) => ({
    answers: zone.filter((record) => record.name === asked?.name && record.type === asked.type),
    authorities: [soa()],
  })

  test('of each type come in their shape', async () => {
    await using server = await dnsServer(served)
    const resolver = resolverOf([server.endpoint])
    const found = (records: unknown, ttlSeconds = 300): unknown => ({
      at: 'found',
      records,
      ttlSeconds,
      authenticated: false,
    })
    assert.deepEqual(await resolver.query('host.test', 'A'), found(['192.0.2.1', '192.0.2.2'], 60))
    assert.deepEqual(await resolver.query('HOST.test.', 'AAAA'), found(['2001:db8::1']))
    assert.deepEqual(await resolver.query('host.test', 'MX'), found([{ preference: 10, exchange: 'mx.host.test' }]))
    assert.deepEqual(await resolver.query('null.test', 'MX'), found([{ preference: 0, exchange: '.' }]))
    assert.deepEqual(await resolver.query('zone.test', 'NS'), found(['ns1.zone.test']))
    assert.deepEqual(await resolver.query('zone.test', 'SOA'), found(['ns1.zone.test']))
    const srv = { priority: 1, weight: 2, port: 993, target: 'host.test' }
    assert.deepEqual(await resolver.query('_imaps._tcp.zone.test', 'SRV'), found([srv]))
    const none = { priority: 0, weight: 0, port: 0, target: '.' }
    assert.deepEqual(await resolver.query('_pop3._tcp.zone.test', 'SRV'), found([none]))
    const caa = { flags: 128, tag: 'issue', value: 'ca.test; accounturi=x' }
    assert.deepEqual(await resolver.query('zone.test', 'CAA'), found([caa]))
    const tlsa = { usage: 3, selector: 1, matching: 1, data: 'ab01' }
    assert.deepEqual(await resolver.query('_25._tcp.zone.test', 'TLSA'), found([tlsa]))
    assert.deepEqual(await resolver.query('host.test', 'TXT'), found(['v=spf1 mx -all']))
    assert.deepEqual(await resolver.query('1.2.0.192.in-addr.arpa', 'PTR'), found(['host.test']))
    assert.deepEqual(await resolver.query('alias.test', 'CNAME'), found(['middle.test'], 30))
    assert.deepEqual(await resolver.query('null.test', 'A'), { at: 'no-data' })
  })

  test('a chain of CNAMEs is followed, within the answer or by new questions; the least TTL counts', async () => {
    await using whole = await dnsServer(() => ({
      answers: zone.filter((record) => record.type === 'CNAME' || record.type === 'A'),
    }))
    await using parts = await dnsServer(({ questions: [asked] = [] }) => ({
      answers: zone.filter((record) => record.name === asked?.name && (record.type === 'CNAME' || record.type === 'A')),
    }))
    for (const server of [whole, parts]) {
      assert.deepEqual(await resolverOf([server.endpoint]).query('alias.test', 'A'), {
        at: 'found',
        records: ['192.0.2.1', '192.0.2.2'],
        ttlSeconds: 30,
        authenticated: false,
        canonical: 'host.test',
      })
    }
    assert.equal(whole.queries.length, 1)
    assert.equal(parts.queries.length, 3)
  })

  test('CNAMEs in a circle fail, in one answer or in many', async () => {
    const circle = [cname('a.test', 'b.test'), cname('b.test', 'a.test')]
    await using whole = await dnsServer(() => ({ answers: circle }))
    await using parts = await dnsServer(({ questions: [asked] = [] }) => ({
      answers: circle.filter((record) => record.name === asked?.name),
    }))
    for (const server of [whole, parts]) {
      assert.equal((await resolverOf([server.endpoint]).query('a.test', 'A')).at, 'failed')
      assert.ok(server.queries.length < 20)
    }
  })
})

describe('answers that say no or nothing (R18)', () => {
  const outcome = async (zone: Zone, options: { timeoutMs?: number } = {}): Promise<[unknown, number]> => {
    await using server = await dnsServer(zone)
    const answer = await resolverOf([server.endpoint], options).query('x.test', 'A')
    return [answer, server.queries.length]
  }

  test('NXDOMAIN and NODATA are final', async () => {
    assert.deepEqual(await outcome(() => ({ rcode: 3, authorities: [soa()] })), [{ at: 'no-such-domain' }, 1])
    assert.deepEqual(await outcome(() => ({ authorities: [soa()] })), [{ at: 'no-data' }, 1])
    assert.deepEqual(await outcome(() => ({})), [{ at: 'no-data' }, 1])
  })

  test('SERVFAIL, REFUSED and silence are tried again, then failed', async () => {
    assert.deepEqual(await outcome(() => ({ rcode: 2 })), [{ at: 'failed', why: 'servfail' }, 2])
    assert.deepEqual(await outcome(() => ({ rcode: 5 })), [{ at: 'failed', why: 'refused' }, 2])
    assert.deepEqual(await outcome(() => null, { timeoutMs: 20 }), [{ at: 'failed', why: 'timeout' }, 2])
  })

  test('a malformed answer fails; one for another question, or with a wrong id, is not even looked at', async () => {
    const garbled: Zone = (query) => {
      const raw = Buffer.alloc(40, 0xff)
      raw.writeUInt16BE(query.id ?? 0)
      raw.writeUInt16BE(0x8180, 2)
      return { raw }
    }
    assert.deepEqual(await outcome(garbled), [{ at: 'failed', why: 'malformed' }, 2])
    const forgedThenTrue: Zone = (query) => [
      { id: ((query.id ?? 0) + 1) % 65536, answers: [a('x.test', '203.0.113.66')] },
      {
        raw: encode({
          type: 'response',
          id: query.id ?? 0,
          questions: [{ type: 'A', name: 'other.test' }],
          answers: [a('x.test', '203.0.113.67')],
        }),
      },
      { answers: [a('x.test', '192.0.2.1')] },
    ]
    const [answer] = await outcome(forgedThenTrue)
    assert.deepEqual((answer as { records: unknown }).records, ['192.0.2.1'])
    const onlyForged: Zone = (query) => ({ id: ((query.id ?? 0) + 1) % 65536, answers: [a('x.test', '203.0.113.66')] })
    assert.deepEqual(await outcome(onlyForged, { timeoutMs: 20 }), [{ at: 'failed', why: 'timeout' }, 2])
  })

  test('records of other names in the answer are left aside', async () => {
    const [answer] = await outcome(() => ({ answers: [a('evil.test', '203.0.113.66'), a('x.test', '192.0.2.1')] }))
    assert.deepEqual((answer as { records: unknown }).records, ['192.0.2.1'])
  })

  test('nobody listens: the next server is asked', async () => {
    const gone = await dnsServer(() => ({}))
    const dead = gone.endpoint
    await gone[Symbol.asyncDispose]()
    await using server = await dnsServer(() => ({ answers: [a('x.test', '192.0.2.1')] }))
    assert.equal((await resolverOf([dead, server.endpoint]).query('x.test', 'A')).at, 'found')
    assert.deepEqual(await resolverOf([dead]).query('x.test', 'A'), { at: 'failed', why: 'network' })
    assert.deepEqual(await resolverOf([]).query('x.test', 'A'), { at: 'failed', why: 'network' })
  })

  test('names that cannot exist are not asked for', async () => {
    await using server = await dnsServer(() => ({ answers: [] }))
    const resolver = resolverOf([server.endpoint])
    for (const name of ['', '.', 'a..b', `${'x'.repeat(64)}.test`, `${'x.'.repeat(130)}test`, 'foo.invalid']) {
      assert.deepEqual(await resolver.query(name, 'A'), { at: 'no-such-domain' }, name)
    }
    const local = await resolver.query('localhost', 'AAAA')
    assert.deepEqual(local.at === 'found' && local.records, ['::1'])
    assert.deepEqual(server.queries, [])
    await resolver.query('bücher.test', 'A')
    assert.deepEqual(server.queries, ['udp A xn--bcher-kva.test'])
  })
})

describe('transport', () => {
  test('a truncated answer is asked for again over TCP', async () => {
    const many = Array.from({ length: 300 }, (_, n) => a('x.test', `192.0.2.${n % 256}`))
    await using server = await dnsServer((_, over) =>
      over === 'udp' ? { flags: TRUNCATED_RESPONSE, answers: many.slice(0, 3) } : { answers: many },
    )
    const answer = await resolverOf([server.endpoint]).query('x.test', 'A')
    assert.equal(answer.at === 'found' && answer.records.length, 300)
    assert.deepEqual(server.queries, ['udp A x.test', 'tcp A x.test'])
  })

  test('a server from before EDNS is asked without it, and remembered', async () => {
    await using server = await dnsServer((query) =>
      (query.additionals ?? []).length > 0
        ? { rcode: 1 }
        : { answers: [a(query.questions?.[0]?.name ?? '', '192.0.2.1')] },
    )
    const resolver = resolverOf([server.endpoint])
    assert.equal((await resolver.query('x.test', 'A')).at, 'found')
    assert.equal((await resolver.query('y.test', 'A')).at, 'found')
    assert.equal(server.queries.length, 3)
  })

  test('a proven "no" says so, and only where AD is trusted', async () => {
    await using server = await dnsServer((query) => ({
      flags: AUTHENTIC_DATA,
      rcode: query.questions?.[0]?.name === 'gone.test' ? 3 : 0,
    }))
    for (const trustAd of [true, false]) {
      const resolver = createResolver({
        clock: realClock,
        random: createTestRandom(),
        servers: [server.endpoint],
        trustAd,
      })
      const proven = trustAd ? { authenticated: true } : {}
      assert.deepEqual(await resolver.query('gone.test', 'MX'), { at: 'no-such-domain', ...proven })
      assert.deepEqual(await resolver.query('x.test', 'TLSA'), { at: 'no-data', ...proven })
    }
  })

  test('a name is asked for in mixed case; an answer in another case is asked for again over TCP', () => {
    const spelling = mixCase('mail.away.example', createTestRandom(3))
    assert.notEqual(spelling, 'mail.away.example')
    assert.equal(spelling.toLowerCase(), 'mail.away.example')
    const question = { id: 7, name: 'mail.away.example', type: 'A', spelling } as const
    const query = decode(encodeQuery(question, { edns: true, askAd: false }))
    assert.equal(query.questions?.[0]?.name, spelling)
    const answered = (name: string): string =>
      decodeReply(encode({ type: 'response', id: 7, questions: [{ type: 'A', name }], answers: [] }), question).at
    assert.equal(answered(spelling), 'answer')
    assert.equal(answered('mail.away.example'), 'truncated')
    assert.equal(answered('other.example'), 'not-ours')
  })

  test('the AD bit counts only where it is trusted', async () => {
    const asked: boolean[] = []
    await using server = await dnsServer((query) => {
      asked.push(query.flag_ad)
      return { flags: AUTHENTIC_DATA, answers: [a('x.test', '192.0.2.1')] }
    })
    for (const trustAd of [true, false]) {
      const answer = await resolverOf([server.endpoint], { trustAd }).query('x.test', 'A')
      assert.equal(answer.at === 'found' && answer.authenticated, trustAd)
    }
    assert.deepEqual(asked, [true, false])
  })

  test('the same question asked twice at once goes out once', async () => {
    await using server = await dnsServer(() => ({ answers: [a('x.test', '192.0.2.1')] }))
    const resolver = resolverOf([server.endpoint])
    await Promise.all([resolver.query('x.test', 'A'), resolver.query('X.test.', 'A'), resolver.query('x.test', 'A')])
    assert.equal(server.queries.length, 1)
  })
})

describe('the cache', () => {
  test('keeps answers for their TTL, shows what is left of it, and forgets', async () => {
    const clock = createTestClock()
    await using server = await dnsServer(() => ({ answers: [a('x.test', '192.0.2.1', 60)] }))
    const resolver = resolverOf([server.endpoint], { clock })
    await resolver.query('x.test', 'A')
    clock.advance(40_000)
    await resolver.query('x.test', 'A')
    assert.equal(server.queries.length, 1)
    clock.jump(-1_000_000) // Wall time does not count (R12).
    clock.advance(21_000)
    await resolver.query('x.test', 'A')
    assert.equal(server.queries.length, 2)
  })

  test('keeps a "no" for the SOA\'s minimum, failures shortly, TTL 0 and a "no" without SOA never', async () => {
    const clock = createTestClock()
    const zone: Record<string, Reply> = {
      'no.test': { rcode: 3, authorities: [soa(900, 120)] },
      'bare.test': { rcode: 3 },
      'zero.test': { answers: [a('zero.test', '192.0.2.1', 0)] },
      'fail.test': { rcode: 2 },
    }
    await using server = await dnsServer(({ questions: [asked] = [] }) => zone[asked?.name ?? ''] ?? null)
    const resolver = resolverOf([server.endpoint], { clock })
    const askedAfter = async (name: string, ms: number): Promise<boolean> => {
      clock.advance(ms)
      const before = server.queries.length
      await resolver.query(name, 'A')
      return server.queries.length > before
    }
    assert.deepEqual([await askedAfter('no.test', 0), await askedAfter('no.test', 119_000)], [true, false])
    assert.equal(await askedAfter('no.test', 2_000), true)
    assert.deepEqual([await askedAfter('bare.test', 0), await askedAfter('bare.test', 0)], [true, true])
    assert.deepEqual([await askedAfter('zero.test', 0), await askedAfter('zero.test', 0)], [true, true])
    assert.deepEqual([await askedAfter('fail.test', 0), await askedAfter('fail.test', 4_000)], [true, false])
    assert.equal(await askedAfter('fail.test', 2_000), true)
  })

  test('is bounded: the oldest goes', async () => {
    await using server = await dnsServer(({ questions: [asked] = [] }) => ({
      answers: [a(asked?.name ?? '', '192.0.2.1')],
    }))
    const resolver = resolverOf([server.endpoint], { cacheMax: 2 })
    for (const name of ['a.test', 'b.test', 'c.test', 'b.test', 'c.test', 'a.test']) await resolver.query(name, 'A')
    assert.equal(server.queries.length, 4)
  })
})
