/** R17: what a remote says, at each stage, and what becomes of the recipient. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AWAY, createTestClock, recipients, tryOnce } from './attempt-kit.ts'
import { createTestResolver } from './dns.ts'
import { createSink, type SinkStage } from './sink.ts'

/** A single host, so that "another host" does not blur the answer. */
const ONE = createTestResolver({
  'away.example': { MX: [{ preference: 10, exchange: 'mx1.away.example' }] },
  'mx1.away.example': { A: ['198.51.100.1'] },
})

type Row = readonly [stage: SinkStage, said: string, to: 'delivered' | 'failed' | 'waiting', status: string]

const TABLE: readonly Row[] = [
  ['greeting', '220 hello', 'delivered', '2.0.0'],
  ['greeting', '220-two\r\n220 lines', 'delivered', '2.0.0'],
  ['greeting', '421 4.3.2 shutting down', 'waiting', '4.3.2'],
  ['greeting', '450 4.7.1 later', 'waiting', '4.7.1'],
  ['greeting', '554 5.7.1 no', 'failed', '5.7.1'],
  ['greeting', '521 no mail here', 'failed', '5.0.0'],
  ['greeting', 'SSH-2.0-OpenSSH', 'waiting', '4.5.0'],
  ['greeting', 'close', 'waiting', '4.4.2'],
  ['greeting', 'silent', 'waiting', '4.4.2'],
  ['ehlo', '421 4.7.0 too many', 'waiting', '4.7.0'],
  ['ehlo', '451 4.3.0 oops', 'waiting', '4.3.0'],
  ['ehlo', '500 5.5.1 what?', 'delivered', '2.0.0'],
  ['ehlo', '502 not implemented', 'delivered', '2.0.0'],
  ['ehlo', 'close', 'waiting', '4.4.2'],
  ['ehlo', '354 nonsense', 'waiting', '4.5.0'],
  ['mail', '421 4.3.2 closing', 'waiting', '4.3.2'],
  ['mail', '451 4.3.0 oops', 'waiting', '4.3.0'],
  ['mail', '452 4.3.1 no space', 'waiting', '4.3.1'],
  ['mail', '550 5.7.1 blocked', 'failed', '5.7.1'],
  ['mail', '552 5.3.4 too big', 'failed', '5.3.4'],
  ['mail', '354 nonsense', 'waiting', '4.5.0'],
  ['mail', 'close', 'waiting', '4.4.2'],
  ['rcpt', '251 2.1.5 will forward', 'delivered', '2.0.0'],
  ['rcpt', '421 4.3.2 closing', 'waiting', '4.3.2'],
  ['rcpt', '450 4.2.1 greylisted', 'waiting', '4.2.1'],
  ['rcpt', '452 4.2.2 full', 'waiting', '4.2.2'],
  ['rcpt', '552 too many recipients', 'waiting', '5.0.0'],
  ['rcpt', '552 5.2.2 mailbox full', 'failed', '5.2.2'],
  ['rcpt', '550 5.1.1 nobody', 'failed', '5.1.1'],
  ['rcpt', '550 nobody', 'failed', '5.0.0'],
  ['rcpt', '550 4.1.1 class does not fit', 'failed', '5.0.0'],
  ['rcpt', '650 out of range', 'waiting', '4.5.0'],
  ['data', '421 4.3.2 closing', 'waiting', '4.3.2'],
  ['data', '451 4.3.0 oops', 'waiting', '4.3.0'],
  ['data', '554 5.5.1 no', 'failed', '5.5.1'],
  ['data', '250 nonsense', 'waiting', '4.5.0'],
  ['data', 'close', 'waiting', '4.4.2'],
  ['dot', '250 ok', 'delivered', '2.0.0'],
  ['dot', '250-2.0.0 two\r\n250 2.0.0 lines', 'delivered', '2.0.0'],
  ['dot', '250-two\r\n251 codes', 'waiting', '4.5.0'],
  ['dot', '421 4.3.2 closing', 'waiting', '4.3.2'],
  ['dot', '451 4.7.1 scanning', 'waiting', '4.7.1'],
  ['dot', '554 5.6.0 spam', 'failed', '5.6.0'],
  ['dot', 'close', 'waiting', '4.4.2'],
  ['dot', 'silent', 'waiting', '4.4.2'],
  ['dot', `250 ${'x'.repeat(3000)}`, 'waiting', '4.5.0'],
  ['dot', '250-more\r\n'.repeat(101), 'waiting', '4.5.0'],
]

