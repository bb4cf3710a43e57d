/** One sync for a group of small bodies: what a power cut, a second one, and a device that fails leave of it. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { JOURNAL_GROUP_MAX_OCTETS, JOURNAL_MAX_OCTETS, JOURNAL_RECORD_MAX_OCTETS } from '../../model/limits.ts'
import type { AccountId } from '../../model/ids.ts'
import { silentLog } from '../../std/log.ts'
import type { Store, StoreError } from '../contract.ts'
import { type Files, realFiles } from '../files.ts'
import { testClock } from '../testing/clock.ts'
import { type FaultyFiles, faultyFiles, type Remains } from '../testing/faulty-files.ts'
import { account, ALL, collect, deliver, mailboxId, NOW, range, summaryOf } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { takeBackup } from './backup/take.ts'
import { openPlain } from './database.ts'
import { openStore } from './open.ts'
import { databasePath, segmentPath } from './paths.ts'
import { prepare } from './prepared.ts'
import { openStoreReader } from './reader.ts'
import { MIGRATIONS } from './schema.ts'
import { openSegmentLog } from './segments.ts'
import { repairStore } from './repair/rebuild.ts'
import { verifyStore } from './verify.ts'
import { openWriter } from './writer.ts'

const open = (dataDir: string, files: Files): Promise<Store> =>
  openStore({ dataDir, files, clock: testClock, log: silentLog })

type World = { readonly store: Store; readonly files: FaultyFiles; readonly dataDir: string; readonly ann: AccountId }

async function inDirectory<T>(body: (dataDir: string) => Promise<T>): Promise<T> {
  const directory = temporaryDirectory()
  try {
    const dataDir = join(directory.path, 'data')
    mkdirSync(dataDir)
    return await body(dataDir)
  } finally {
    directory.remove()
  }
}

/** A store with a letter that is on the device: the segment has its name there. */
const world = <T>(body: (world: World) => Promise<T>): Promise<T> =>
  inDirectory(async (dataDir) => {
    const files = faultyFiles()
    const store = await open(dataDir, files)
    const ann = await account(store)
    await deliver(store, ann, 'first')
    files.arm(null)
    try {
      return await body({ store, files, dataDir, ann })
    } finally {
      await store.close()
    }
  })

async function contents(store: Pick<Store, 'mail'>, ann: AccountId): Promise<string[]> {
  const inbox = (await store.mail.mailboxByName(ann, 'INBOX'))!
  const entries = await collect(store.mail.entries(ann, inbox.mailboxId, ALL))
  const bodies = entries.map(({ messageKey, sizeOctets }) => store.mail.read(ann, messageKey, 0, sizeOctets))
  return (await Promise.all(bodies)).map((bytes) => Buffer.from(bytes).toString())
}

const syncsOf = (files: FaultyFiles): number => files.operations.filter((one) => one === 'sync').length

function journalled(dataDir: string): number {
  const db = openPlain(databasePath(dataDir), 0)
  try {
    return db.prepare<[number]>('SELECT count(*) FROM journal').get()?.[0] ?? 0
  } finally {
    db.close()
  }
}

/** As many as fill the journal and more, each in a group of its own: the largest that it takes. */
const META_MAX_OCTETS = 1024
const LETTER_OCTETS = JOURNAL_RECORD_MAX_OCTETS - META_MAX_OCTETS
const LETTERS = Array.from({ length: JOURNAL_MAX_OCTETS / LETTER_OCTETS + 3 }, (_, i) =>
  String.fromCharCode(97 + i).repeat(LETTER_OCTETS),
)

async function deliverUntilCut(store: Store, ann: AccountId, letters: readonly string[]): Promise<string[]> {
  const acked: string[] = []
  for (const letter of letters) {
    try {
      await deliver(store, ann, letter)
    } catch {
      break
    }
    acked.push(letter)
  }
  return acked
}

