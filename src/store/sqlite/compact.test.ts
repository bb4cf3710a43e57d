/** Segments that are mostly dead give back their room; what lives in them is whole at every moment. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { silentLog } from '../../std/log.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Store } from '../contract.ts'
import { testClock } from '../testing/clock.ts'
import { type FaultyFiles, faultyFiles, type Remains } from '../testing/faulty-files.ts'
import { account, ALL, collect, deliver, mailboxId, range } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { connectStore } from './connect.ts'
import { openStore } from './open.ts'
import { segmentPath, segmentsPath } from './paths.ts'
import { startStoreWriter } from './start.ts'
import { openWriter, type Writer } from './writer.ts'

const LETTERS = 24
const SEGMENT = 4096
const LIVING = [5, 10, 15, 20]
const base = { clock: testClock, log: silentLog, segmentMaxOctets: SEGMENT }

const letter = (n: number): string => `letter ${n} `.repeat(60)

async function fill(store: Store): Promise<AccountId> {
  const accountId = await account(store)
  const numbers = Array.from({ length: LETTERS }, (_, i) => i + 1)
  const given = await Promise.all(numbers.map((n) => deliver(store, accountId, letter(n))))
  assert.deepEqual(given, numbers)
  const id = await mailboxId(store, accountId)
  const dead = numbers.filter((n) => !LIVING.includes(n))
  const uids = dead.map((n) => range(n))
  await store.run({ do: 'expunge', accountId, mailboxId: id, uids, deletedOnly: false })
  return accountId
}

async function allWhole(store: Store, accountId: AccountId): Promise<void> {
  const entries = await collect(store.mail.entries(accountId, await mailboxId(store, accountId), ALL))
  assert.deepEqual(
    entries.map((entry) => entry.uid),
    LIVING,
  )
  for (const { uid, messageKey } of entries) {
    const bytes = await store.mail.read(accountId, messageKey, 0, 9999)
    assert.equal(Buffer.from(bytes).toString(), letter(uid))
  }
}

const segmentCount = (files: FaultyFiles): number => files.names().filter((name) => name.endsWith('.seg')).length

async function tidyAll(writer: Writer): Promise<void> {
  while (writer.tidy()) await Promise.resolve()
}

async function filled<T>(body: (at: { dataDir: string; files: FaultyFiles; accountId: AccountId }) => Promise<T>) {
  const directory = temporaryDirectory()
  try {
    const dataDir = join(directory.path, 'data')
    mkdirSync(dataDir)
    const files = faultyFiles()
    const store = await openStore({ ...base, dataDir, files })
    const accountId = await fill(store)
    await store.close()
    return await body({ dataDir, files, accountId })
  } finally {
    directory.remove()
  }
}

suite('compaction', () => {
  test('the living move together, the files of the dead go', () =>
    filled(async ({ dataDir, files, accountId }) => {
      const before = segmentCount(files)
      const writer = openWriter({ ...base, dataDir, files })
      await tidyAll(writer)
      writer.close()
      assert.ok(before >= 4, `${before} segments to begin with`)
      assert.equal(segmentCount(files), 1)
      const store = await openStore({ ...base, dataDir, files })
      await allWhole(store, accountId)
      await store.close()
    }))

  test('a damaged record stays where it is, for whoever repairs it', () =>
    filled(async ({ dataDir, files, accountId }) => {
      // The fifth letter lies second in its file, the others of it are dead.
      const path = segmentPath(dataDir, 2)
      files.damage(path, files.stat(path)!.sizeOctets >> 1)
      const writer = openWriter({ ...base, dataDir, files })
      await tidyAll(writer)
      writer.close()
      const store = await openStore({ ...base, dataDir, files })
      const entries = await collect(store.mail.entries(accountId, await mailboxId(store, accountId), ALL))
      assert.deepEqual(
        entries.map((entry) => entry.uid),
        LIVING,
      )
      await store.close()
    }))

  for (const remains of ['nothing', 'half', 'all'] as Remains[]) {
    test(`a crash between any two file operations, ${remains} of what was not synced remains`, async () => {
      const crashAt = (n: number): Promise<boolean> =>
        filled(async ({ dataDir, files, accountId }) => {
          const writer = openWriter({ ...base, dataDir, files })
          files.arm({ at: n, code: 'POWER' })
          await tidyAll(writer)
          const crashed = files.operations.length > n
          writer.close()
          const store = await openStore({ ...base, dataDir, files: files.afterCrash(remains) })
          await allWhole(store, accountId)
          await store.close()
          return crashed
        })
      let n = 0
      while (await crashAt(n)) n++
      assert.ok(n >= 4, `only ${n} operations`)
    })
  }

  test('the writer’s thread does it in its pauses, under readers', async () => {
    const directory = temporaryDirectory()
    const dataDir = join(directory.path, 'data')
    const writer = await startStoreWriter({ dataDir, log: silentLog, segmentMaxOctets: SEGMENT })
    const store = await connectStore({ dataDir, port: writer.connect(), clock: testClock, log: silentLog })
    try {
      const accountId = await fill(store)
      while (readdirSync(segmentsPath(dataDir)).length > 2) {
        await allWhole(store, accountId)
        await pause(5)
      }
      await allWhole(store, accountId)
    } finally {
      await store.close()
      await writer.close()
      directory.remove()
    }
  })
})