for (const pipelining of [true, false]) {
  suite(`R17 ${pipelining ? 'with' : 'without'} PIPELINING`, () => {
    for (const [stage, said, to, status] of TABLE) {
      test(`${stage}: ${said.slice(0, 40).replaceAll('\r\n', '␍')} → ${to} ${status}`, async () => {
        const clock = createTestClock()
        const sink = createSink({
          clock,
          offers: pipelining ? ['PIPELINING'] : [],
          script: (at) => (at === stage ? said : null),
        })
        const outcome = await tryOnce(sink, clock, { resolver: ONE })
        assert.deepEqual(
          outcome.results.map((result) => [result.to, result.answer.status]),
          [[to, status]],
        )
        assert.equal(outcome.error, null)
        await outcome.remote?.close()
        assert.equal(sink.open, 0, 'no connection is left behind')
      })
    }
  })
}

suite('hosts in order', () => {
  test('a temporary refusal before the mail goes to the next host', async () => {
    const clock = createTestClock()
    for (const stage of ['greeting', 'ehlo'] as const) {
      const sink = createSink({
        clock,
        script: (at, _, { host }) => (at === stage && host === '198.51.100.1' ? '421 4.3.2 later' : null),
      })
      const outcome = await tryOnce(sink, clock)
      assert.deepEqual(sink.dialled, ['198.51.100.1', '198.51.100.2'])
      assert.equal(outcome.results[0]!.to, 'delivered')
    }
  })

  test('a connection lost before the dot goes to the next host; after the dot it does not', async () => {
    for (const [stage, taken] of [
      ['rcpt', 1],
      ['data', 1],
      ['dot', 0],
    ] as const) {
      const clock = createTestClock()
      const sink = createSink({
        clock,
        script: (at, _, { host }) => (at === stage && host === '198.51.100.1' ? 'close' : null),
      })
      const outcome = await tryOnce(sink, clock)
      assert.equal(sink.dialled.length, 1 + taken, stage)
      assert.equal(outcome.results[0]!.to, taken === 1 ? 'delivered' : 'waiting', stage)
      assert.equal(outcome.trouble, true)
    }
  })

  test('recipients who have an answer keep it when the rest moves on', async () => {
    const clock = createTestClock()
    const sink = createSink({
      clock,
      offers: [],
      script: (at, line, { host }) => {
        if (at !== 'rcpt' || host !== '198.51.100.1') return null
        return line.includes('bad@') ? '550 5.1.1 no' : line.includes('last@') ? '421 4.3.2 bye' : null
      },
    })
    const outcome = await tryOnce(sink, clock, {
      to: recipients('ok@away.example', 'bad@away.example', 'last@away.example'),
    })
    const came = Object.fromEntries(outcome.results.map(({ index, to }) => [index, to]))
    assert.deepEqual(came, { 0: 'delivered', 1: 'failed', 2: 'delivered' })
    assert.deepEqual(
      sink.taken.map(({ to, host }) => [host, to]),
      [['198.51.100.2', ['ok@away.example', 'last@away.example']]],
    )
  })

  test('nobody reachable: one temporary answer, and the destination is dead', async () => {
    const clock = createTestClock()
    const sink = createSink({ clock, refuses: () => 'ECONNREFUSED' })
    const outcome = await tryOnce(sink, clock)
    assert.equal(outcome.unreachable, true)
    assert.equal(outcome.results[0]!.answer.status, '4.4.1')
    assert.equal(sink.dialled.length, 2)
  })

  test('a kept connection that has died is replaced without being counted', async () => {
    const clock = createTestClock()
    let dead = false
    const sink = createSink({
      clock,
      script: (at, _, { connection }) => (dead && at === 'mail' && connection === 1 ? 'close' : null),
    })
    const first = await tryOnce(sink, clock)
    assert.notEqual(first.remote, null)
    dead = true
    const second = await tryOnce(sink, clock, { kept: first.remote })
    assert.equal(second.results[0]!.to, 'delivered')
    assert.equal(second.trouble, false)
    assert.equal(sink.dialled.length, 2)
  })
})