/** Whole letters, all that were acknowledged, in their order; and nothing is left to do. */
async function checkAfter(dataDir: string, disk: FaultyFiles, ann: AccountId, acked: readonly string[]): Promise<void> {
  const store = await open(dataDir, disk)
  const found = await contents(store, ann)
  assert.deepEqual(found.slice(0, acked.length + 1), ['first', ...acked])
  assert.equal(journalled(dataDir), 0)
  await store.close()
  assert.deepEqual(verifyStore({ dataDir, files: disk }), [])
}

suite('power goes between any two file operations', () => {
  for (const remains of ['nothing', 'half', 'all'] as const satisfies Remains[]) {
    test(`of letter after letter, up to the clean end; ${remains} of what was not synced remains`, async () => {
      const crashAt = (n: number): Promise<boolean> =>
        world(async ({ store, files, dataDir, ann }) => {
          files.arm({ at: n, code: 'POWER' })
          const acked = await deliverUntilCut(store, ann, LETTERS)
          await store.close()
          const crashed = files.operations.length > n
          const syncs = syncsOf(files)
          if (!crashed) {
            assert.equal(acked.length, LETTERS.length)
            assert.deepEqual([syncs, n], [2, LETTERS.length + 2], 'one when the journal is full, one at the end')
          }
          // The last one acknowledged was synced at once, or is in the journal.
          if (crashed && acked.length > 0 && syncs === 0) assert.equal(journalled(dataDir), acked.length)
          await checkAfter(dataDir, files.afterCrash(remains), ann, acked)
          return crashed
        })
      for (let n = 0; await crashAt(n); n++);
    })

    test(`of the start after a power cut; ${remains} of what was not synced remains, twice`, async () => {
      const crashAt = (n: number): Promise<boolean> =>
        world(async ({ store, files, dataDir, ann }) => {
          const acked = await deliverUntilCut(store, ann, ['one', 'two', 'three'])
          files.arm({ at: 0, code: 'POWER' })
          await store.close()
          const disk = files.afterCrash(remains)
          disk.arm({ at: n, code: 'POWER' })
          const begun = await open(dataDir, disk).catch(() => null)
          const crashed = begun === null
          assert.equal(journalled(dataDir) === 0, !crashed, 'rows go when all is on the device')
          await begun?.close()
          await checkAfter(dataDir, disk.afterCrash(remains), ann, acked)
          return crashed
        })
      let n = 0
      while (await crashAt(n)) n++
      assert.ok(n >= 4, `only ${n} operations`)
    })
  }

  test('a kill leaves the octets in the page cache only: the start puts them on the device', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await deliver(store, ann, 'second')
      files.arm({ at: 0, code: 'POWER' })
      await store.close()
      const disk = files.afterCrash('all')
      await checkAfter(dataDir, disk, ann, ['second'])
      await checkAfter(dataDir, disk.afterCrash('nothing'), ann, ['second'])
    }))

  test('the test itself: rows that go too early lose a letter', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await deliver(store, ann, 'second')
      files.arm({ at: 0, code: 'POWER' })
      await store.close()
      const db = openPlain(databasePath(dataDir), 0)
      db.exec('DELETE FROM journal')
      db.close()
      await assert.rejects(checkAfter(dataDir, files.afterCrash('nothing'), ann, ['second']), { kind: 'damaged' })
    }))

  test('a file that is gone altogether: what the journal holds of it comes back', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await deliver(store, ann, 'second')
      files.arm({ at: 0, code: 'POWER' })
      await store.close()
      const disk = files.afterCrash('nothing')
      disk.remove(segmentPath(dataDir, 1))
      const again = await open(dataDir, disk)
      const entries = await collect(again.mail.entries(ann, await mailboxId(again, ann), [range(2)]))
      assert.equal(Buffer.from(await again.mail.read(ann, entries[0]!.messageKey, 0, 9)).toString(), 'second')
      await again.close()
    }))

  test('a row of the journal that does not verify is not written over the segment', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await deliver(store, ann, 'second')
      files.arm({ at: 0, code: 'POWER' })
      await store.close()
      const db = openPlain(databasePath(dataDir), 0)
      db.exec('UPDATE journal SET octets = zeroblob(length(octets))')
      db.close()
      await checkAfter(dataDir, files.afterCrash('all'), ann, ['second'])
    }))
})

