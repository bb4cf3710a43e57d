/** What the junk filter has learnt, on the device: lost, damaged, made anew; and the learner that was cut off. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { JUNK_SENDERS_MAX } from '../../model/limits.ts'
import { silentLog } from '../../std/log.ts'
import type { AccountId, MessageKey, ModSeq } from '../../model/ids.ts'
import type { JunkLetter, JunkMemory, JunkReads } from '../contract.ts'
import { account, deliver, summaryOf } from '../testing/letters.ts'
import { testClock } from '../testing/clock.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { takeBackup } from '../sqlite/backup/take.ts'
import { openStore } from '../sqlite/open.ts'
import { repairStore } from '../sqlite/repair/rebuild.ts'
import { junkFiles, openJunkMemory, openJunkReads, wishForRetraining } from './junk-file.ts'

const ANN = 1 as AccountId
const BOB = 2 as AccountId
const words = (good: number, octet: number) => ({ good, junk: 0, octets: new Uint8Array(8192).fill(octet) })
const letter = (key: number, label: JunkLetter['label'], savedAt = key): JunkLetter => ({
  messageKey: key as MessageKey,
  label,
  savedAt,
  senders: ['from a@b.example', 'network 192.0.2.0/24'],
})
const senders = (good: number) => new Map([['from a@b.example', { written: 0, good, junk: 0 }]])

async function inPlace(work: (at: { dataDir: string; memory: JunkMemory; reads: JunkReads }) => Promise<void> | void) {
  const directory = temporaryDirectory()
  const dataDir = directory.path
  const memory = openJunkMemory({ dataDir })
  const reads = openJunkReads({ dataDir, log: silentLog })
  try {
    await work({ dataDir, memory, reads })
  } finally {
    reads.close()
    memory.close()
    directory.remove()
  }
}

const keep = (memory: JunkMemory, accountId: AccountId, good: number): void =>
  memory.keep(accountId, {
    modSeq: good as ModSeq,
    letters: [letter(good, 'good')],
    senders: senders(1),
    words: { own: words(good, good), all: words(good, good) },
  })

test('what was kept is read, and accounts do not meet (S27)', async () => {
  await inPlace(({ memory, reads }) => {
    assert.equal(reads.words(ANN), null)
    keep(memory, ANN, 1)
    const first = reads.words(ANN)
    assert.equal(first?.good, 1)
    assert.equal(reads.version(ANN), first?.version)
    assert.equal(reads.words(BOB), null)
    assert.deepEqual([...reads.senders(BOB, ['from a@b.example'])], [])
    keep(memory, ANN, 2)
    assert.notEqual(reads.version(ANN), first?.version)
    assert.deepEqual(reads.senders(ANN, ['from a@b.example', 'x']).get('from a@b.example'), {
      written: 0,
      good: 2,
      junk: 0,
    })
    memory.keep(ANN, { modSeq: 3 as ModSeq, letters: [], senders: senders(-9), words: null })
    assert.equal(reads.senders(ANN, ['from a@b.example']).get('from a@b.example')?.good, 0)
    assert.deepEqual(memory.letters(ANN, [2 as MessageKey, 9 as MessageKey]).get(2 as MessageKey), letter(2, 'good'))
    assert.equal(memory.mark(ANN), 3)
  })
})

test('an account that is removed takes its words, senders and letters along', async () => {
  await inPlace(({ memory, reads }) => {
    keep(memory, ANN, 1)
    keep(memory, BOB, 2)
    memory.forget(ANN, words(2, 7))
    assert.deepEqual(memory.accounts(), [BOB])
    assert.equal(reads.words(ANN), null)
    assert.equal(reads.words(null)?.octets[0], 7)
    assert.equal(reads.senders(ANN, ['from a@b.example']).size, 0)
    assert.equal(memory.letters(ANN, [1 as MessageKey]).size, 0)
    assert.equal(reads.words(BOB)?.good, 2)
  })
})

test('those that wait are found by when they came', async () => {
  await inPlace(({ memory }) => {
    const letters = [
      letter(1, 'waiting', 50),
      letter(2, 'waiting', 10),
      letter(3, 'good', 5),
      letter(4, 'waiting', 100),
    ]
    memory.keep(ANN, { modSeq: 1 as ModSeq, letters, senders: new Map(), words: null })
    assert.deepEqual(memory.waiting(ANN, 100), [2, 1])
  })
})

test('one over: senders of an account; those that are known go on being counted', async () => {
  await inPlace(({ memory, reads }) => {
    const one = { written: 1, good: 0, junk: 0 }
    const many = new Map(Array.from({ length: JUNK_SENDERS_MAX + 1 }, (_, n) => [`to ${n}`, one]))
    memory.keep(ANN, { modSeq: 1 as ModSeq, letters: [], senders: many, words: null })
    const [last, over] = [`to ${JUNK_SENDERS_MAX - 1}`, `to ${JUNK_SENDERS_MAX}`]
    assert.deepEqual([...reads.senders(ANN, [last, over]).keys()], [last])
    memory.keep(ANN, { modSeq: 2 as ModSeq, letters: [], senders: new Map([[last, one], [over, one]]), words: null }) // prettier-ignore
    assert.deepEqual([...reads.senders(ANN, [last, over])], [[last, { ...one, written: 2 }]])
  })
})

test('a wish is told once', async () => {
  await inPlace(({ dataDir, memory }) => {
    wishForRetraining(dataDir, BOB)
    wishForRetraining(dataDir, BOB)
    wishForRetraining(dataDir, null)
    assert.deepEqual(memory.takeWishes(), [null, BOB])
    assert.deepEqual(memory.takeWishes(), [])
  })
})

for (const [what, damage] of [
  ['cut short', (path: string) => truncateSync(path, 5000)],
  ['not a database', (path: string) => writeFileSync(path, 'no such thing, but long enough. '.repeat(300))],
  ['gone', (path: string) => rmSync(path)],
] as const) {
  test(`a memory that is ${what} is no error: nothing is known, and it is made anew`, () => {
    const directory = temporaryDirectory()
    const dataDir = directory.path
    const first = openJunkMemory({ dataDir })
    keep(first, ANN, 1)
    first.close()
    damage(junkFiles(dataDir)[1]!)
    const reads = openJunkReads({ dataDir, log: silentLog })
    assert.equal(reads.words(ANN), null)
    const memory = openJunkMemory({ dataDir })
    if (memory.needsReset()) memory.reset()
    assert.equal(memory.mark(ANN), null)
    keep(memory, ANN, 2)
    assert.equal(reads.words(ANN)?.good, 2)
    reads.close()
    memory.close()
    directory.remove()
  })
}

test('a repair removes it, a backup leaves it out: it is learnt from the mail', async () => {
  const directory = temporaryDirectory()
  const dataDir = join(directory.path, 'data')
  const store = await openStore({ dataDir, clock: testClock, log: silentLog })
  await deliver(store, await account(store), 'a letter')
  await store.close()
  openJunkMemory({ dataDir }).close()
  const backupDir = join(directory.path, 'elsewhere')
  await takeBackup({ dataDir, backupDir, keep: 1, clock: testClock, program: 'test', besides: [] })
  const copied = readdirSync(backupDir, { recursive: true }).map(String)
  assert.ok(copied.some((name) => name.endsWith('store.db')))
  assert.ok(!copied.some((name) => name.includes('junk')))
  const [, path] = junkFiles(dataDir)
  assert.ok(existsSync(path!))
  repairStore({ dataDir, summarize: (bytes) => summaryOf(bytes.length) })
  assert.ok(!existsSync(path!))
  directory.remove()
})