suite('recipients', () => {
  test('"too many" continues in another transaction on the same connection', async () => {
    const clock = createTestClock()
    let taken = 0
    const sink = createSink({
      clock,
      script: (at) => {
        if (at === 'mail') taken = 0
        return at === 'rcpt' && ++taken > 2 ? '452 4.5.3 too many' : null
      },
    })
    const to = Array.from({ length: 5 }, (_, i) => `r${i}@away.example`)
    const outcome = await tryOnce(sink, clock, { to: recipients(...to) })
    assert.ok(outcome.results.every((result) => result.to === 'delivered'))
    assert.deepEqual(
      sink.taken.map((mail) => mail.to.length),
      [2, 2, 1],
    )
    assert.equal(sink.dialled.length, 1)
  })

  test('"too many" for all waits', async () => {
    const clock = createTestClock()
    const sink = createSink({ clock, script: (at) => (at === 'rcpt' ? '452 4.5.3 too many' : null) })
    const outcome = await tryOnce(sink, clock)
    assert.equal(outcome.results[0]!.to, 'waiting')
  })

  test('at most 50 a transaction, fewer where LIMITS says so', async () => {
    for (const [offers, sizes] of [
      [['PIPELINING'], [50, 50, 20]],
      [
        ['PIPELINING', 'LIMITS RCPTMAX=40'],
        [40, 40, 40],
      ],
    ] as const) {
      const clock = createTestClock()
      const sink = createSink({ clock, offers })
      const to = Array.from({ length: 120 }, (_, i) => `r${i}@away.example`)
      const outcome = await tryOnce(sink, clock, { to: recipients(...to) })
      assert.equal(outcome.results.length, 120)
      assert.deepEqual(
        sink.taken.map((mail) => mail.to.length),
        sizes,
      )
    }
  })

  test('all refused, DATA accepted all the same: the bare end is sent and counts for nothing', async () => {
    const clock = createTestClock()
    const sink = createSink({
      clock,
      script: (at) => (at === 'rcpt' ? '550 5.1.1 no' : at === 'data' ? '354 whatever' : null),
    })
    const outcome = await tryOnce(sink, clock)
    assert.equal(outcome.results[0]!.to, 'failed')
    assert.equal(sink.taken.filter((mail) => mail.to.length > 0).length, 0)
    assert.notEqual(outcome.remote, null, 'the connection can be used again')
  })
})

