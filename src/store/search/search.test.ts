import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { silentLog } from '../../std/log.ts'
import { FREE_SPACE_MIN_OCTETS, SEARCH_BLOCK_MESSAGES, SEARCH_FRESH_GRAMS_MAX } from '../../model/limits.ts'
import type { AccountId, MessageKey, ModSeq } from '../../model/ids.ts'
import type { IndexedMessage, MailMark, SearchIndex, SearchReads } from '../contract.ts'
import { realFiles } from '../files.ts'
import { openPlain } from '../sqlite/database.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { openSearchIndex, wishForReindex } from './search-index.ts'
import { damagedMarkPath, indexPath, searchPath } from './paths.ts'
import { openSearchReads } from './reads.ts'

const ANN = 1 as AccountId
const BOB = 2 as AccountId
const key = (n: number): MessageKey => n as MessageKey
const mark = (accountId: AccountId, lastKey: number): MailMark => ({
  accountId,
  lastKey: key(lastKey),
  modSeq: lastKey as ModSeq,
  messages: lastKey,
})
const holding = (messageKey: number, ...grams: number[]): IndexedMessage => ({
  messageKey: key(messageKey),
  grams: Uint16Array.from(grams),
})

type Place = { dataDir: string; index: SearchIndex; reads: SearchReads }

async function inPlace(work: (place: Place) => Promise<void>): Promise<void> {
  const directory = temporaryDirectory()
  const dataDir = directory.path
  const index = openSearchIndex({ dataDir })
  const reads = openSearchReads({ dataDir, log: silentLog })
  try {
    await work({ dataDir, index, reads })
  } finally {
    reads.close()
    index.close()
    directory.remove()
  }
}

const found = async (reads: SearchReads, accountId: AccountId, ...grams: number[]) => {
  const choice = await reads.candidates(accountId, grams)
  return choice === null ? null : { above: choice.above, keys: [...choice.keys] }
}

test('what is not indexed has no candidates; nor has an empty question', async () => {
  await inPlace(async ({ index, reads }) => {
    assert.equal(await found(reads, ANN, 1), null)
    assert.equal(index.mark(ANN), null)
    index.add([holding(1, 1, 2)], mark(ANN, 4))
    assert.equal(await found(reads, ANN), null)
    assert.deepEqual(await found(reads, ANN, 1), { above: 4, keys: [1] })
    assert.deepEqual(index.mark(ANN), mark(ANN, 4))
    assert.equal(await found(reads, BOB, 1), null)
  })
})

test('a message that could not be indexed is always a candidate', async () => {
  await inPlace(async ({ index, reads }) => {
    index.add([holding(1, 7), { messageKey: key(2), grams: null }, holding(3, 8)], mark(ANN, 3))
    assert.deepEqual(await found(reads, ANN, 7), { above: 3, keys: [1, 2] })
    assert.deepEqual(await found(reads, ANN, 9), { above: 3, keys: [2] })
  })
})

test('accounts do not meet (S27), and one is forgotten without the other', async () => {
  await inPlace(async ({ index, reads }) => {
    const many = Array.from({ length: SEARCH_BLOCK_MESSAGES + 5 }, (_, i) => holding(i + 1, 7, i))
    index.add(many, mark(ANN, many.length))
    index.add(many.slice(0, 3), mark(BOB, 3))
    assert.deepEqual(await found(reads, BOB, 7), { above: 3, keys: [1, 2, 3] })
    assert.equal((await found(reads, ANN, 7))?.keys.length, many.length)
    assert.deepEqual(index.accounts(), [ANN, BOB])
    index.forget(ANN)
    assert.equal(await found(reads, ANN, 7), null)
    assert.deepEqual(await found(reads, BOB, 7), { above: 3, keys: [1, 2, 3] })
    assert.deepEqual(index.accounts(), [BOB])
  })
})

