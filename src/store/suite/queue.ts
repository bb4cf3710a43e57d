/** Claims, leases, settling, and the operator’s hand. */
import assert from 'node:assert/strict'
import type { QueueId } from '../../model/ids.ts'
import type { Answer, QueueEntry } from '../../model/queue.ts'
import { type Command, type Store, StoreError } from '../contract.ts'
import { accept, account, ALL, collect, draft, mailboxId, NOW, relayTo } from '../testing/letters.ts'
import { type Check, text, uidsOf } from './shared.ts'

const ANSWER: Answer = { code: 250, status: '2.0.0', text: 'ok', remote: 'mx.b.example' }

export function queueTests(check: Check): void {
  const claim = (store: Store, more: Partial<Extract<Command, { do: 'claimDue' }>> = {}) =>
    store.run({
      do: 'claimDue',
      now: NOW,
      lease: 'me',
      leaseUntil: NOW + 100,
      limit: 100,
      perDestination: 100,
      except: [],
      ...more,
    })
  const destinations = (entries: readonly QueueEntry[]) => entries.map((entry) => entry.destination)
  const settle = (store: Store, queueId: QueueId, more: Partial<Extract<Command, { do: 'settle' }>> = {}) =>
    store.run({
      do: 'settle',
      queueId,
      lease: 'me',
      results: [],
      now: NOW + 10,
      nextAttemptAt: NOW + 50,
      attempted: true,
      delayNoticed: false,
      notices: [],
      ...more,
    })

  async function queued(store: Store, destination: string, more = {}): Promise<QueueId> {
    const outcome = await accept(store, `to ${destination}`, { relay: [relayTo(destination, more)] })
    assert.ok(outcome.at === 'accepted')
    return outcome.queueIds[0]!
  }

  check('claimDue: oldest first, within its limits, never what is leased', async (store) => {
    await queued(store, 'b.example', { nextAttemptAt: NOW - 1 })
    await queued(store, 'c.example', { nextAttemptAt: NOW - 3 })
    for (const at of [5, 4]) await queued(store, 'd.example', { nextAttemptAt: NOW - at })
    await queued(store, 'later.example', { nextAttemptAt: NOW + 20 })
    assert.equal(await store.queue.nextDueAt(), NOW - 5)
    const one = await claim(store, { limit: 2, perDestination: 1 })
    assert.deepEqual(destinations(one.entries), ['d.example', 'c.example'])
    const two = await claim(store, { except: ['d.example'] })
    assert.deepEqual(destinations(two.entries), ['b.example'])
    assert.deepEqual(destinations((await claim(store)).entries), ['d.example'])
    assert.deepEqual((await claim(store)).entries, [])
    assert.equal(await store.queue.nextDueAt(), NOW + 20)
    const depth = await store.queue.depth(NOW)
    assert.deepEqual(depth, { active: 4, due: 0, waiting: 1, held: 0, oldestAcceptedAt: NOW })
    assert.deepEqual(await store.queue.depth(NOW + 100), { ...depth, active: 0, due: 5, waiting: 0 })
    const late = await claim(store, { now: NOW + 100, leaseUntil: NOW + 200, lease: 'you' })
    assert.equal(late.entries.length, 5, 'leases end')
  })

  check('claimDue: a full destination does not hide those behind it', async (store) => {
    const many = Array.from({ length: 300 }, () => relayTo('dead.example', { nextAttemptAt: NOW - 9 }))
    await accept(store, 'x', { relay: [...many, relayTo('b.example')] })
    const { entries } = await claim(store, { limit: 10, perDestination: 3 })
    assert.deepEqual(destinations(entries), ['dead.example', 'dead.example', 'dead.example', 'b.example'])
    const next = await claim(store, { limit: 10, perDestination: 3, except: ['dead.example'] })
    assert.deepEqual(next.entries, [])
  })

  check('settle: each recipient for itself; gone when none waits', async (store) => {
    const recipients = ['x', 'y', 'z'].map((localPart) => ({ address: { localPart, domain: 'b.example' } }))
    const queueId = await queued(store, 'b.example', { recipients })
    const [entry] = (await claim(store)).entries
    assert.deepEqual(entry?.recipients[2], {
      address: { localPart: 'z', domain: 'b.example' },
      index: 2,
      state: { at: 'waiting' },
      lastAnswer: null,
    })
    const temporary = { ...ANSWER, code: 451, status: '4.0.0' }
    const results = [
      { index: 0, to: 'delivered', answer: ANSWER },
      { index: 2, to: 'waiting', answer: temporary },
    ] as const
    assert.deepEqual(await settle(store, queueId, { results, delayNoticed: true }), { at: 'done' })
    const after = await store.queue.entry(queueId)
    assert.ok(after !== null)
    assert.deepEqual(
      after.recipients.map(({ state, lastAnswer }) => [state.at, lastAnswer]),
      [
        ['delivered', null],
        ['waiting', null],
        ['waiting', temporary],
      ],
    )
    assert.deepEqual([after.attempts, after.nextAttemptAt, after.delayNoticeAt], [1, NOW + 50, NOW + 10])
    assert.deepEqual(await settle(store, queueId, { results }), { at: 'lease-lost' })
    await claim(store, { now: NOW + 50 })
    await settle(store, queueId, { results: [], attempted: false, nextAttemptAt: NOW + 60 })
    assert.equal((await store.queue.entry(queueId))?.attempts, 1)
    await claim(store, { now: NOW + 60 })
    const last = [0, 1, 2].map((index) => ({ index, to: 'failed' as const, answer: { ...ANSWER, code: 550 } }))
    await settle(store, queueId, { results: last })
    assert.equal(await store.queue.entry(queueId), null)
    assert.equal(await store.queue.nextDueAt(), null)
  })

  check('settle: notices are accepted with it, both or neither', async (store) => {
    const ann = await account(store)
    const queueId = await queued(store, 'b.example')
    await claim(store)
    const notice = async (content: string) => ({
      message: await draft(store, content),
      traceId: 'dsn' as never,
      acceptedAt: NOW,
      local: [{ accountId: ann, mailbox: 'INBOX' as const, flags: [] }],
      relay: [relayTo('c.example')],
    })
    const results = [{ index: 0, to: 'failed' as const, answer: ANSWER }]
    const lost = await settle(store, queueId, { lease: 'other', results, notices: [await notice('no')] })
    assert.deepEqual(lost, { at: 'lease-lost' })
    const inbox = await mailboxId(store, ann)
    assert.deepEqual(await uidsOf(store, ann, inbox), [])
    assert.deepEqual(await settle(store, queueId, { results, notices: [await notice('a dsn')] }), { at: 'done' })
    const [message] = await collect(store.mail.messages(ann, inbox, ALL))
    assert.equal(message?.summary.preview, 'a dsn')
    assert.deepEqual(destinations(await store.queue.list()), ['c.example'])
  })

  check('the operator: list, retry, remove', async (store) => {
    const b = await queued(store, 'b.example', { nextAttemptAt: NOW + 500 })
    const c = await queued(store, 'c.example', { nextAttemptAt: NOW + 500 })
    assert.deepEqual(
      (await store.queue.list()).map((entry) => entry.queueId),
      [b, c],
    )
    assert.deepEqual(
      (await store.queue.list({ destination: 'c.example' })).map((entry) => entry.queueId),
      [c],
    )
    assert.deepEqual(await store.run({ do: 'retryQueued', queueIds: [c, 99 as QueueId], now: NOW }), { queueIds: [c] })
    assert.equal(await store.queue.nextDueAt(), NOW)
    assert.deepEqual(await store.run({ do: 'retryQueued', queueIds: null, now: NOW }), { queueIds: [b, c] })
    await claim(store)
    assert.deepEqual(await store.run({ do: 'removeQueued', queueIds: [b, 99 as QueueId] }), { queueIds: [b] })
    assert.deepEqual(await settle(store, b), { at: 'lease-lost' })
    await assert.rejects(store.queue.read(b, 0, 1), StoreError)
  })

  check('the operator: what is held is not claimed, what ends is tried once more', async (store) => {
    const b = await queued(store, 'b.example')
    const c = await queued(store, 'c.example')
    assert.deepEqual(await store.run({ do: 'holdQueued', queueIds: [b, 99 as QueueId] }), { queueIds: [b] })
    assert.deepEqual(
      (await claim(store)).entries.map(({ queueId }) => queueId),
      [c],
    )
    assert.deepEqual(await store.run({ do: 'holdQueued', queueIds: null }), { queueIds: [b, c] })
    assert.deepEqual(await settle(store, c, { results: [], nextAttemptAt: NOW }), { at: 'done' })
    assert.deepEqual((await claim(store)).entries, [], 'what was held while it was tried stays')
    assert.equal((await store.queue.depth(NOW)).held, 2)
    await store.run({ do: 'retryQueued', queueIds: [c], now: NOW + 5, last: true })
    const entry = await store.queue.entry(c)
    assert.deepEqual([entry?.held, entry?.expiresAt, entry?.nextAttemptAt], [false, NOW + 5, NOW + 5])
    await store.run({ do: 'retryQueued', queueIds: [c], now: NOW + 50, last: true })
    assert.equal((await store.queue.entry(c))?.expiresAt, NOW + 5, 'an end is not put off')
  })

  check('releaseLeases: what a dead run held is due again, also after a restart', async (store, opened) => {
    const b = await queued(store, 'b.example')
    const c = await queued(store, 'c.example')
    await claim(store, { lease: 'one.1', limit: 1 })
    await claim(store, { lease: 'two.1' })
    const { store: again } = await opened.reopen()
    assert.deepEqual((await claim(again)).entries, [])
    assert.deepEqual(await again.run({ do: 'releaseLeases', prefix: 'one.' }), { queueIds: [b] })
    assert.deepEqual(destinations((await claim(again)).entries), ['b.example'])
    assert.equal((await again.queue.entry(c))?.destination, 'c.example')
  })

  check('shiftQueued: times go along with the clock, but not what came after the jump (R12)', async (store) => {
    const b = await queued(store, 'b.example', { nextAttemptAt: NOW + 5 })
    const c = await queued(store, 'c.example', { nextAttemptAt: NOW + 7 })
    await claim(store, { now: NOW + 5, leaseUntil: NOW + 105 })
    const byMs = 1_000_000
    const now = NOW + byMs
    const outcome = await accept(store, 'new', { acceptedAt: now, relay: [relayTo('d.example')] })
    assert.ok(outcome.at === 'accepted')
    await store.run({ do: 'shiftQueued', byMs, arrivedSince: now - 10, now: now + 10 })
    const times = async (queueId: QueueId) => {
      const entry = await store.queue.entry(queueId)
      return [entry?.acceptedAt, entry?.nextAttemptAt, entry?.expiresAt]
    }
    assert.deepEqual(await times(b), [now, now + 5, now + 1_000_000])
    assert.deepEqual(await times(c), [now, now + 7, now + 1_000_000])
    assert.deepEqual(await times(outcome.queueIds[0]!), [now, NOW, NOW + 1_000_000])
    const later = await claim(store, { now: now + 104, leaseUntil: now + 200, lease: 'you' })
    assert.deepEqual(destinations(later.entries), ['d.example', 'c.example'], 'the lease goes along')
    assert.deepEqual(await settle(store, b), { at: 'done' })
  })

  check(
    'resumeQueued: the end of what nobody served is put off; nothing arrives in the future (R12)',
    async (store) => {
      const late = await queued(store, 'late.example', { nextAttemptAt: NOW })
      const intime = await queued(store, 'intime.example', { nextAttemptAt: NOW + 900 })
      await accept(store, 'early', { acceptedAt: NOW + 5000, relay: [relayTo('early.example')] })
      const now = NOW + 1000
      assert.deepEqual(await store.run({ do: 'resumeQueued', now, lateMs: 1000 }), { resumed: 1 })
      assert.deepEqual(await store.run({ do: 'resumeQueued', now, lateMs: 500 }), { resumed: 2 })
      assert.deepEqual(await store.run({ do: 'resumeQueued', now, lateMs: 500 }), { resumed: 0 }, 'it is done once')
      const [first, second] = [await store.queue.entry(late), await store.queue.entry(intime)]
      assert.deepEqual([first?.nextAttemptAt, first?.expiresAt, first?.acceptedAt], [now, NOW + 1_001_000, NOW])
      assert.deepEqual([second?.nextAttemptAt, second?.expiresAt], [NOW + 900, NOW + 1_000_000])
      const [early] = await store.queue.list({ destination: 'early.example' })
      assert.equal(early?.acceptedAt, now)
      assert.ok(early.expiresAt <= NOW + 1_000_000)
    },
  )

  check('a queued body outlives its sender’s account', async (store) => {
    const ann = await account(store)
    const local = [{ accountId: ann, mailbox: 'Sent' as const, flags: [] }]
    const outcome = await accept(store, 'letter', { local, relay: [relayTo('b.example')] })
    assert.ok(outcome.at === 'accepted')
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.equal(text(await store.queue.read(outcome.queueIds[0]!, 0, 10)), 'letter')
  })
}