suite('extensions', () => {
  const say = (sink: { lines: string[] }, verb: string): string =>
    sink.lines.find((line) => line.includes(verb))!.replace(/^\d+ /, '')

  test('a message larger than SIZE is not sent', async () => {
    const clock = createTestClock()
    const sink = createSink({ clock, offers: ['SIZE 10'] })
    const outcome = await tryOnce(sink, clock)
    assert.equal(outcome.results[0]!.answer.status, '5.3.4')
    assert.ok(!sink.lines.some((line) => line.includes('MAIL')))
  })

  test('SMTPUTF8 where needed: offered, refused by header, by recipient alone', async () => {
    const clock = createTestClock()
    const entry = { envelope: { reversePath: null, body: '8BITMIME', smtputf8: true, requireTls: false } } as const
    const to = recipients('ivan@away.example', 'иван@away.example')

    const able = createSink({ clock, offers: ['8BITMIME', 'SMTPUTF8', 'PIPELINING'] })
    const done = await tryOnce(able, clock, { to, entry, content: 'Subject: Привет\r\n\r\n' })
    assert.ok(done.results.every((result) => result.to === 'delivered'))
    assert.equal(say(able, 'MAIL'), 'MAIL FROM:<> BODY=8BITMIME SMTPUTF8')

    const unable = createSink({ clock, offers: ['8BITMIME'] })
    const header = await tryOnce(unable, clock, { to, entry, content: 'Subject: Привет\r\n\r\n' })
    assert.ok(header.results.every((result) => result.to === 'failed' && result.answer.status === '5.6.7'))
    assert.ok(!unable.lines.some((line) => line.includes('MAIL')))

    const plain = await tryOnce(unable, clock, { to, entry, content: 'Subject: Hello\r\n\r\nПривет\r\n' })
    const came = Object.fromEntries(
      plain.results.map((result) => [result.index, `${result.to} ${result.answer.status}`]),
    )
    assert.deepEqual(came, { 0: 'delivered 2.0.0', 1: 'failed 5.6.7' })
  })

  test('binary mail goes by BDAT, or nowhere', async () => {
    const clock = createTestClock()
    const entry = { envelope: { reversePath: null, body: 'BINARYMIME', smtputf8: false, requireTls: false } } as const
    const content = `Subject: x\r\n\r\n\n.\n${'y'.repeat(100_000)}`
    const able = createSink({ clock, offers: ['CHUNKING', 'BINARYMIME', 'PIPELINING'] })
    const done = await tryOnce(able, clock, { entry, content })
    assert.equal(done.results[0]!.to, 'delivered')
    assert.equal(able.taken[0]!.data, content, 'octet for octet')
    assert.deepEqual(
      able.lines.filter((line) => line.includes('BDAT')),
      ['1 BDAT 65536', `1 BDAT ${content.length - 65536} LAST`],
    )

    const unable = createSink({ clock, offers: ['CHUNKING'] })
    const failed = await tryOnce(unable, clock, { entry, content })
    assert.equal(failed.results[0]!.answer.status, '5.6.3')
  })

  test('DSN parameters go along where DSN is offered', async () => {
    const clock = createTestClock()
    const to = recipients({
      to: 'bob@away.example',
      notify: ['success', 'failure'],
      originalRecipient: 'rfc822;b+b@x.example',
    })
    const entry = {
      envelope: {
        reversePath: { localPart: 'a b', domain: 'home.example' },
        body: '7BIT',
        smtputf8: false,
        requireTls: false,
        dsn: { ret: 'HDRS', envelopeId: 'id=1 2' },
      },
    } as const
    const able = createSink({ clock, offers: ['DSN'] })
    const done = await tryOnce(able, clock, { to, entry })
    assert.equal(done.results[0]!.dsnPassedOn, true)
    assert.equal(say(able, 'MAIL'), 'MAIL FROM:<"a b"@home.example> RET=HDRS ENVID=id+3D1+202')
    assert.equal(say(able, 'RCPT'), 'RCPT TO:<bob@away.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bb@x.example')

    const unable = createSink({ clock, offers: [] })
    const other = await tryOnce(unable, clock, { to, entry })
    assert.equal(other.results[0]!.dsnPassedOn, undefined)
    assert.equal(say(unable, 'RCPT'), 'RCPT TO:<bob@away.example>')
  })

  test('the content arrives as it was, dots and all', async () => {
    const clock = createTestClock()
    const sink = createSink({ clock })
    const content = `Subject: x\r\n\r\n.\r\n..\r\n.x\r\n${'z'.repeat(200_000)}\r\n.`
    await tryOnce(sink, clock, { content })
    assert.equal(sink.taken[0]!.data, `${content}\r\n`)
  })
})

