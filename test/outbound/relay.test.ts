/** The scheduler under a clock that the test turns, against a sink with faults. */
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { createOutgoingQueue } from '../../src/core/queue/outgoing.ts'
import type { QueueEntry } from '../../src/model/queue.ts'
import type { AcceptInput } from '../../src/store/contract.ts'
import type { LogEvent } from '../../src/std/log.ts'
import type { Routes } from '../../src/outbound/contract.ts'
import { createRelay } from '../../src/outbound/relay/relay.ts'
import type { TestClock } from '../../src/std/test-clock.ts'
import { createTestRandom } from '../../src/std/test-random.ts'
import { createTestClock, OURSELVES, recipients } from './attempt-kit.ts'
import { createTestResolver, mx, type Zone } from './dns.ts'
import { createQueueStore, type QueueStore } from './queue-store.ts'
import { createSink, flush, type Script, type Sink } from './sink.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

type Notice = { to: string; content: string }

function setUp(
  t: TestContext,
  options: {
    script?: Script
    refuses?: (address: string) => string | null
    offers?: readonly string[]
    zone?: Zone
    routes?: Routes
    seed?: number
    /** A life before this one, whose queue and time go on. */
    after?: { readonly clock: TestClock; readonly store: QueueStore }
  } = {},
) {
  const clock = options.after?.clock ?? createTestClock()
  const random = createTestRandom(options.seed)
  const store = options.after?.store ?? createQueueStore(clock)
  const events: LogEvent[] = []
  const record = (event: LogEvent): void => void events.push(event)
  const log = { debug: record, info: record, warn: record, error: record, with: () => log }
  const notices: Notice[] = []
  const queue = createOutgoingQueue({
    store,
    clock,
    random,
    log,
    hostname: OURSELVES.hostname,
    owner: 'relay',
    async prepareNotice({ to, content }) {
      notices.push({ to: `${to.localPart}@${to.domain}`, content: Buffer.from(content).toString() })
      return { notice: notices.length } as unknown as AcceptInput
    },
  })
  const sink = createSink({ clock, ...options })
  const zone = options.zone ?? mx('away.example', [10, 'mx1.away.example', '198.51.100.1'])
  const kept: QueueEntry[] = []
  const relay = createRelay({
    queue,
    dialler: sink,
    resolver: createTestResolver(zone),
    clock,
    random,
    log,
    ourselves: OURSELVES,
    routes: options.routes ?? { byDomain: new Map(), otherwise: { kind: 'mx' } },
    sandbox: {
      async deliver(entry) {
        kept.push(entry)
        return { code: 250, status: '2.0.0', text: 'kept', remote: null }
      },
    },
  })
  /** Lets time pass in steps, with everything that can run in between. */
  const pass = async (ms: number, step = MINUTE): Promise<void> => {
    for (let left = ms; left > 0; left -= step) {
      clock.advance(Math.min(step, left))
      await flush()
    }
  }
  const stop = async (): Promise<void> => {
    let isStopped = false
    const stopped = (): boolean => isStopped
    const stopping = relay.stop({ drainMs: 10_000 }).then(() => (isStopped = true))
    for (let i = 0; i < 100 && !stopped(); i++) {
      await flush()
      clock.advance(1000)
    }
    await stopping
  }
  t.after(stop)
  return { clock, store, sink, relay, queue, events, notices, kept, pass, stop, random }
}

const bob = recipients('bob@away.example')
const named = (events: readonly LogEvent[], event: string): LogEvent[] => events.filter((one) => one.event === event)

function assertAllTaken(store: QueueStore, sink: Sink, count: number): void {
  assert.equal(store.entries.length, 0, 'the queue is empty')
  assert.equal(sink.taken.length, count)
}

