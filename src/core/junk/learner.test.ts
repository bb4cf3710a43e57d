/** Learning from where letters lie: restarts, letters that wait, accounts that go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { createTestClock, type TestClock } from '../../std/test-clock.ts'
import { JUNK_KEPT_LOOK_EVERY_MS, JUNK_KEPT_MS } from '../../model/limits.ts'
import type { AccountId, ModSeq } from '../../model/ids.ts'
import type { JunkMemory, Store } from '../../store/contract.ts'
import { openJunkMemory, wishForRetraining } from '../../store/junk/junk-file.ts'
import { openStore } from '../../store/sqlite/open.ts'
import { ALL, account, deliver, mailboxId, NOW, range } from '../../store/testing/letters.ts'
import { temporaryDirectory } from '../../store/testing/rooms.ts'
import { createLearner, type Learner } from './learner.ts'
import { openWordTable } from './word-table.ts'

type At = { store: Store; memory: JunkMemory; learner: Learner; clock: TestClock; dataDir: string; again(): Learner }

async function inPlace(work: (at: At) => Promise<void>): Promise<void> {
  const directory = temporaryDirectory()
  const dataDir = directory.path
  const clock = createTestClock({ nowMs: NOW })
  const store = await openStore({ dataDir, clock, log: silentLog })
  const memory = openJunkMemory({ dataDir })
  const again = (): Learner => createLearner({ store, memory, hostname: 'mail.a.example', clock, log: silentLog })
  try {
    await work({ store, memory, learner: again(), clock, dataDir, again })
  } finally {
    memory.close()
    await store.close()
    directory.remove()
  }
}

const text = (n: number): string => `Subject: \r\n\r\nletter ${n} of some words that are learnt`
const counts = (memory: JunkMemory, accountId: AccountId | null): number[] => {
  const words = memory.words(accountId)
  let sum = 0
  openWordTable(words?.octets).each((_, both) => (sum += (both & 0xffff) + (both >>> 16)))
  return [words?.good ?? 0, words?.junk ?? 0, sum]
}

async function withJunk(store: Store, localPart = 'ann'): Promise<AccountId> {
  const accountId = await account(store, localPart)
  await store.run({ do: 'createMailbox', accountId, name: 'Junk', specialUse: 'Junk', now: NOW })
  return accountId
}

async function toJunk(store: Store, accountId: AccountId, from: number, to = from): Promise<void> {
  const [inbox, junk] = [await mailboxId(store, accountId), await mailboxId(store, accountId, 'Junk')]
  await store.run({ do: 'move', accountId, from: inbox, to: junk, uids: [range(from, to)], now: NOW + 1000 })
}

test('seen twice, learnt once: a learner that begins again, and one that lost its mark', async () => {
  await inPlace(async ({ store, memory, learner, again }) => {
    const ann = await withJunk(store)
    for (let n = 1; n <= 4; n++) await deliver(store, ann, text(n))
    await toJunk(store, ann, 1, 3)
    await learner.step()
    const once = counts(memory, ann)
    assert.deepEqual(once.slice(0, 2), [0, 3])
    assert.deepEqual(counts(memory, null), once)
    await again().step()
    assert.deepEqual(counts(memory, ann), once)
    // Cut off before the end: letters were kept, the mark was not.
    memory.keep(ann, { modSeq: 0 as ModSeq, letters: [], senders: new Map(), words: null })
    await again().step()
    assert.deepEqual(counts(memory, ann), once)
    await toJunk(store, ann, 4)
    await learner.step()
    assert.deepEqual(counts(memory, ann).slice(0, 2), [0, 4])
  })
})

test('moved back, all is unlearnt', async () => {
  await inPlace(async ({ store, memory, learner }) => {
    const ann = await withJunk(store)
    await deliver(store, ann, text(1))
    await toJunk(store, ann, 1)
    await learner.step()
    const [, , sum] = counts(memory, ann)
    const [inbox, junk] = [await mailboxId(store, ann), await mailboxId(store, ann, 'Junk')]
    await store.run({ do: 'move', accountId: ann, from: junk, to: inbox, uids: ALL, now: NOW + 2000 })
    await learner.step()
    assert.deepEqual(counts(memory, ann), [1, 0, sum])
    let junkCounts = 0
    openWordTable(memory.words(ann)?.octets).each((_, both) => (junkCounts += both >>> 16))
    assert.equal(junkCounts, 0)
  })
})

test('letters that were read and kept are good after a while; unread ones are not', async () => {
  await inPlace(async ({ store, memory, learner, clock }) => {
    const ann = await withJunk(store)
    await deliver(store, ann, text(1))
    await deliver(store, ann, text(2))
    const inbox = await mailboxId(store, ann)
    await store.run({ do: 'setFlags', accountId: ann, mailboxId: inbox, uids: [range(1)], mode: 'add', flags: ['\\Seen'], unchangedSince: null }) // prettier-ignore
    await learner.step()
    assert.deepEqual(counts(memory, ann), [0, 0, 0])
    clock.advance(JUNK_KEPT_MS + JUNK_KEPT_LOOK_EVERY_MS)
    await learner.step()
    assert.equal(counts(memory, ann)[0], 1)
    assert.deepEqual(memory.waiting(ann, clock.now()), [])
    await store.run({ do: 'setFlags', accountId: ann, mailboxId: inbox, uids: [range(2)], mode: 'add', flags: ['\\Seen'], unchangedSince: null }) // prettier-ignore
    await learner.step()
    assert.equal(counts(memory, ann)[0], 2)
  })
})

test('an account that goes takes its words out of those of all; a wish has it learnt anew', async () => {
  await inPlace(async ({ store, memory, learner, dataDir }) => {
    const ann = await withJunk(store)
    const bob = await withJunk(store, 'bob')
    for (const one of [ann, bob]) {
      await deliver(store, one, text(one))
      await toJunk(store, one, 1)
    }
    await learner.step()
    const both = counts(memory, null)
    assert.equal(both[1], 2)
    wishForRetraining(dataDir, null)
    await learner.step()
    assert.deepEqual(counts(memory, null), both)
    await store.run({ do: 'removeAccount', accountId: ann })
    await learner.step()
    assert.deepEqual(memory.accounts(), [bob])
    assert.deepEqual(counts(memory, ann), [0, 0, 0])
    assert.deepEqual(counts(memory, null), counts(memory, bob))
  })
})