suite('TLS (D3, S4)', () => {
  const offers = (_: string, tls: boolean): string[] => (tls ? ['PIPELINING'] : ['PIPELINING', 'STARTTLS'])

  test('taken where offered, and EHLO is said again', async () => {
    const clock = createTestClock()
    const sink = createSink({ clock, offers })
    const outcome = await tryOnce(sink, clock)
    assert.equal(sink.taken[0]!.tls, true)
    assert.equal(sink.lines.filter((line) => line.includes('EHLO')).length, 2)
    assert.equal(outcome.via?.tls, 'TLSv1.3')
  })

  test('a failed handshake: one clear try on a new connection, remembered for the domain', async () => {
    const clock = createTestClock()
    const { createTlsMemory } = await import('../../src/outbound/delivery/walk.ts')
    const tlsMemory = createTlsMemory(clock)
    const sink = createSink({ clock, offers, script: (at) => (at === 'tls' ? 'fail' : null) })
    const outcome = await tryOnce(sink, clock, { tlsMemory })
    assert.equal(outcome.results[0]!.to, 'delivered')
    assert.equal(sink.taken[0]!.tls, false)
    assert.deepEqual(sink.dialled, ['198.51.100.1', '198.51.100.1'])
    await outcome.remote?.close()

    await tryOnce(sink, clock, { tlsMemory })
    assert.equal(sink.dialled.length, 3, 'the second message does not try TLS')
    clock.advance(25 * 3600_000)
    await tryOnce(sink, clock, { tlsMemory })
    assert.equal(sink.dialled.length, 5, 'a day later TLS is tried again')
  })

  test('STARTTLS refused with 454: goes on in the clear on the same connection', async () => {
    const clock = createTestClock()
    const sink = createSink({ clock, offers, script: (at) => (at === 'starttls' ? '454 4.7.0 not now' : null) })
    await tryOnce(sink, clock)
    assert.equal(sink.taken[0]!.tls, false)
    assert.equal(sink.dialled.length, 1)
  })

  test('replies injected before the handshake are not read after it (S3)', async () => {
    const clock = createTestClock()
    const sink = createSink({
      clock,
      offers,
      script: (at) => (at === 'starttls' ? '220 go\r\n250-evil\r\n250 SIZE 1\r\n' : null),
    })
    const outcome = await tryOnce(sink, clock)
    assert.equal(outcome.results[0]!.to, 'delivered', 'SIZE 1 was not believed')
  })

  const smarthost = {
    kind: 'host',
    host: '198.51.100.9',
    port: 587,
    security: 'starttls',
    credentials: null,
    verify: true,
  } as const

  test('a route with starttls never goes in the clear', async () => {
    for (const script of [
      (at: SinkStage) => (at === 'tls' ? 'fail' : null),
      (at: SinkStage) => (at === 'starttls' ? '454 4.7.0 no' : null),
    ]) {
      const clock = createTestClock()
      const sink = createSink({ clock, offers, script })
      const outcome = await tryOnce(sink, clock, { route: smarthost })
      assert.equal(outcome.results[0]!.to, 'waiting')
      assert.equal(sink.dialled.length, 1)
      assert.equal(sink.taken.length, 0)
    }
    const clock = createTestClock()
    const stripped = createSink({ clock, offers: [] })
    const outcome = await tryOnce(stripped, clock, { route: smarthost })
    assert.deepEqual([outcome.results[0]!.to, outcome.results[0]!.answer.status], ['waiting', '4.7.10'])
  })

  test('REQUIRETLS is never forgotten, and fails where it is not offered (RFC 8689)', async () => {
    const entry = {
      envelope: {
        reversePath: { localPart: 'a', domain: 'home.example' },
        body: '7BIT',
        smtputf8: false,
        requireTls: true,
      },
    } as const
    for (const [keywords, script, status] of [
      [['STARTTLS'], null, '5.7.30'],
      [['STARTTLS', 'REQUIRETLS'], null, null],
      [['REQUIRETLS'], null, '5.7.10'],
      [['STARTTLS', 'REQUIRETLS'], 'fail', '5.7.10'],
    ] as const) {
      const clock = createTestClock()
      const sink = createSink({ clock, offers: keywords, script: (at) => (at === 'tls' ? script : null) })
      const outcome = await tryOnce(sink, clock, { entry, route: { ...smarthost, security: 'opportunistic' } })
      const result = outcome.results[0]!
      if (status === null)
        assert.match(
          sink.lines.find((line) => line.includes('MAIL'))!,
          / REQUIRETLS$/,
        )
      else assert.deepEqual([result.to, result.answer.status], ['failed', status], keywords.join())
      if (status !== null) assert.equal(sink.taken.length, 0)
    }
  })

  test('unsigned MX records do not do for REQUIRETLS', async () => {
    const clock = createTestClock()
    const sink = createSink({ clock })
    const entry = {
      envelope: {
        reversePath: { localPart: 'a', domain: 'home.example' },
        body: '7BIT',
        smtputf8: false,
        requireTls: true,
      },
    } as const
    const outcome = await tryOnce(sink, clock, { entry, resolver: createTestResolver(AWAY) })
    assert.equal(outcome.results[0]!.answer.status, '5.7.10')
    assert.equal(sink.dialled.length, 0)
  })
})