suite('relay', () => {
  test('delivers what is due at start, what comes later, and logs it', async (t) => {
    const world = setUp(t)
    world.store.add({ destination: 'away.example', recipients: bob })
    await world.relay.start()
    await flush()
    assertAllTaken(world.store, world.sink, 1)
    world.store.add({ destination: 'away.example', recipients: bob })
    await flush()
    assertAllTaken(world.store, world.sink, 2)
    const [event] = named(world.events, 'relay.delivered')
    assert.equal(event!['traceId'], 'trace1')
    assert.equal(event!['host'], 'mx1.away.example')
    assert.equal(event!['code'], 250)
    assert.deepEqual(event!['recipients'], ['bob@away.example'])
    assert.ok(!JSON.stringify(world.events).includes('Hello'), 'no body in the log')
  })

  test('connections are used again, closed when idle, and after 100 messages', async (t) => {
    const world = setUp(t)
    await world.relay.start()
    for (let i = 0; i < 3; i++) {
      world.store.add({ destination: 'away.example', recipients: bob })
      await flush()
    }
    assert.equal(world.sink.dialled.length, 1)
    assert.equal(world.sink.open, 1)
    await world.pass(6000, 1000)
    assert.equal(world.sink.open, 0)
    assert.ok(world.sink.lines.some((line) => line.endsWith('QUIT')))
    for (let i = 0; i < 250; i++) {
      world.store.add({ destination: 'away.example', recipients: bob })
      await flush()
    }
    assertAllTaken(world.store, world.sink, 253)
    assert.equal(world.sink.dialled.length, 4)
  })

  test('retries by the schedule, then expires with 5.4.7 and one DSN', async (t) => {
    const world = setUp(t, { script: (stage) => (stage === 'rcpt' ? '451 4.7.1 not today' : null) })
    await world.relay.start()
    world.store.add({ destination: 'away.example', recipients: bob })
    await flush()
    const start = world.clock.now()
    const waits: number[] = []
    for (let i = 0; i < 6; i++) {
      const { attempts, nextAttemptAt } = world.store.entries[0]!
      assert.equal(attempts, i + 1)
      waits.push(nextAttemptAt - world.clock.now())
      await world.pass(nextAttemptAt - world.clock.now(), nextAttemptAt - world.clock.now())
      await flush()
    }
    const bases = [6, 10, 20, 40, 60, 120]
    for (const [i, wait] of waits.entries()) {
      assert.ok(Math.abs(wait / MINUTE / bases[i]! - 1) <= 0.15, `wait ${i} is ${wait / MINUTE} min`)
    }
    assert.equal(named(world.events, 'relay.deferred').length, 7)
    await world.pass(5 * 24 * HOUR, 10 * MINUTE)
    assert.equal(world.store.entries.length, 0)
    assert.equal(named(world.events, 'relay.expired').length, 1)
    const failures = world.notices.filter((notice) => notice.content.includes('Action: failed'))
    assert.equal(failures.length, 1)
    assert.match(failures[0]!.content, /Status: 5\.4\.7/)
    assert.match(failures[0]!.content.replaceAll('\r\n ', ' '), /451 4\.7\.1 not today/)
    assert.equal(world.notices.length - failures.length, 1, 'and one notice of delay before')
    assert.ok(world.clock.now() - start < 5.2 * 24 * HOUR)
  })

  test('greylisting (R20): delivered at the second try, five to eight minutes later', async (t) => {
    const seen = new Set<string>()
    let since = 0
    const world = setUp(t, {
      script: (stage, line) => {
        if (stage !== 'rcpt') return null
        if (!seen.has(line)) {
          seen.add(line)
          since = world.clock.now()
        }
        return world.clock.now() - since < 5 * MINUTE ? '450 4.7.1 greylisted' : null
      },
    })
    await world.relay.start()
    world.store.add({ destination: 'away.example', recipients: bob })
    await world.pass(8 * MINUTE, 10_000)
    assertAllTaken(world.store, world.sink, 1)
  })

  test('lost 250s and 451s (R13): every recipient once per lost 250, none beyond', async (t) => {
    const random = createTestRandom(42)
    let lost = 0
    const counts = new Map<string, number>()
    const world = setUp(t, {
      script: (stage) => {
        if (stage === 'dot') {
          const chance = random.float()
          if (chance < 0.05) {
            lost++
            return 'close'
          }
          return chance < 0.15 ? '451 4.3.0 try again' : null
        }
        return stage === 'rcpt' && random.float() < 0.1 ? '450 4.2.1 later' : null
      },
    })
    await world.relay.start()
    for (let i = 0; i < 300; i++) {
      world.store.add({
        destination: 'away.example',
        recipients: recipients(`a${i}@away.example`, `b${i}@away.example`, `c${i}@away.example`),
      })
    }
    await world.pass(12 * HOUR, MINUTE)
    assert.equal(world.store.entries.length, 0)
    for (const mail of world.sink.taken) {
      if (mail.lost !== true) for (const to of mail.to) counts.set(to, (counts.get(to) ?? 0) + 1)
    }
    assert.ok(lost > 3, `${lost} lost`)
    assert.equal(counts.size, 900)
    assert.ok(
      [...counts.values()].every((count) => count === 1),
      'each was told 250 once',
    )
  })

  test('a dead destination (R15): few connects, others unaffected, all delivered when it comes back', async (t) => {
    let dead = true
    const zone = {
      ...mx('away.example', [1, 'mx.away.example', '198.51.100.1']),
      ...mx('live.example', [1, 'mx.live.example', '203.0.113.1']),
    }
    const world = setUp(t, { zone, refuses: (address) => (dead && address === '198.51.100.1' ? 'ETIMEDOUT' : null) })
    for (let i = 0; i < 1000; i++) world.store.add({ destination: 'away.example', recipients: bob })
    world.store.add({ destination: 'live.example', recipients: recipients('eve@live.example') })
    await world.relay.start()
    for (let i = 0; i < 30; i++) await flush()
    assert.equal(world.sink.taken.length, 1, 'the other destination has its mail')
    assert.ok(world.sink.dialled.length <= 1 + 2, `${world.sink.dialled.length} connects`)
    const times = world.store.entries.map((entry) => entry.nextAttemptAt)
    assert.ok(Math.min(...times) > world.clock.now(), 'all are postponed')
    assert.ok(new Set(times).size > 300, 'and spread')
    await world.pass(2 * HOUR)
    assert.ok(world.sink.dialled.length < 60, `${world.sink.dialled.length} connects in two hours`)
    dead = false
    world.sink.mostOpen = 0
    await world.pass(6 * HOUR)
    assertAllTaken(world.store, world.sink, 1001)
    assert.ok(world.sink.mostOpen <= 20)
  })

  test('concurrency per destination starts at 2, grows to 20, shrinks on trouble', async (t) => {
    let slow: (() => string | null) | null = () => 'silent'
    const world = setUp(t, { script: (stage) => (stage === 'dot' ? (slow?.() ?? null) : null) })
    for (let i = 0; i < 100; i++) world.store.add({ destination: 'away.example', recipients: bob })
    await world.relay.start()
    await flush()
    assert.equal(world.sink.open, 2)
    slow = null
    await world.pass(20 * MINUTE)
    assert.ok(world.sink.mostOpen > 2 && world.sink.mostOpen <= 20, `${world.sink.mostOpen} at most`)
    await world.pass(HOUR)
    assert.equal(world.store.entries.length, 0)
  })

  test('200 black holes (R19) do not hold up other mail', async (t) => {
    const zone: Zone = { ...mx('live.example', [1, 'mx.live.example', '203.0.113.1']) }
    for (let i = 0; i < 200; i++)
      Object.assign(zone, mx(`hole${i}.example`, [1, `mx.hole${i}.example`, `198.51.100.${i}`]))
    const world = setUp(t, {
      zone,
      script: (stage, _, { host }) => (stage === 'greeting' && host.startsWith('198.') ? 'silent' : null),
    })
    for (let i = 0; i < 200; i++) {
      for (let k = 0; k < 10; k++)
        world.store.add({ destination: `hole${i}.example`, recipients: recipients(`x@hole${i}.example`) })
    }
    await world.relay.start()
    await flush()
    assert.equal(world.sink.open, 200)
    await world.pass(2000, 500)
    assert.equal(world.sink.open, 350, 'those that hang no longer count, and leave room for others')
    world.store.add({ destination: 'live.example', recipients: recipients('eve@live.example') })
    await flush()
    assert.equal(world.sink.taken.length, 1)
  })

  test('permanent failure: one DSN for the failed, the rest delivered', async (t) => {
    const world = setUp(t, {
      script: (stage, line) => (stage === 'rcpt' && line.includes('bad') ? '550 5.1.1 nobody' : null),
    })
    await world.relay.start()
    world.store.add({
      destination: 'away.example',
      recipients: recipients('bob@away.example', 'bad1@away.example', 'bad2@away.example'),
    })
    await flush()
    assertAllTaken(world.store, world.sink, 1)
    assert.equal(world.notices.length, 1)
    assert.equal(world.store.notices.length, 1, 'in the same transaction')
    assert.equal(world.notices[0]!.to, 'alice@home.example')
    assert.equal(world.notices[0]!.content.match(/Action: failed/g)?.length, 2)
  })

  test('a store that fails at settle: the answer is not forgotten, and nothing is sent twice', async (t) => {
    const world = setUp(t)
    await world.relay.start()
    world.store.add({ destination: 'away.example', recipients: bob })
    // Fails at the claim first, then at settling.
    await flush()
    world.store.failNext = 1
    world.store.add({ destination: 'away.example', recipients: bob })
    await flush()
    world.store.failNext = 0
    await world.pass(5000, 100)
    assertAllTaken(world.store, world.sink, 2)

    const dot = setUp(t, {
      script: (stage) => {
        if (stage === 'dot') dot.store.failNext = 3
        return null
      },
    })
    await dot.relay.start()
    dot.store.add({ destination: 'away.example', recipients: bob })
    await flush()
    assert.equal(dot.store.entries.length, 1)
    await dot.pass(10_000, 500)
    assertAllTaken(dot.store, dot.sink, 1)
    assert.equal(named(dot.events, 'relay.settle.failed').length, 3)
  })

  test('stop lets attempts end, then breaks them; nothing counts as tried', async (t) => {
    const world = setUp(t, { script: (stage) => (stage === 'rcpt' ? 'silent' : null) })
    await world.relay.start()
    for (let i = 0; i < 5; i++) world.store.add({ destination: 'away.example', recipients: bob })
    await flush()
    assert.equal(world.sink.open, 2)
    await world.stop()
    assert.equal(world.sink.open, 0)
    assert.equal(world.store.entries.length, 5)
    assert.ok(world.store.entries.every((entry) => entry.attempts === 0 && entry.nextAttemptAt <= world.clock.now()))
  })

  test('stop while the store fails: what is not told yet is told once more before the end, not forgotten', async (t) => {
    const stopsWith = async (failures: number): Promise<ReturnType<typeof setUp>> => {
      const world = setUp(t, {
        script: (stage) => {
          if (stage === 'dot') world.store.failNext = failures
          return null
        },
      })
      await world.relay.start()
      world.store.add({ destination: 'away.example', recipients: bob })
      await flush()
      // Told after 0, 1, 3 and 7 seconds; the drain ends in the pause that comes then.
      await world.stop()
      return world
    }
    const mended = await stopsWith(4)
    assertAllTaken(mended.store, mended.sink, 1)
    assert.equal(named(mended.events, 'relay.settle.failed').length, 4)

    // A store that does not come back does not hold the stop: one try, and the lease ends by itself.
    const failing = await stopsWith(100)
    assert.equal(failing.store.entries.length, 1)
    assert.equal(named(failing.events, 'relay.settle.failed').length, 5)
  })

  test('what a dead run held is taken back at start', async (t) => {
    const world = setUp(t)
    world.store.add({ destination: 'away.example', recipients: bob })
    await world.store.run({
      do: 'claimDue',
      now: world.clock.now(),
      lease: 'relay/dead',
      leaseUntil: world.clock.now() + HOUR,
      limit: 9,
      perDestination: 9,
      except: [],
    })
    world.store.add({ destination: 'away.example', recipients: bob })
    await world.store.run({
      do: 'claimDue',
      now: world.clock.now(),
      lease: 'other/alive',
      leaseUntil: world.clock.now() + HOUR,
      limit: 9,
      perDestination: 9,
      except: [],
    })
    await world.relay.start()
    await flush()
    assert.equal(world.sink.taken.length, 1)
    assert.equal(world.store.entries.length, 1, 'the other owner keeps its own')
  })

  test('clock jumps (R12): no bounce, no double delivery, nothing stranded', async (t) => {
    for (const jump of [24 * HOUR, -HOUR, -10 * 365 * 24 * HOUR, 10 * 365 * 24 * HOUR]) {
      let ok = false
      const world = setUp(t, {
        script: (stage) => (stage === 'rcpt' && !ok ? '451 4.3.0 later' : stage === 'dot' ? 'silent' : null),
      })
      await world.relay.start()
      world.store.add({ destination: 'away.example', recipients: bob })
      await world.pass(30 * MINUTE)
      world.clock.jump(jump)
      await world.pass(30 * MINUTE)
      assert.equal(
        world.notices.filter((notice) => notice.content.includes('Action: failed')).length,
        0,
        `jump ${jump}`,
      )
      assert.equal(world.store.entries.length, 1)
      ok = true
      await world.pass(3 * HOUR)
      // One transaction hangs at the dot for its ten minutes; a jump meanwhile makes its lease look over.
      const before = world.sink.lines.filter((line) => line.includes('DATA')).length
      assert.ok(before >= 1, `tried again after jump ${jump}`)
    }
    const world = setUp(t, { script: (stage) => (stage === 'dot' ? 'silent' : null) })
    await world.relay.start()
    world.store.add({ destination: 'away.example', recipients: bob })
    await flush()
    world.clock.jump(24 * HOUR)
    await world.pass(5 * MINUTE)
    assert.equal(world.sink.dialled.length, 1, 'an entry in hand is not taken twice')
  })

  /** RELIABILITY R12. A leap second, a clock that followed a time zone, one that lost its battery, one that guessed. */
  const JUMPS = {
    'one day ahead': 24 * HOUR,
    'an hour back': -HOUR,
    'ten years back': -10 * 365 * 24 * HOUR,
    'ten years ahead': 10 * 365 * 24 * HOUR,
    'a leap second': -1000,
    'a second left out': 1000,
    'to another time zone, east': 11 * HOUR,
    'to another time zone, west': -11 * HOUR,
  }
  for (const [name, jump] of Object.entries(JUMPS)) {
    for (const when of ['before a restart', 'while down'] as const) {
      test(`the clock jumps ${when}: ${name}: no bounce, no storm, the whole time for waiting mail (R12)`, async (t) => {
        let ok = false
        const script: Script = (stage) => (stage === 'rcpt' && !ok ? '451 4.3.0 later' : null)
        const before = setUp(t, { script })
        await before.relay.start()
        before.store.add({ destination: 'away.example', recipients: bob })
        await before.pass(6 * HOUR)
        if (when === 'before a restart') {
          before.clock.jump(jump)
          await before.pass(HOUR)
        }
        await before.stop()
        if (when === 'while down') before.clock.jump(jump)

        const world = setUp(t, { script, after: before })
        await world.relay.start()
        await world.pass(4 * 24 * HOUR)
        const failed = () =>
          [...before.notices, ...world.notices].filter((notice) => notice.content.includes('Action: failed')).length
        assert.equal(failed(), 0, 'four days and some hours are not five')
        const tries = world.sink.dialled.length
        assert.ok(tries > 10 && tries < 60, `${tries} tries in four days`)
        if (jump > 0) {
          // The end comes as well.
          await world.pass(2 * 24 * HOUR)
          assert.equal(failed(), 1)
          assert.equal(world.store.entries.length, 0)
          return
        }
        ok = true
        await world.pass(6 * HOUR)
        assertAllTaken(world.store, world.sink, 1)
        assert.equal(failed(), 0)
      })
    }
  }

  test('a clock set back by years leaves no waiting mail behind (R12)', async (t) => {
    let ok = false
    const world = setUp(t, { script: (stage) => (stage === 'rcpt' && !ok ? '451 4.3.0 later' : null) })
    await world.relay.start()
    world.store.add({ destination: 'away.example', recipients: bob })
    await flush()
    ok = true
    // Nothing is under way and nothing comes in that would have the queue looked at.
    world.clock.jump(-10 * 365 * 24 * HOUR)
    await world.pass(HOUR)
    assertAllTaken(world.store, world.sink, 1)
  })

  test('routes: a smarthost for all but one domain, and the sandbox', async (t) => {
    const routes: Routes = {
      byDomain: new Map([
        ['direct.example', { kind: 'mx' }],
        ['kept.example', { kind: 'sandbox' }],
      ]),
      otherwise: {
        kind: 'host',
        host: '192.0.2.50',
        port: 587,
        security: 'opportunistic',
        credentials: null,
        verify: false,
      },
    }
    const world = setUp(t, { zone: mx('direct.example', [1, 'mx.direct.example', '203.0.113.1']), routes })
    for (const domain of ['direct.example', 'kept.example', 'a.example', 'b.example']) {
      world.store.add({ destination: domain, recipients: recipients(`x@${domain}`) })
    }
    await world.relay.start()
    await flush()
    assert.equal(world.store.entries.length, 0)
    assert.deepEqual(
      new Set(world.sink.taken.map(({ host, to }) => `${host} ${to[0]}`)),
      new Set(['192.0.2.50 x@a.example', '192.0.2.50 x@b.example', '203.0.113.1 x@direct.example']),
    )
    assert.deepEqual(
      world.kept.map((entry) => entry.destination),
      ['kept.example'],
    )
  })
})