test('as a list of sets would say: added in pieces, over blocks, living only', async () => {
  const step = fc.record({ messages: fc.integer({ min: 0, max: 700 }), grams: fc.integer({ min: 1, max: 40 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), fc.nat(1_000_000), async (steps, seed) => {
      await inPlace(async ({ index, reads }) => {
        const known = new Map<number, ReadonlySet<number>>()
        let state = seed + 1
        const next = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below
        let last = 0
        for (const { messages, grams } of steps) {
          const added: IndexedMessage[] = []
          for (let i = 0; i < messages; i++) {
            const set = new Set(Array.from({ length: next(grams) }, () => next(50) * next(1300)))
            known.set(++last, set)
            added.push(holding(last, ...set))
          }
          index.add(added, mark(ANN, last))
          // The index may still tell of those that went; of the others it must tell exactly.
          const holds = async (asked: readonly number[]): Promise<void> => {
            const expected = [...known].filter(([, set]) => asked.every((gram) => set.has(gram)))
            const told = (await found(reads, ANN, ...asked))?.keys.filter((messageKey) => known.has(messageKey))
            assert.deepEqual(told, expected.map(([messageKey]) => messageKey)) // prettier-ignore
          }
          const asked = [[0], [next(50)], [next(50) * 2, 0]]
          for (const one of asked) await holds(one)
          const share = next(5)
          for (const messageKey of known.keys()) if (next(4) < share) known.delete(messageKey)
          index.retain(ANN, Uint32Array.from(known.keys()))
          for (const one of asked) await holds(one)
          const { messages: held = 0 } = index.status().accounts[0] ?? {}
          assert.ok(held >= known.size && held <= 2 * known.size, `${held} of ${known.size}`)
        }
      })
    }),
    { numRuns: 12 },
  )
})

test('the files are gone: no candidates, and a new index at the next look', async () => {
  await inPlace(async ({ dataDir, index, reads }) => {
    index.add([holding(1, 7)], mark(ANN, 1))
    assert.notEqual(await found(reads, ANN, 7), null)
    assert.equal(index.needsReset(), false)
    rmSync(searchPath(dataDir), { recursive: true })
    assert.equal(await found(reads, ANN, 7), null)
    assert.equal(index.needsReset(), true)
    index.reset()
    assert.equal(index.needsReset(), false)
    assert.equal(index.mark(ANN), null)
    index.add([holding(1, 8)], mark(ANN, 1))
    assert.deepEqual(await found(reads, ANN, 8), { above: 1, keys: [1] })
  })
})

test('a damaged list is found by its checksum, told to the writer, and never an error to who searches', async () => {
  await inPlace(async ({ dataDir, index, reads }) => {
    const many = Array.from({ length: SEARCH_BLOCK_MESSAGES }, (_, i) => holding(i + 1, 7, 100 + i))
    index.add(many, mark(ANN, many.length))
    const db = openPlain(indexPath(dataDir), 1000)
    db.exec(`UPDATE list SET octets = CAST(X'00' || octets AS BLOB) WHERE row = 0`)
    db.close()
    assert.equal(await found(reads, ANN, 7), null)
    assert.equal(index.needsReset(), true)
    index.reset()
    assert.equal(existsSync(damagedMarkPath(dataDir)), false)
    index.add(many.slice(0, 2), mark(ANN, 2))
    assert.deepEqual(await found(reads, ANN, 7), { above: 2, keys: [1, 2] })
  })
})

for (const [what, damage] of [
  ['cut short', (path: string) => truncateSync(path, 5000)],
  ['not a database', (path: string) => writeFileSync(path, 'no such thing, but long enough to be read. '.repeat(200))],
  ['empty', (path: string) => truncateSync(path, 0)],
  [
    'of another version',
    (path: string) => {
      const db = openPlain(path, 1000)
      db.exec('PRAGMA user_version = 99')
      db.close()
    },
  ],
] as const) {
  test(`an index that is ${what} is no error, and is made anew at the start`, async () => {
    const directory = temporaryDirectory()
    const dataDir = directory.path
    try {
      const first = openSearchIndex({ dataDir })
      first.add([holding(1, 7)], mark(ANN, 1))
      first.close()
      damage(indexPath(dataDir))
      const reads = openSearchReads({ dataDir, log: silentLog })
      assert.equal(await found(reads, ANN, 7), null)
      const index = openSearchIndex({ dataDir })
      if (index.needsReset()) index.reset()
      assert.equal(index.mark(ANN), null)
      index.add([holding(1, 7)], mark(ANN, 1))
      assert.deepEqual(await found(reads, ANN, 7), { above: 1, keys: [1] })
      reads.close()
      index.close()
    } finally {
      directory.remove()
    }
  })
}

test('wishes are kept for the indexer, and told once', async () => {
  await inPlace(async ({ dataDir, index }) => {
    assert.deepEqual(index.takeWishes(), [])
    wishForReindex(dataDir, BOB)
    wishForReindex(dataDir, BOB)
    wishForReindex(dataDir, null)
    assert.deepEqual(index.takeWishes(), [null, BOB])
    assert.deepEqual(index.takeWishes(), [])
  })
})

test('an index goes on where it was after a start', async () => {
  const directory = temporaryDirectory()
  const dataDir = directory.path
  const first = openSearchIndex({ dataDir })
  first.add([holding(1, 7)], mark(ANN, 1))
  first.close()
  const octets = readFileSync(indexPath(dataDir)).length
  const index = openSearchIndex({ dataDir })
  assert.deepEqual(index.mark(ANN), mark(ANN, 1))
  assert.ok(index.status().octets >= octets)
  index.close()
  rmSync(indexPath(dataDir))
  directory.remove()
})

test('the index leaves room for mail', () => {
  const directory = temporaryDirectory()
  let freeOctets = 0
  const files = { ...realFiles, space: () => ({ freeOctets, totalOctets: 1e12 }) }
  const index = openSearchIndex({ dataDir: directory.path, files })
  assert.equal(index.hasRoom(), false)
  freeOctets = 2 * FREE_SPACE_MIN_OCTETS
  assert.equal(index.hasRoom(), false)
  freeOctets = 4 * FREE_SPACE_MIN_OCTETS
  assert.equal(index.hasRoom(), true)
  index.close()
  directory.remove()
})

test('one over: messages of a block, and grams that wait for one', async () => {
  await inPlace(async ({ dataDir, index }) => {
    const blocks = (): number => {
      const db = openPlain(indexPath(dataDir), 1000)
      const [count] = db.prepare<[number]>('SELECT count(*) FROM block').get() ?? [0]
      db.close()
      return count
    }
    const messages = Array.from({ length: SEARCH_BLOCK_MESSAGES }, (_, i) => holding(i + 1, 1))
    index.add(messages.slice(1), mark(ANN, SEARCH_BLOCK_MESSAGES - 1))
    assert.equal(blocks(), 0)
    index.add(messages.slice(0, 1), mark(ANN, SEARCH_BLOCK_MESSAGES))
    assert.equal(blocks(), 1)
    const large = Uint16Array.from({ length: 65_536 }, (_, gram) => gram)
    const few = SEARCH_FRESH_GRAMS_MAX / large.length
    const heavy = Array.from({ length: few }, (_, i) => ({ messageKey: key(i + 1), grams: large }))
    index.add(heavy, mark(BOB, few))
    assert.equal(blocks(), 1)
    index.add([holding(few + 1, 1)], mark(BOB, few + 1))
    assert.equal(blocks(), 2)
  })
})