suite('syncs', () => {
  test('small letters wait for one; then their rows go with the next commit, and no earlier', () =>
    world(async ({ store, files, dataDir, ann }) => {
      for (const [i, letter] of LETTERS.slice(0, -1).entries()) {
        await deliver(store, ann, letter)
        const full = JOURNAL_RECORD_MAX_OCTETS * (i + 1) > JOURNAL_MAX_OCTETS
        if (!full) assert.deepEqual([syncsOf(files), journalled(dataDir)], [0, i + 1])
      }
      assert.equal(syncsOf(files), 1)
      assert.ok(journalled(dataDir) <= 1)
    }))

  test('another change takes rows away that are not needed any more', () =>
    world(async ({ store, dataDir, ann }) => {
      await deliver(store, ann, 'small')
      assert.equal(journalled(dataDir), 1)
      await deliver(store, ann, Buffer.alloc(JOURNAL_RECORD_MAX_OCTETS)) // Synced, and with it the small one.
      assert.equal(journalled(dataDir), 0)
    }))

  /** A writer that is asked for its housekeeping by hand. */
  const byHand = async (
    body: (
      world: World & { writer: ReturnType<typeof openWriter>; append(): boolean; poisoned(): boolean },
    ) => Promise<void>,
  ): Promise<void> =>
    inDirectory(async (dataDir) => {
      const files = faultyFiles()
      const store = await open(dataDir, files)
      const ann = await account(store)
      const inbox = await mailboxId(store, ann)
      await store.close()
      let poison: StoreError | null = null
      const poisoned = (why: StoreError): void => void (poison = why)
      const writer = openWriter({ dataDir, files, clock: testClock, log: silentLog, poisoned })
      const append = (): boolean => {
        const bytes = new Uint8Array(Buffer.from('letter'))
        const message = {
          body: { kind: 'memory' as const, bytes },
          summary: summaryOf(6),
          flags: [],
          internalDate: NOW,
        }
        const command = { do: 'append', accountId: ann, mailboxId: inbox, messages: [message], now: NOW } as const
        return writer.run([prepare(command)]).settled.every(({ ok }) => ok)
      }
      assert.ok(append())
      while (writer.tidy());
      files.arm(null)
      await body({ store, files, dataDir, ann, writer, append, poisoned: () => poison !== null })
    })

  test('when nothing has come for a while the segment is synced, and the rows go with the next commit', () =>
    byHand(async ({ writer, append, files, dataDir }) => {
      assert.ok(append())
      assert.equal(writer.tidy(), true, 'a letter has come since the last look')
      assert.equal(syncsOf(files), 0)
      assert.equal(writer.tidy(), false)
      assert.equal(syncsOf(files), 1)
      assert.equal(writer.tidy(), false)
      assert.equal(syncsOf(files), 1, 'once')
      assert.equal(journalled(dataDir), 1)
      assert.ok(append())
      assert.equal(journalled(dataDir), 1)
      writer.close()
      assert.equal(journalled(dataDir), 0)
    }))

  for (const code of ['EIO', 'ENOSPC']) {
    test(`${code} at the late sync: nothing more is acknowledged, and nothing is lost`, () =>
      byHand(async ({ writer, append, files, dataDir, poisoned, ann }) => {
        assert.ok(append())
        files.arm({ at: 0, code, only: 'sync' })
        writer.tidy()
        assert.equal(poisoned(), false)
        assert.equal(writer.tidy(), false)
        assert.equal(poisoned(), true)
        files.arm(null)
        assert.equal(append(), false)
        writer.close()
        assert.equal(journalled(dataDir), 1)
        const disk = files.afterCrash('nothing')
        const store = await open(dataDir, disk)
        assert.deepEqual(await contents(store, ann), ['letter', 'letter'])
        await store.close()
      }))

    test(`${code} at the sync of a large letter with a small one before it: final, and the small one is not lost`, () =>
      world(async ({ store, files, dataDir, ann }) => {
        await deliver(store, ann, 'second')
        files.arm({ at: 0, code, only: 'sync' })
        await assert.rejects(deliver(store, ann, Buffer.alloc(JOURNAL_RECORD_MAX_OCTETS)), { kind: 'device' })
        files.arm(null)
        await assert.rejects(deliver(store, ann, 'third'), { kind: 'device' })
        await store.close()
        assert.equal(journalled(dataDir), 1)
        await checkAfter(dataDir, files.afterCrash('nothing'), ann, ['second'])
      }))
  }

  test('ENOSPC at the write of a small letter: refused, later all is well', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await deliver(store, ann, 'second')
      files.arm({ at: 0, code: 'ENOSPC', only: 'write' })
      await assert.rejects(deliver(store, ann, 'no room'), { kind: 'no-space' })
      files.arm(null)
      await deliver(store, ann, 'third')
      files.arm({ at: 0, code: 'POWER' })
      await store.close()
      await checkAfter(dataDir, files.afterCrash('nothing'), ann, ['second', 'third'])
    }))

  test('what cannot be cut off again: a new file, and the older one is synced with it', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await deliver(store, ann, 'second')
      const db = openPlain(databasePath(dataDir), 0)
      db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON journal BEGIN SELECT raise(ABORT, 'no'); END`)
      files.arm({ at: 0, code: 'EIO', only: 'truncate' })
      await assert.rejects(deliver(store, ann, 'refused'))
      db.exec('DROP TRIGGER refuse')
      db.close()
      files.arm(null)
      await deliver(store, ann, 'third')
      assert.equal(syncsOf(files), 2)
      await deliver(store, ann, 'fourth')
      files.arm({ at: 0, code: 'POWER' })
      await store.close()
      await checkAfter(dataDir, files.afterCrash('nothing'), ann, ['second', 'third', 'fourth'])
    }))
})

suite('limits', () => {
  /** Records that are placed in a segment with a name, after `before` that was written and not synced. */
  function mayWait(before: readonly number[], placed: readonly number[]): boolean {
    const files = faultyFiles()
    const log = openSegmentLog({ dataDir: '/data', files, current: { segmentId: 1, end: 10 }, nextId: 2 })
    const place = (octets: number): void => void log.placeRecord(Buffer.alloc(octets))
    for (const octets of before) {
      place(octets)
      log.write()
      log.commit()
    }
    placed.forEach(place)
    return log.mayWait
  }
  const times = (count: number, octets: number): number[] => Array.from({ length: count }, () => octets)
  const many = JOURNAL_MAX_OCTETS / JOURNAL_RECORD_MAX_OCTETS

  test('one record', () => {
    assert.equal(mayWait([], [JOURNAL_RECORD_MAX_OCTETS]), true)
    assert.equal(mayWait([], [JOURNAL_RECORD_MAX_OCTETS + 1]), false)
  })
  test('a group', () => {
    const full = times(JOURNAL_GROUP_MAX_OCTETS / JOURNAL_RECORD_MAX_OCTETS, JOURNAL_RECORD_MAX_OCTETS)
    assert.equal(mayWait([], full), true)
    assert.equal(mayWait([], [...full, 1]), false)
  })
  test('the journal', () => {
    const before = times(many - 1, JOURNAL_RECORD_MAX_OCTETS)
    assert.equal(mayWait(before, [JOURNAL_RECORD_MAX_OCTETS]), true)
    assert.equal(mayWait([...before, 1], [JOURNAL_RECORD_MAX_OCTETS]), false)
  })
  test('a file that has no name on the device yet', () => {
    const log = openSegmentLog({ dataDir: '/data', files: faultyFiles(), current: null, nextId: 1 })
    log.placeRecord(Buffer.alloc(100))
    assert.equal(log.mayWait, false)
  })
})

suite('what else reads the store', () => {
  /** As a power cut leaves it: rows in the journal, the segment without their octets. */
  const cutOff = (body: (dataDir: string, ann: AccountId) => Promise<void>): Promise<void> =>
    inDirectory(async (dataDir) => {
      const store = await open(dataDir, realFiles)
      const ann = await account(store)
      await deliver(store, ann, 'first')
      const size = realFiles.stat(segmentPath(dataDir, 1))!.sizeOctets
      await deliver(store, ann, 'second')
      const copy = `${dataDir}-copy`
      cpSync(dataDir, copy, { recursive: true })
      await store.close()
      const fd = realFiles.openWrite(segmentPath(copy, 1))
      realFiles.truncate(fd, size)
      realFiles.close(fd)
      assert.equal(journalled(copy), 1)
      await body(copy, ann)
    })

  const backupOf = (dataDir: string) =>
    takeBackup({
      dataDir,
      backupDir: `${dataDir}-backup`,
      keep: 1,
      besides: [],
      program: 'test',
      clock: testClock,
    })

  test('the check finds nothing wrong: the next start puts it back', () =>
    cutOff(async (dataDir, ann) => {
      assert.deepEqual(verifyStore({ dataDir }), [])
      const store = await open(dataDir, realFiles)
      assert.deepEqual(await contents(store, ann), ['first', 'second'])
      await store.close()
    }))

  test('a repair writes it to the segment first', () =>
    cutOff(async (dataDir, ann) => {
      const { left } = repairStore({ dataDir, summarize: (bytes) => summaryOf(bytes.length) })
      assert.deepEqual(left, [])
      const store = await open(dataDir, realFiles)
      assert.deepEqual(await contents(store, ann), ['first', 'second'])
      await store.close()
    }))

  test('a backup is refused until a start has put it in order', () =>
    cutOff(async (dataDir, ann) => {
      await assert.rejects(backupOf(dataDir), { name: 'BackupProblem', message: /power cut/ })
      const store = await open(dataDir, realFiles)
      await deliver(store, ann, 'third') // Beside the server, with a row in the journal.
      const { path } = await backupOf(dataDir)
      await store.close()
      const db = openPlain(join(path, 'store.db'), 0)
      assert.deepEqual(db.prepare('SELECT count(*) FROM journal').get(), [0])
      db.close()
    }))
})

suite('a database of schema 1 (R26)', () => {
  const older = (body: (dataDir: string, ann: AccountId) => Promise<void>): Promise<void> =>
    inDirectory(async (dataDir) => {
      const store = await open(dataDir, realFiles)
      const ann = await account(store)
      await deliver(store, ann, 'first')
      await store.close()
      const db = openPlain(databasePath(dataDir), 0)
      for (const { version, sql } of MIGRATIONS) {
        if (version === 1) continue
        for (const [, table] of sql.matchAll(/CREATE TABLE (\w+)/g)) db.exec(`DROP TABLE ${table}`)
      }
      db.exec('PRAGMA user_version = 1')
      db.close()
      await body(dataDir, ann)
    })

  test('is opened, with a snapshot of what it was, and goes on', () =>
    older(async (dataDir, ann) => {
      const store = await open(dataDir, realFiles)
      await deliver(store, ann, 'second')
      await deliver(store, ann, 'third')
      assert.equal(journalled(dataDir), 1)
      assert.deepEqual(await contents(store, ann), ['first', 'second', 'third'])
      await store.close()
      assert.deepEqual(verifyStore({ dataDir }), [])
      assert.ok(existsSync(join(dataDir, 'snapshots', 'schema-1.db')))
    }))

  test('is checked, read, backed up and repaired as it is', () =>
    older(async (dataDir, ann) => {
      assert.deepEqual(verifyStore({ dataDir }), [])
      const reader = await openStoreReader({ dataDir })
      assert.deepEqual(await contents(reader, ann), ['first'])
      assert.equal((await reader.directory.account(ann))?.quotaMessages, null)
      reader.close()
      const backupDir = `${dataDir}-backup`
      await takeBackup({ dataDir, backupDir, keep: 1, besides: [], program: 'test', clock: testClock })
      const { tables, left } = repairStore({ dataDir, summarize: (bytes) => summaryOf(bytes.length) })
      assert.deepEqual([left, tables.filter(({ lossy }) => lossy)], [[], []])
      const store = await open(dataDir, realFiles)
      assert.deepEqual(await contents(store, ann), ['first'])
      await store.close()
    }))
})
