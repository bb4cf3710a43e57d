/** Who is told of what, and when it is over. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createTestClock } from '../../std/test-clock.ts'
import { createTestRandom } from '../../std/test-random.ts'
import { RETRY_DELAYS_MS } from '../../model/limits.ts'
import type { DsnNotify } from '../../model/envelope.ts'
import type { QueueEntry, QueuedRecipient } from '../../model/queue.ts'
import { isStranded, createWallWatch, retryDelay } from './schedule.ts'
import { cutHeader, makeNotice, reportable, wants } from './notices.ts'
import { createQueueOperator } from './operator.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const YEAR = 365 * 24 * HOUR
const NOW = Date.UTC(2026, 0, 5, 12)

const recipient = (notify?: DsnNotify): QueuedRecipient => ({
  address: { localPart: 'bob', domain: 'away.example' },
  index: 0,
  state: { at: 'waiting' },
  lastAnswer: null,
  ...(notify === undefined ? {} : { notify }),
})

const entry = (over: Partial<QueueEntry> = {}): QueueEntry => ({
  queueId: 1 as QueueEntry['queueId'],
  traceId: 't' as QueueEntry['traceId'],
  destination: 'away.example',
  envelope: {
    reversePath: { localPart: 'alice', domain: 'home.example' },
    body: '7BIT',
    smtputf8: false,
    requireTls: false,
  },
  recipients: [recipient()],
  sizeOctets: 100,
  acceptedAt: NOW,
  expiresAt: NOW + 120 * HOUR,
  attempts: 0,
  nextAttemptAt: NOW,
  delayNoticeAt: null,
  senderVerified: true,
  held: false,
  ...over,
})

const answer = { code: 550, status: '5.1.1', text: 'no', remote: 'mx.away.example' }

suite('NOTIFY (RFC 3461 §4.1)', () => {
  for (const [notify, success, failure, delay] of [
    [undefined, false, true, true],
    ['never', false, false, false],
    [['success'], true, false, false],
    [['failure'], false, true, false],
    [['delay'], false, false, true],
    [['success', 'failure', 'delay'], true, true, true],
  ] as const) {
    test(JSON.stringify(notify) ?? 'absent', () => {
      const one = recipient(notify)
      assert.deepEqual([wants(one, 'success'), wants(one, 'failure'), wants(one, 'delay')], [success, failure, delay])
    })
  }

  test('success is reported by the last that is known to speak DSN', () => {
    const asked = entry({ recipients: [recipient(['success'])] })
    const delivered = { index: 0, to: 'delivered', answer } as const
    assert.equal(reportable(asked, [delivered])[0]?.action, 'relayed')
    assert.deepEqual(reportable(asked, [{ ...delivered, dsnPassedOn: true }]), [])
    assert.deepEqual(reportable(entry(), [delivered]), [])
  })
})

suite('who gets a DSN (R22)', () => {
  const make = async (over: Partial<QueueEntry>): Promise<Buffer | null> => {
    let content: Uint8Array | null = null
    const one = entry(over)
    const reported = reportable(one, [{ index: 0, to: 'failed', answer }])
    await makeNotice(one, reported, {
      read: async () => Buffer.from('Subject: Hi\r\nMessage-ID: <7@x>\r\n\r\nsecret body\r\n'),
      async prepareNotice(options) {
        content = options.content
        return null
      },
      hostname: 'mail.home.example',
      random: createTestRandom(),
      now: NOW,
      retryUntil: NOW,
    })
    return content === null ? null : Buffer.from(content)
  }

  test('a verified sender does, with the header and without the body', async () => {
    const text = (await make({}))!.toString()
    assert.match(text, /Subject: Hi/)
    assert.match(text, /In-Reply-To: <7@x>/)
    assert.ok(!text.includes('secret body'))
  })

  test('a stranger, the null reverse-path, and NOTIFY=NEVER do not', async () => {
    assert.equal(await make({ senderVerified: false }), null)
    assert.equal(await make({ envelope: { ...entry().envelope, reversePath: null } }), null)
    assert.equal(await make({ recipients: [recipient('never')] }), null)
  })

  test('the header is cut to whole lines', () => {
    assert.equal(cutHeader(Buffer.from('A: b\r\nC: d\r\n\r\nbody')).toString(), 'A: b\r\nC: d\r\n')
    assert.equal(cutHeader(Buffer.from('A: b\r\nC: dddd')).toString(), 'A: b\r\n')
    assert.equal(cutHeader(Buffer.from('A: bbbb')).toString(), '')
  })
})

suite('times', () => {
  test('waits follow the schedule within the jitter', () => {
    const random = createTestRandom(3)
    for (let attempts = 0; attempts < 12; attempts++) {
      const base = RETRY_DELAYS_MS[Math.min(attempts, RETRY_DELAYS_MS.length - 1)]!
      for (let i = 0; i < 50; i++) {
        const delay = retryDelay(attempts, random)
        assert.ok(delay >= base * 0.85 && delay <= base * 1.15)
      }
    }
  })

  test('a jump of the wall clock is seen once, with what came after it (R12)', () => {
    const clock = createTestClock({ nowMs: NOW })
    const wall = createWallWatch(clock)
    const begun = wall.offset
    clock.advance(HOUR)
    assert.equal(wall.check(), null)
    for (const byMs of [24 * HOUR, -HOUR, -YEAR, YEAR, 90_000]) {
      clock.advance(MINUTE)
      clock.jump(byMs)
      assert.deepEqual(wall.check(), { byMs, from: clock.now() - MINUTE })
      assert.equal(wall.check(), null)
    }
    assert.equal(wall.offset - begun, 23 * HOUR + 90_000)
    clock.jump(30_000) // As clocks are slewed.
    assert.equal(wall.check(), null)
  })

  test('stranded by a clock that was ahead', () => {
    assert.equal(isStranded(entry({ attempts: 3, nextAttemptAt: NOW + 4 * HOUR }), NOW), false)
    assert.equal(isStranded(entry({ attempts: 3, nextAttemptAt: NOW + 4000 * HOUR }), NOW), true)
    assert.equal(isStranded(entry({ attempts: 3, nextAttemptAt: NOW + 4000 * HOUR, held: true }), NOW), false)
    assert.equal(isStranded(entry({ acceptedAt: NOW + 4000 * HOUR }), NOW), true)
    assert.equal(isStranded(entry({ attempts: 0, nextAttemptAt: NOW + 4000 * HOUR }), NOW), true)
  })
})

suite('the operator', () => {
  test('sees why mail waits', async () => {
    const waits = (lastAnswer: QueuedRecipient['lastAnswer'], over: Partial<QueueEntry> = {}): QueueEntry =>
      entry({ recipients: [{ ...recipient(), lastAnswer }], ...over })
    const entries = [
      waits({ code: 451, status: '4.7.1', text: 'slow down', remote: 'mx.away.example' }, { acceptedAt: NOW + 2 }),
      waits({ code: 451, status: '4.4.1', text: 'No connection', remote: null }, { acceptedAt: NOW + 1 }),
      entry(),
      entry({ held: true, acceptedAt: NOW + 3 }),
    ]
    const operator = createQueueOperator({
      clock: createTestClock(),
      store: { run: () => Promise.reject(new Error('unused')), queue: { list: async () => entries } as never },
    })
    const list = await operator.list()
    assert.deepEqual(
      list.map(({ reason }) => reason),
      ['Not tried yet', 'No connection', 'mx.away.example said: 451 4.7.1 slow down', 'Held; retry lets it go'],
    )
    assert.deepEqual([list[0]!.from, list[0]!.recipients[0]!.address], ['alice@home.example', 'bob@away.example'])
  })
})
