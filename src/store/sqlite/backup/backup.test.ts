/** Backups of a living store: one commit's state, whole or refused, and only what is new is copied. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '../../../std/log.ts'
import type { AccountId } from '../../../model/ids.ts'
import type { Store } from '../../contract.ts'
import { testClock } from '../../testing/clock.ts'
import { accept, account, ALL, collect, deliver, mailboxId, range, relayTo } from '../../testing/letters.ts'
import { temporaryDirectory } from '../../testing/rooms.ts'
import { connectStore } from '../connect.ts'
import { openPlain } from '../database.ts'
import { openStore } from '../open.ts'
import { databasePath, segmentsPath } from '../paths.ts'
import { startStoreWriter } from '../start.ts'
import { verifyStore } from '../verify.ts'
import { findSnapshot, listSnapshots, MANIFEST_FILE, poolPath, snapshotsPath } from './layout.ts'
import { openBackup } from './read.ts'
import { restoreBackup } from './restore.ts'
import { type BackupOptions, takeBackup } from './take.ts'
import { verifyBackup } from './verify.ts'

type Place = { readonly dataDir: string; readonly backupDir: string; readonly elsewhere: string }

async function inPlace(body: (place: Place) => Promise<void>): Promise<void> {
  const directory = temporaryDirectory()
  try {
    const at = (name: string): string => join(directory.path, name)
    await body({ dataDir: at('data'), backupDir: at('backup'), elsewhere: at('elsewhere') })
  } finally {
    directory.remove()
  }
}

const open = (dataDir: string, segmentMaxOctets = 4096): Promise<Store> =>
  openStore({ dataDir, clock: testClock, log: silentLog, segmentMaxOctets })
const backup = ({ dataDir, backupDir }: Place, more: Partial<BackupOptions> = {}) =>
  takeBackup({ dataDir, backupDir, keep: 7, besides: [], program: 'test', clock: testClock, ...more })
const restore = ({ backupDir, elsewhere }: Place, more: Partial<Parameters<typeof restoreBackup>[0]> = {}) =>
  restoreBackup({
    backupDir,
    snapshot: null,
    dataDir: elsewhere,
    force: false,
    queue: 'hold',
    clock: testClock,
    ...more,
  })
const verify = ({ backupDir }: Place, snapshot: string | null = null) =>
  verifyBackup({ backupDir, snapshot, clock: testClock })

const letter = (n: number): string => `letter ${n} `.repeat(60)

async function contents(store: Pick<Store, 'mail'>, accountId: AccountId): Promise<[number, string][]> {
  const inbox = (await store.mail.mailboxByName(accountId, 'INBOX'))!
  const entries = await collect(store.mail.entries(accountId, inbox.mailboxId, ALL))
  const found: [number, string][] = []
  for (const { uid, messageKey, sizeOctets } of entries)
    found.push([uid, Buffer.from(await store.mail.read(accountId, messageKey, 0, sizeOctets)).toString()])
  return found
}

async function expunge(store: Store, accountId: AccountId, from: number, to: number): Promise<void> {
  const id = await mailboxId(store, accountId)
  await store.run({ do: 'expunge', accountId, mailboxId: id, uids: [range(from, to)], deletedOnly: false })
}

suite('backup', () => {
  test('restored elsewhere: same UIDs, UIDVALIDITY, flags, octets; small files too', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      for (let n = 1; n <= 20; n++) await deliver(store, ann, letter(n))
      await deliver(store, ann, Buffer.alloc(300_000, 'large'))
      await expunge(store, ann, 3, 5)
      const inbox = (await store.mail.mailboxByName(ann, 'INBOX'))!
      const change = { accountId: ann, mailboxId: inbox.mailboxId, uids: [range(7)], unchangedSince: null }
      await store.run({ do: 'setFlags', ...change, mode: 'add', flags: ['\\Flagged', 'Work'] })
      writeFileSync(join(place.dataDir, 'installation-secret'), 'secret')
      const before = await contents(store, ann)
      const report = await backup(place, { besides: [{ path: 'gavan.toml', from: import.meta.filename }] })
      assert.deepEqual(report.counts, { accounts: 1, mailboxes: 2, messages: 18, bodies: 18, queued: 0 })
      await deliver(store, ann, 'after the backup')
      await store.close()

      assert.deepEqual((await verify(place)).problems, [])
      const restored = await restore(place)
      assert.deepEqual(
        restored.besides.map(({ path }) => path),
        ['gavan.toml'],
      )
      assert.equal(readFileSync(join(place.elsewhere, 'installation-secret'), 'utf8'), 'secret')
      assert.deepEqual(verifyStore({ dataDir: place.elsewhere }), [])
      const again = await open(place.elsewhere)
      assert.deepEqual(await contents(again, ann), before)
      const now = (await again.mail.mailboxByName(ann, 'INBOX'))!
      assert.equal(now.uidValidity, inbox.uidValidity)
      const entries = await collect(again.mail.entries(ann, now.mailboxId, [range(7)]))
      assert.deepEqual(entries[0]?.flags, ['\\Flagged', 'Work'])
      await again.close()
    })
  })

  test('what was given out after the snapshot is not given out again: UIDs, MODSEQs, keys', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      await deliver(store, ann, letter(1))
      await backup(place)
      const lost = await deliver(store, ann, 'lost with the machine')
      const seen = (await store.mail.mailboxByName(ann, 'INBOX'))!
      const keys = (await collect(store.mail.entries(ann, seen.mailboxId, ALL))).map(({ messageKey }) => messageKey)
      await store.close()
      await restore(place)
      const again = await open(place.elsewhere)
      const now = (await again.mail.mailboxByName(ann, 'INBOX'))!
      assert.ok(now.highestModSeq > seen.highestModSeq)
      assert.ok(now.uidNext > seen.uidNext)
      // A program that knew the lost letter learns that it is gone, and asks anew for the flags of the others (RFC 7162).
      assert.ok((await again.mail.expungedSince(ann, now.mailboxId, seen.highestModSeq)).includes(lost))
      const changed = await collect(again.mail.entries(ann, now.mailboxId, ALL, { changedSince: seen.highestModSeq }))
      assert.deepEqual(
        changed.map(({ uid }) => uid),
        [1],
      )
      assert.equal(await deliver(again, ann, 'new'), now.uidNext)
      const all = await collect(again.mail.entries(ann, now.mailboxId, ALL))
      assert.ok(!keys.includes(all.at(-1)!.messageKey))
      await again.close()
      assert.deepEqual(verifyStore({ dataDir: place.elsewhere }), [])
    })
  })

  test('a second backup copies only what is new; older snapshots stay readable; what none reads goes', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      for (let n = 1; n <= 20; n++) await deliver(store, ann, letter(n))
      const first = await backup(place)
      const before = await contents(store, ann)
      const none = await backup(place)
      assert.deepEqual(none.segments, { copied: 0, grown: 0, kept: first.segments.copied })
      await deliver(store, ann, letter(21))
      const grown = await backup(place)
      assert.equal(grown.segments.copied + grown.segments.grown, 1)
      assert.equal(grown.segments.kept, grown.segments.grown === 1 ? first.segments.copied - 1 : first.segments.copied)
      assert.equal((await contents(store, ann)).length, 21)
      for (const name of [first.snapshot, none.snapshot, grown.snapshot])
        assert.deepEqual((await verify(place, name)).problems, [], name)
      await restore(place, { snapshot: first.snapshot })
      const old = await open(place.elsewhere)
      assert.deepEqual(await contents(old, ann), before)
      await old.close()

      await expunge(store, ann, 1, 15)
      const last = await backup(place, { keep: 1 })
      assert.deepEqual(last.removed, [first.snapshot, none.snapshot, grown.snapshot])
      const { manifest } = await findSnapshot(place.backupDir, null)
      assert.deepEqual(
        readdirSync(poolPath(place.backupDir)).toSorted(),
        manifest.segments.map(({ file }) => file).toSorted(),
      )
      await store.close()
      assert.deepEqual((await verify(place)).problems, [])
    })
  })

  test('a store with another past under the same numbers does not write over older snapshots', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      await deliver(store, ann, letter(1))
      const first = await backup(place)
      await store.close()
      rmSync(place.dataDir, { recursive: true })
      const other = await open(place.dataDir)
      const bob = await account(other, 'bob')
      await deliver(other, bob, letter(2))
      const second = await backup(place)
      await other.close()
      assert.equal(second.segments.copied, 1)
      for (const name of [first.snapshot, second.snapshot]) assert.deepEqual((await verify(place, name)).problems, [])
    })
  })

  test('while the writer delivers, drops and compacts', async () => {
    await inPlace(async (place) => {
      const writer = await startStoreWriter({ dataDir: place.dataDir, log: silentLog, segmentMaxOctets: 4096 })
      const store = await connectStore({
        dataDir: place.dataDir,
        port: writer.connect(),
        clock: testClock,
        log: silentLog,
      })
      const ann = await account(store)
      const state = { stop: false, acknowledged: 0, dropped: 0 }
      const load = (async () => {
        for (let n = 1; !state.stop; n++) {
          state.acknowledged = await deliver(store, ann, letter(n))
          if (n % 10 !== 0) continue
          await expunge(store, ann, n - 9, n - 3)
          state.dropped = n - 3
        }
      })()
      for (let round = 0; round < 5; round++) {
        const { acknowledged } = state
        const { snapshot } = await backup(place)
        const { dropped } = state
        assert.deepEqual((await verify(place, snapshot)).problems, [])
        const copy = await openBackup({ backupDir: place.backupDir, snapshot })
        const found = await contents(copy, ann)
        copy.close()
        for (const [uid, text] of found) assert.equal(text, letter(uid))
        const uids = new Set(found.map(([uid]) => uid))
        const dropping = (uid: number): boolean => uid <= dropped + 10 && (uid - 1) % 10 < 7
        for (let uid = 1; uid <= acknowledged; uid++)
          assert.ok(uids.has(uid) || dropping(uid), `letter ${uid} is in it`)
      }
      state.stop = true
      await load
      await store.close()
      await writer.close()
      assert.deepEqual(
        readdirSync(join(place.dataDir, 'pins')).filter((name) => name.endsWith('.seg')),
        [],
      )
    })
  })

  test('one that was cut off is never taken for a whole one, and the next puts it right', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      for (let n = 1; n <= 30; n++) await deliver(store, ann, letter(n))
      const ending = new AbortController()
      await assert.rejects(
        backup(place, { signal: ending.signal, progress: (done) => (done > 9000 ? ending.abort() : undefined) }),
        { name: 'AbortError' },
      )
      assert.equal(readdirSync(snapshotsPath(place.backupDir)).filter((name) => name.endsWith('.part')).length, 1)
      await assert.rejects(restore(place), /holds no whole backup: it was cut off/)
      await assert.rejects(verify(place), /cut off/)
      await backup(place)
      assert.deepEqual((await verify(place)).problems, [])
      assert.deepEqual((await listSnapshots(place.backupDir)).cut, [])
      await store.close()
    })
  })

  test('each flipped bit is found', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      for (let n = 1; n <= 10; n++) await deliver(store, ann, letter(n))
      const { path } = await backup(place)
      await store.close()
      const segment = join(poolPath(place.backupDir), readdirSync(poolPath(place.backupDir))[0]!)
      for (const file of [segment, join(path, 'store.db'), join(path, MANIFEST_FILE)]) {
        const whole = readFileSync(file)
        const bent = Buffer.from(whole)
        bent[bent.length >> 1]! ^= 1
        writeFileSync(file, bent)
        const told = await verify(place).then(
          ({ problems }) => problems.join('\n'),
          (error: Error) => error.message,
        )
        assert.match(told, /checksum does not agree|is damaged/, file)
        await assert.rejects(restore(place, { force: true }), /checksum does not agree|is damaged/)
        writeFileSync(file, whole)
      }
      truncateSync(segment, statSync(segment).size - 1)
      assert.match((await verify(place)).problems.join(), /missing or cut short/)
    })
  })

  test('rot in the original is found too, and a lost segment is told, while the rest is kept', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      for (let n = 1; n <= 20; n++) await deliver(store, ann, letter(n))
      await store.close()
      const segments = readdirSync(segmentsPath(place.dataDir)).toSorted()
      const file = join(segmentsPath(place.dataDir), segments[0]!)
      const bent = readFileSync(file)
      bent[100]! ^= 1
      writeFileSync(file, bent)
      await backup(place)
      assert.match((await verify(place)).problems.join(), /body-damaged: 1/)
      renameSync(file, join(place.dataDir, 'gone'))
      const { lostSegments } = await backup(place)
      assert.equal(lostSegments.length, 1)
      await restore(place)
      const again = await open(place.elsewhere)
      assert.ok((await collect(again.mail.entries(ann, await mailboxId(again, ann), ALL))).length === 20)
      await again.close()
    })
  })

  test('a target that is not empty, or in use, is left alone; by force what is there moves aside', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      await deliver(store, ann, letter(1))
      await backup(place)
      const into = { dataDir: place.dataDir, force: true }
      await assert.rejects(restore(place, into), /a server runs on/)
      await deliver(store, ann, letter(2))
      await store.close()
      await assert.rejects(restore(place, { ...into, force: false }), /is not empty/)
      const { movedAside } = await restore(place, into)
      assert.ok(readdirSync(movedAside!).includes('store.db'))
      const again = await open(place.dataDir)
      assert.equal((await contents(again, ann)).length, 1)
      await again.close()
      await assert.rejects(backup({ ...place, backupDir: join(place.dataDir, 'inside') }), /lie in each other/)
    })
  })

  test('what is from outside goes along by its own name; what is not there, or half-written, is left out', async () => {
    await inPlace(async (place) => {
      await (await open(place.dataDir)).close()
      writeFileSync(join(place.dataDir, 'bans.json.new-17'), 'half')
      const from = import.meta.filename
      const report = await backup(place, {
        besides: [
          { path: 'config/keys/one', from },
          { path: 'config/gone', from: `${from}.gone` },
        ],
      })
      assert.deepEqual(readdirSync(join(report.path, 'files')), ['config'])
      const { files } = (await findSnapshot(place.backupDir, null)).manifest
      assert.deepEqual(
        files.map(({ path }) => path),
        ['config/keys/one'],
      )
      const { besides } = await restore(place)
      assert.deepEqual(
        besides.map(({ path }) => path),
        ['config/keys/one'],
      )
      assert.deepEqual(readFileSync(besides[0]!.from), readFileSync(from))
      writeFileSync(besides[0]!.from, 'other')
      assert.match((await verify(place)).problems.join(), /config\/keys\/one is missing or cut short/)
    })
  })

  test('a one-time link does not come back: it may have been used since', async () => {
    await inPlace(async (place) => {
      const store = await open(place.dataDir)
      const ann = await account(store)
      const link = { tokenHash: 'ann', expiresAt: Date.now() + 1e9 }
      await store.run({ do: 'setOnceLink', accountId: ann, link })
      const inbox = await mailboxId(store, ann)
      await store.run({ do: 'setUrlKey', accountId: ann, mailboxId: inbox, key: Buffer.of(1), anew: true })
      await backup(place)
      await store.close()
      await restore(place)
      const again = await open(place.elsewhere)
      assert.notEqual(await again.directory.account(ann), null)
      assert.equal(await again.directory.onceLink('ann'), null)
      assert.equal(await again.mail.urlKey(ann, inbox), null)
      await again.close()
    })
  })

  for (const [queue, held] of [
    ['hold', 1],
    ['keep', 0],
    ['drop', null],
  ] as const) {
    test(`mail that waited to leave: ${queue}`, async () => {
      await inPlace(async (place) => {
        const store = await open(place.dataDir)
        await account(store)
        await accept(store, 'to be relayed', { relay: [relayTo('b.example')] })
        await store.run({
          do: 'claimDue',
          now: Date.now() + 1e12,
          lease: 'old',
          leaseUntil: Date.now() + 2e12,
          limit: 9,
          perDestination: 9,
          except: [],
        })
        await backup(place)
        await store.close()
        await restore(place, { queue })
        assert.deepEqual(verifyStore({ dataDir: place.elsewhere }), [])
        const db = openPlain(databasePath(place.elsewhere), 0)
        const row = db.prepare<[number, string | null]>('SELECT held, lease FROM queue').get()
        db.close()
        assert.deepEqual(row, held === null ? undefined : [held, null])
      })
    })
  }
})
