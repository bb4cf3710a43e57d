/** A device that is full, fails or lies; a database that is locked or damaged: what is refused, and what goes on. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import {
  BODY_IN_MEMORY_MAX_OCTETS,
  FREE_SPACE_MIN_OCTETS,
  JOURNAL_RECORD_MAX_OCTETS,
  ORPHAN_BODY_GRACE_MS,
} from '../../model/limits.ts'
import type { AccountId } from '../../model/ids.ts'
import { type Store, StoreError, type StoreErrorKind } from '../contract.ts'
import { testClock } from '../testing/clock.ts'
import { type FaultyFiles, faultyFiles } from '../testing/faulty-files.ts'
import { accept, account, ALL, collect, deliver, draft, mailboxId, NOW, range, relayTo } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { openPlain } from './database.ts'
import { openStore } from './open.ts'
import { databasePath, segmentName, segmentPath, setAsidePath } from './paths.ts'

type World = { store: Store; files: FaultyFiles; dataDir: string; ann: AccountId; passMs(ms: number): void }

async function world(body: (world: World) => Promise<void>): Promise<void> {
  const directory = temporaryDirectory()
  let passed = 0
  const clock = { ...testClock, monotonic: () => passed }
  try {
    const dataDir = join(directory.path, 'data')
    mkdirSync(dataDir)
    const files = faultyFiles()
    const store = await openStore({ dataDir, files, clock, log: silentLog, busyTimeoutMs: 50 })
    const ann = await account(store)
    await deliver(store, ann, 'the first')
    await body({ store, files, dataDir, ann, passMs: (ms) => void (passed += ms) })
    await store.close()
  } finally {
    directory.remove()
  }
}

const kind =
  (expected: StoreErrorKind) =>
  (error: unknown): boolean =>
    error instanceof StoreError && error.kind === expected

const seen = (store: Store, accountId: AccountId, inbox: Awaited<ReturnType<typeof mailboxId>>) =>
  store.run({
    do: 'setFlags',
    accountId,
    mailboxId: inbox,
    uids: ALL,
    mode: 'add',
    flags: ['\\Seen'],
    unchangedSince: null,
  })

async function contents(store: Store, ann: AccountId): Promise<string[]> {
  const entries = await collect(store.mail.entries(ann, await mailboxId(store, ann), ALL))
  const bodies = entries.map(({ messageKey, sizeOctets }) => store.mail.read(ann, messageKey, 0, sizeOctets))
  return (await Promise.all(bodies)).map((bytes) => Buffer.from(bytes).toString())
}

suite('a full device (R6)', () => {
  for (const only of ['write', 'sync'] as const) {
    test(`ENOSPC at a segment's ${only}: that letter is refused, flags of the same group go on, later all is well`, () =>
      world(async ({ store, files, ann, dataDir }) => {
        const inbox = await mailboxId(store, ann)
        const message = await draft(store, Buffer.alloc(JOURNAL_RECORD_MAX_OCTETS, 'no room'))
        files.arm({ at: 0, code: 'ENOSPC', only })
        const append = {
          do: 'append',
          accountId: ann,
          mailboxId: inbox,
          messages: [{ ...message, flags: [], internalDate: 0 }],
          now: NOW,
        } as const
        const [refused, flags] = await Promise.allSettled([store.run(append), seen(store, ann, inbox)])
        assert.ok(refused.status === 'rejected' && kind('no-space')(refused.reason))
        assert.equal(flags.status, 'fulfilled')
        files.arm(null)
        assert.equal(await deliver(store, ann, 'the second'), 2)
        assert.deepEqual(await contents(store, ann), ['the first', 'the second'])
        assert.equal((await store.mail.mailbox(ann, inbox))?.unseen, 1)
        await store.close()
        const disk = files.afterCrash('nothing')
        const again = await openStore({ dataDir, files: disk, clock: testClock, log: silentLog })
        assert.deepEqual(await contents(again, ann), ['the first', 'the second'])
        await again.close()
      }))
  }

  test('ENOSPC while a large letter is staged: the sink says so, and leaves no file', () =>
    world(async ({ store, files, ann }) => {
      files.arm({ at: 0, code: 'ENOSPC', only: 'write' })
      const sink = store.stage()
      await assert.rejects(sink.write(Buffer.alloc(3 * BODY_IN_MEMORY_MAX_OCTETS)), kind('no-space'))
      await sink.abort()
      files.arm(null)
      assert.deepEqual(
        files.names().filter((name) => name.endsWith('.part')),
        [],
      )
      await deliver(store, ann, 'the second')
    }))

  test('below the free space that is kept, mail is refused; reading, flags, deleting and the queue go on', () =>
    world(async ({ store, files, ann, passMs }) => {
      const inbox = await mailboxId(store, ann)
      const queued = await accept(store, 'out', { relay: [relayTo('b.example')] })
      assert.ok(queued.at === 'accepted')
      const staged = await draft(store, 'too late')
      files.setSpace(FREE_SPACE_MIN_OCTETS - 1)
      passMs(1000)
      await assert.rejects(store.stage().write(Buffer.from('x')), kind('no-space'))
      const local = [{ accountId: ann, mailbox: 'INBOX' as const, flags: [] }]
      const input = { message: staged, traceId: 't' as never, acceptedAt: NOW, local, relay: [] }
      await assert.rejects(store.run({ do: 'accept', ...input }), kind('no-space'))
      assert.equal((await seen(store, ann, inbox)).at, 'done')
      assert.deepEqual(await contents(store, ann), ['the first'])
      const claim = { now: NOW, lease: 'l', leaseUntil: NOW + 1, limit: 1, perDestination: 1, except: [] }
      assert.equal((await store.run({ do: 'claimDue', ...claim })).entries.length, 1)
      const expunge = { do: 'expunge', accountId: ann, mailboxId: inbox, uids: [range(1)], deletedOnly: false } as const
      assert.equal((await store.run(expunge)).at, 'done')
      files.setSpace(FREE_SPACE_MIN_OCTETS + 70_000)
      passMs(1000)
      await deliver(store, ann, 'room again')
      await assert.rejects(deliver(store, ann, 'no room once more'), kind('no-space'))
    }))

  test('a passing shortage of descriptors refuses, and is over when it is over (R8)', () =>
    world(async ({ store, files, ann }) => {
      const large = Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS, 'x')
      files.arm({ at: 0, code: 'EMFILE', only: 'create' })
      await assert.rejects(deliver(store, ann, large), kind('busy'))
      files.arm(null)
      await deliver(store, ann, large)
    }))
})

suite('a device that fails', () => {
  for (const only of ['sync', 'write'] as const) {
    test(`EIO at a segment's ${only}: nothing is acknowledged until restart, what was stays`, () =>
      world(async ({ store, files, ann, dataDir }) => {
        const inbox = await mailboxId(store, ann)
        files.arm({ at: 0, code: 'EIO', only })
        const lost = Buffer.alloc(JOURNAL_RECORD_MAX_OCTETS, 'lost')
        const [one, two] = await Promise.allSettled([deliver(store, ann, lost), seen(store, ann, inbox)])
        assert.ok(one.status === 'rejected' && kind('device')(one.reason))
        assert.ok(two.status === 'rejected' || two.value.at === 'done') // Of the same group, or of the one before.
        files.arm(null)
        await assert.rejects(deliver(store, ann, 'later'), kind('device'))
        await assert.rejects(store.run({ do: 'addDomain', name: 'x.example' }), kind('device'))
        assert.deepEqual(await contents(store, ann), ['the first'])
        await store.close()
        const disk = files.afterCrash('half')
        const again = await openStore({ dataDir, files: disk, clock: testClock, log: silentLog })
        await deliver(again, ann, 'after')
        assert.deepEqual(await contents(again, ann), ['the first', 'after'])
        await again.close()
      }))
  }

  test('EIO at the sync of a staged file: the sink says so, and leaves no file', () =>
    world(async ({ store, files }) => {
      const sink = store.stage()
      await sink.write(Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS))
      files.arm({ at: 0, code: 'EIO', only: 'sync' })
      await assert.rejects(sink.finish(), kind('device'))
      files.arm(null)
      assert.deepEqual(
        files.names().filter((name) => name.endsWith('.part')),
        [],
      )
    }))
})

suite('damage (R11)', () => {
  const read = async ({ store, ann }: World, pieces: number): Promise<void> => {
    const [entry] = await collect(store.mail.entries(ann, await mailboxId(store, ann), ALL))
    assert.ok(entry !== undefined)
    const step = Math.ceil(entry.sizeOctets / pieces)
    for (let at = 0; at < entry.sizeOctets; at += step) {
      await store.mail.read(ann, entry.messageKey, at, Math.min(entry.sizeOctets, at + step))
    }
  }
  for (const pieces of [1, 4]) {
    test(`a changed bit is found, read in ${pieces}; other messages are not concerned`, () =>
      world(async (at) => {
        await deliver(at.store, at.ann, 'the second')
        at.files.damage(segmentPath(at.dataDir, 1), 24 + 4)
        await assert.rejects(read(at, pieces), kind('damaged'))
        const [, second] = await collect(at.store.mail.entries(at.ann, await mailboxId(at.store, at.ann), ALL))
        assert.equal((await at.store.mail.read(at.ann, second!.messageKey, 0, 99)).length, 10)
      }))
  }

  for (const octets of [20, 2 * BODY_IN_MEMORY_MAX_OCTETS]) {
    test(`EIO at a read of ${octets} octets: that message is damaged, others and all writes go on`, () =>
      world(async ({ store, files, dataDir, ann }) => {
        const inbox = await mailboxId(store, ann)
        const bytes = Buffer.alloc(octets, 'x')
        await deliver(store, ann, bytes)
        await store.close()
        const again = await openStore({ dataDir, files, clock: testClock, log: silentLog })
        await deliver(again, ann, 'in another file')
        const [first, second, third] = await collect(again.mail.entries(ann, inbox, ALL))
        const newest = files.names().filter((name) => name.endsWith('.seg'))
        for (const path of newest) {
          files.failReads(path)
          const answers = await Promise.allSettled(
            [first, second, third].map((entry) => again.mail.read(ann, entry!.messageKey, 0, entry!.sizeOctets)),
          )
          assert.ok(answers.some(({ status }) => status === 'fulfilled'))
          const refused = answers.filter((one) => one.status === 'rejected')
          assert.ok(refused.length > 0 && refused.every(({ reason }) => kind('damaged')(reason)))
          assert.equal((await seen(again, ann, inbox)).at, 'done')
          files.failReads(null)
        }
        await deliver(again, ann, 'afterwards')
        assert.equal((await contents(again, ann)).length, 4)
        await again.close()
      }))
  }

  test('a file that is gone makes its messages damaged, and the start goes on', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await store.close()
      files.remove(segmentPath(dataDir, 1))
      const again = await openStore({ dataDir, files, clock: testClock, log: silentLog })
      await deliver(again, ann, 'the second')
      await assert.rejects(contents(again, ann), kind('damaged'))
      await again.close()
    }))
})

suite('a start after an accident', () => {
  const reopen = (dataDir: string, files: FaultyFiles, now = Date.now()): Promise<Store> =>
    openStore({ dataDir, files, clock: { ...testClock, now: () => now }, log: silentLog })

  test('the database is gone, the bodies are there: refused in one line, nothing is touched', () =>
    world(async ({ store, files, dataDir }) => {
      await store.close()
      rmSync(dataDir, { recursive: true })
      mkdirSync(dataDir)
      const before = files.names()
      // Again and again: a service manager starts it anew.
      for (let i = 0; i < 3; i++) {
        await assert.rejects(reopen(dataDir, files), { name: 'DatabaseMissing', message: /^[^\n]*gavan repair[^\n]*$/ })
      }
      assert.deepEqual(files.names(), before)
    }))

  test('the database is an older snapshot: the newer bodies are kept for a person, uids go on', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await store.close()
      const copy = `${dataDir}-copy`
      cpSync(dataDir, copy, { recursive: true })
      const newer = await reopen(dataDir, files)
      await deliver(newer, ann, 'newer than the snapshot')
      await newer.close()
      rmSync(dataDir, { recursive: true })
      cpSync(copy, dataDir, { recursive: true })
      for (let i = 0; i < 2; i++) {
        const again = await reopen(dataDir, files, Date.now() + 2 * ORPHAN_BODY_GRACE_MS)
        await deliver(again, ann, `again ${i}`)
        assert.equal((await contents(again, ann)).length, 2 + i)
        await again.close()
      }
      const aside = files.names().filter((name) => name.includes('/set-aside/'))
      assert.deepEqual(aside, [join(setAsidePath(dataDir), segmentName(2))])
    }))

  test('what a crash cut short is litter, collected after its time', () =>
    world(async ({ store, files, dataDir, ann }) => {
      const large = Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS, 'x')
      const staged = await draft(store, large)
      files.arm({ at: 0, code: 'POWER', only: 'sync' }) // The file has its name, its row is not committed.
      const append = { accountId: ann, mailboxId: await mailboxId(store, ann), now: NOW }
      const messages = [{ ...staged, flags: [], internalDate: 0 }]
      await assert.rejects(store.run({ do: 'append', ...append, messages }))
      await store.close()
      const disk = files.afterCrash('all')
      const segments = () => disk.names().filter((name) => name.endsWith('.seg')).length
      for (const [now, count] of [
        [ORPHAN_BODY_GRACE_MS - 1, 2],
        [ORPHAN_BODY_GRACE_MS, 1],
      ] as const) {
        const again = await reopen(dataDir, disk, now)
        assert.deepEqual(await contents(again, ann), ['the first'])
        await again.close()
        assert.equal(segments(), count)
      }
    }))

  test('litter of the database’s own is collected after its time, not before', () =>
    world(async ({ store, files, dataDir, ann }) => {
      await store.close()
      const second = await reopen(dataDir, files, 0)
      await deliver(second, ann, 'the second')
      await second.close()
      const litter = openPlain(databasePath(dataDir), 0) // As when a crash came between commit and removal.
      litter.exec('DELETE FROM segment WHERE segment_id = 1')
      litter.close()
      for (const [now, count] of [
        [ORPHAN_BODY_GRACE_MS - 1, 2],
        [ORPHAN_BODY_GRACE_MS, 1],
      ] as const) {
        await (await reopen(dataDir, files, now)).close()
        assert.equal(files.names().filter((name) => name.endsWith('.seg')).length, count)
      }
    }))
})

suite('a locked database (R10)', () => {
  test('another program holds the write lock: refused as busy in time, then all is well; reading never waits', () =>
    world(async ({ store, dataDir, ann }) => {
      const other = openPlain(databasePath(dataDir), 0)
      other.exec('BEGIN IMMEDIATE')
      await assert.rejects(deliver(store, ann, 'blocked'), kind('busy'))
      assert.deepEqual(await contents(store, ann), ['the first'])
      other.exec('ROLLBACK')
      other.close()
      await deliver(store, ann, 'free')
      assert.deepEqual(await contents(store, ann), ['the first', 'free'])
    }))

  test('a second writer is told in one line', () =>
    world(async ({ store, dataDir, files }) => {
      const second = openStore({ dataDir, files, clock: testClock, log: silentLog })
      await assert.rejects(second, { name: 'InUse', message: /^[^\n]*in use by another gavan[^\n]*$/ })
      await store.run({ do: 'addDomain', name: 'still.example' })
    }))
})
