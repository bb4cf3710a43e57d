/** R11: whatever page is damaged, letters come back with their UIDs, and nothing is destroyed. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { BODY_IN_MEMORY_MAX_OCTETS } from '../../../model/limits.ts'
import type { Flag } from '../../../model/mailbox.ts'
import { silentLog } from '../../../std/log.ts'
import type { Store } from '../../contract.ts'
import { testClock } from '../../testing/clock.ts'
import {
  accept,
  account,
  ALL,
  collect,
  deliver,
  KEY,
  mailboxId,
  NOW,
  range,
  relayTo,
  summaryOf,
} from '../../testing/letters.ts'
import { temporaryDirectory } from '../../testing/rooms.ts'
import { openStore } from '../open.ts'
import { openPlain } from '../database.ts'
import { databasePath, segmentPath, segmentsPath } from '../paths.ts'
import { verifyStore } from '../verify.ts'
import { repairStore, type RepairReport } from './rebuild.ts'

const open = (dataDir: string): Promise<Store> =>
  openStore({ dataDir, clock: testClock, log: silentLog, segmentMaxOctets: 200_000 })

const repair = (dataDir: string): RepairReport =>
  repairStore({ dataDir, summarize: (bytes) => summaryOf(bytes.length, 'found again') })

/** Two people with letters that came, were copied, moved, flagged and expunged; a large one; mail that waits to leave. */
async function fill(dataDir: string): Promise<void> {
  const store = await open(dataDir)
  for (const name of ['ann', 'bob']) {
    const accountId = await account(store, name)
    const inbox = await mailboxId(store, accountId)
    const sent = await mailboxId(store, accountId, 'Sent')
    for (let n = 1; n <= 150; n++) await deliver(store, accountId, `letter ${n} of ${name} ${'x'.repeat(n * 7)}`)
    await store.run({ do: 'createMailbox', accountId, name: 'Work', specialUse: null, now: NOW })
    const work = await mailboxId(store, accountId, 'Work')
    await store.run({ do: 'copy', accountId, from: inbox, uids: [range(1, 20)], to: sent, now: NOW })
    await store.run({ do: 'move', accountId, from: inbox, uids: [range(21, 40)], to: work, now: NOW })
    await store.run({
      do: 'setFlags',
      accountId,
      mailboxId: inbox,
      uids: [range(41, 90)],
      mode: 'add',
      flags: ['\\Seen', 'work'] as Flag[],
      unchangedSince: null,
    })
    await store.run({ do: 'expunge', accountId, mailboxId: inbox, uids: [range(91, 100)], deletedOnly: false })
  }
  const bob = await mailboxOwner(store, 'bob')
  await deliver(store, bob, Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS, 'large'))
  await accept(store, 'for another host', { relay: [relayTo('far.example')] })
  await store.close()
}

async function mailboxOwner(store: Store, localPart: string) {
  const found = await store.directory.accountByAddress({ localPart, domain: 'a.example' })
  assert.ok(found !== null)
  return found.accountId
}

/** `ann INBOX 7` → its content; every entry of every account. */
async function contents(dataDir: string): Promise<Map<string, { hash: string; flags: string; mailbox: string }>> {
  const store = await open(dataDir)
  const all = new Map<string, { hash: string; flags: string; mailbox: string }>()
  try {
    for (const { accountId, address } of await store.directory.accounts()) {
      for (const { mailboxId: id, name, uidValidity } of await store.mail.mailboxes(accountId)) {
        for (const { uid, flags, messageKey, sizeOctets } of await collect(store.mail.entries(accountId, id, ALL))) {
          const bytes = await store.mail.read(accountId, messageKey, 0, sizeOctets)
          const hash = createHash('sha256').update(bytes).digest('hex')
          all.set(`${address.localPart} ${id} ${uidValidity} ${uid}`, {
            hash,
            flags: flags.toSorted().join(' '),
            mailbox: name,
          })
        }
      }
    }
  } finally {
    await store.close()
  }
  return all
}

/** Every letter that there was is there; wherever its place is told, with the same UID. @returns places that were lost */
function compare(before: Awaited<ReturnType<typeof contents>>, after: typeof before): string[] {
  const kept = new Set([...after].map(([key, { hash }]) => `${key.split(' ')[0]} ${hash}`))
  const lost: string[] = []
  for (const [key, { hash }] of before) {
    assert.ok(kept.has(`${key.split(' ')[0]} ${hash}`), `the letter at ${key} is lost`)
    const now = after.get(key)
    if (now === undefined) lost.push(key)
    else assert.equal(now.hash, hash, `another letter at ${key}`)
  }
  return lost
}

const prepared = (async () => {
  const directory = temporaryDirectory()
  await fill(directory.path)
  return { path: directory.path, before: await contents(directory.path) }
})()

/** A copy of the store to be wounded. */
async function wounded<T>(
  work: (dataDir: string, before: Awaited<ReturnType<typeof contents>>) => Promise<T>,
): Promise<T> {
  const { path, before } = await prepared
  const directory = temporaryDirectory()
  try {
    cpSync(path, directory.path, { recursive: true })
    return await work(directory.path, before)
  } finally {
    directory.remove()
  }
}

const PAGE_OCTETS = 4096

function scribble(path: string, page: number): void {
  const bytes = readFileSync(path)
  for (let at = page * PAGE_OCTETS; at < (page + 1) * PAGE_OCTETS && at < bytes.length; at += 7) bytes[at]! ^= 0x5a
  writeFileSync(path, bytes)
}

suite('repair', () => {
  test('a whole store is rebuilt as it was, modseqs aside', () =>
    wounded(async (dataDir, before) => {
      const report = repair(dataDir)
      assert.deepEqual(report.left, [])
      assert.ok(report.tables.every(({ lossy }) => !lossy))
      assert.deepEqual(await contents(dataDir), before)
      assert.ok(statSync(join(report.keptAside, 'store.db')).size > 0)
    }))

  test('a one-time link stays; one of an account that is gone does not', () =>
    wounded(async (dataDir) => {
      const store = await open(dataDir)
      const ann = await mailboxOwner(store, 'ann')
      const link = { tokenHash: 'ann', expiresAt: NOW }
      await store.run({ do: 'setOnceLink', accountId: ann, link })
      await store.close()
      const db = openPlain(databasePath(dataDir), 0)
      db.exec(`INSERT INTO once_link VALUES (999, 'nobody', ${NOW})`)
      db.close()
      assert.deepEqual(
        verifyStore({ dataDir }).map(({ what }) => what),
        ['once-link-of-nobody'],
      )
      assert.deepEqual(repair(dataDir).left, [])
      const again = await open(dataDir)
      assert.deepEqual(await again.directory.onceLink('ann'), { accountId: ann, expiresAt: NOW })
      assert.equal(await again.directory.onceLink('nobody'), null)
      await again.close()
    }))

  test('keys of URLs survive; one of no mailbox is found and goes', () =>
    wounded(async (dataDir) => {
      const store = await open(dataDir)
      const ann = await mailboxOwner(store, 'ann')
      const inbox = await mailboxId(store, ann)
      await store.run({ do: 'setUrlKey', accountId: ann, mailboxId: inbox, key: Buffer.of(7), anew: false })
      await store.close()
      const db = openPlain(databasePath(dataDir), 0)
      db.exec(`INSERT INTO url_key VALUES (${ann}, 4000, x'01'), (999, 1, x'02')`)
      db.close()
      assert.deepEqual(
        verifyStore({ dataDir }).map(({ what }) => what),
        ['url-key-of-nothing'],
      )
      assert.deepEqual(repair(dataDir).left, [])
      const again = await open(dataDir)
      assert.deepEqual([...(await again.mail.urlKey(ann, inbox))!], [7])
      await again.close()
    }))

  test('access keys stay, and what is kept of their use; those of an account that is gone do not', () =>
    wounded(async (dataDir) => {
      const store = await open(dataDir)
      const ann = await mailboxOwner(store, 'ann')
      await store.run({ do: 'addAccessKey', accountId: ann, ...KEY })
      const use = { at: NOW, protocol: 'imap', address: '192.0.2.1' } as const
      await store.run({ do: 'noteAccessKeyUse', accountId: ann, keyId: 1, use })
      await store.close()
      const db = openPlain(databasePath(dataDir), 0)
      db.exec(
        `INSERT INTO access_key SELECT 999, key_id, kind, name, scope, secret, scram, created_at, last_use FROM access_key`,
      )
      db.close()
      assert.deepEqual(
        verifyStore({ dataDir }).map(({ what }) => what),
        ['access-key-of-nobody'],
      )
      assert.deepEqual(repair(dataDir).left, [])
      const again = await open(dataDir)
      assert.deepEqual(await again.directory.accessKeys(ann), [{ ...KEY, keyId: 1, lastUse: use }])
      assert.deepEqual(await again.directory.accessKeys(999 as typeof ann), [])
      await again.close()
    }))

  test('rights, annotations, threads and quotas stay; those of what is gone do not', () =>
    wounded(async (dataDir) => {
      const store = await open(dataDir)
      const [ann, bob] = [await mailboxOwner(store, 'ann'), await mailboxOwner(store, 'bob')]
      const [inbox, sent] = [await mailboxId(store, ann), await mailboxId(store, ann, 'Sent')]
      for (const id of [inbox, sent]) {
        await store.run({
          do: 'setRights',
          accountId: ann,
          mailboxId: id,
          grantee: bob,
          mode: 'add',
          rights: ['l', 'r'],
        })
        await store.run({
          do: 'setAnnotations',
          accountId: ann,
          mailboxId: id,
          reader: bob,
          changes: [{ entry: '/private/comment', value: Buffer.from('his') }],
        })
      }
      await store.run({ do: 'setQuota', accountId: ann, quotaMessages: 12 })
      const copy = { do: 'copy', accountId: ann, from: inbox, to: await mailboxId(store, bob), now: NOW } as const
      await store.run({ ...copy, toAccountId: bob, uids: [range(50)] })
      const idsOf = async (from: Store) => {
        const entries = await collect(from.mail.entries(bob, copy.to, ALL))
        return (await from.mail.objectIds(bob, [entries.at(-1)!.messageKey]))[0]
      }
      const ids = await idsOf(store)
      await store.close()
      const db = openPlain(databasePath(dataDir), 0)
      // As after the loss of a page: the mailbox is told of no more.
      db.exec(`DELETE FROM entry WHERE account_id = ${ann} AND mailbox_id = ${sent}`)
      db.exec(`DELETE FROM mailbox WHERE account_id = ${ann} AND mailbox_id = ${sent}`)
      db.close()
      assert.deepEqual(repair(dataDir).left, [])
      const again = await open(dataDir)
      assert.ok((await again.mail.grantTo(bob, ann, inbox))?.rights.has('r'))
      assert.equal((await again.mail.annotations(ann, inbox, bob)).length, 1)
      assert.equal((await again.directory.account(ann))?.quotaMessages, 12)
      assert.deepEqual(await idsOf(again), ids)
      const lost = (await again.mail.mailbox(ann, sent)) === null
      if (lost) assert.equal(await again.mail.grantTo(bob, ann, sent), null)
      await again.close()
    }))

  test('of an earlier schema: a table that it had not yet is no loss', () =>
    wounded(async (dataDir, before) => {
      const db = openPlain(databasePath(dataDir), 0)
      db.exec('DROP TABLE once_link; PRAGMA user_version = 2')
      db.close()
      assert.deepEqual(verifyStore({ dataDir }), [])
      const report = repair(dataDir)
      assert.ok(report.tables.every(({ lossy }) => !lossy))
      assert.deepEqual(await contents(dataDir), before)
    }))

  test('any page of the database', { timeout: 300_000 }, async (t) => {
    const { path } = await prepared
    const pages = statSync(databasePath(path)).size / PAGE_OCTETS
    let worst = 0
    let lossy = 0
    for (let page = 0; page < pages; page++) {
      await wounded(async (dataDir, before) => {
        scribble(databasePath(dataDir), page)
        const report = repair(dataDir)
        assert.deepEqual(report.left, [], `page ${page}`)
        if (report.tables.some((table) => table.lossy)) lossy += 1
        const after = await contents(dataDir)
        worst = Math.max(worst, compare(before, after).length)
        const accounts = new Set([...after.keys()].map((key) => key.split(' ')[0]))
        assert.equal(accounts.size, 2, `page ${page}`)
      })
    }
    t.diagnostic(
      `${pages} pages, ${lossy} of them told by what was lost; at most ${worst} places of copies were not told`,
    )
    assert.ok(lossy > 0)
  })

  test('pages that read as empty ones: each leaf alone, and all of them', async () => {
    const { path } = await prepared
    const pages = statSync(databasePath(path)).size / PAGE_OCTETS
    const isLeaf = (bytes: Buffer, page: number): boolean => [10, 13].includes(bytes[page * PAGE_OCTETS]!)
    for (let empty = 1; empty <= pages; empty++)
      await wounded(async (dataDir, before) => {
        const bytes = readFileSync(databasePath(dataDir))
        for (let page = 1; page < pages; page++)
          if (isLeaf(bytes, page) && (page === empty || empty === pages)) bytes.writeUInt16BE(0, page * PAGE_OCTETS + 3)
        writeFileSync(databasePath(dataDir), bytes)
        assert.deepEqual(repair(dataDir).left, [], `page ${empty}`)
        compare(before, await contents(dataDir))
      })
  })

  test('segments of which no row tells are kept aside', () =>
    wounded(async (dataDir) => {
      writeFileSync(segmentPath(dataDir, 900), readFileSync(segmentPath(dataDir, 1)).subarray(0, 10))
      const { keptAside } = repair(dataDir)
      assert.ok(readdirSync(keptAside).includes('00000900.seg'))
      await (await open(dataDir)).close()
    }))

  test('no database at all: letters, accounts and mailboxes as their records tell', () =>
    wounded(async (dataDir, before) => {
      rmSync(databasePath(dataDir))
      const report = repair(dataDir)
      assert.deepEqual(report.left, [])
      assert.deepEqual(report.restored.accounts, ['ann@a.example', 'bob@a.example'])
      assert.equal(report.restored.queued, 1)
      compare(before, await contents(dataDir))
      const store = await open(dataDir)
      const ann = await mailboxOwner(store, 'ann')
      // R24: no UID is given twice, though nothing tells which ones copies had.
      const uid = await deliver(store, ann, 'a new one')
      assert.ok(uid >= 1_000_000)
      assert.equal(
        (await store.queue.list()).every(({ held }) => held),
        true,
      )
      await store.close()
    }))

  test('a database cut in half, one of noise, one that is empty', async () => {
    for (const wound of [
      (path: string) => truncateSync(path, 20 * PAGE_OCTETS),
      (path: string) => writeFileSync(path, Buffer.alloc(50_000, 'noise')),
      (path: string) => writeFileSync(path, ''),
    ])
      await wounded(async (dataDir, before) => {
        wound(databasePath(dataDir))
        assert.deepEqual(repair(dataDir).left, [])
        compare(before, await contents(dataDir))
      })
  })

  test('damage to a body is told, and takes no other letter with it', () =>
    wounded(async (dataDir) => {
      const path = segmentPath(dataDir, 1)
      const bytes = readFileSync(path)
      const at = bytes.indexOf('letter 5 of ann')
      bytes[at + 3]! ^= 1
      writeFileSync(path, bytes)
      const found = verifyStore({ dataDir })
      assert.deepEqual(
        found.map(({ what, count }) => [what, count]),
        [['body-damaged', 1]],
      )
      rmSync(databasePath(dataDir))
      const report = repair(dataDir)
      assert.equal(report.damagedBodies.length, 1)
      assert.deepEqual(
        report.left.map(({ what, count }) => [what, count]),
        [['body-damaged', 1]],
      )
      const store = await open(dataDir)
      const ann = await mailboxOwner(store, 'ann')
      const inbox = await mailboxId(store, ann)
      let unread = 0
      for (const { messageKey, sizeOctets } of await collect(store.mail.entries(ann, inbox, ALL)))
        await store.mail.read(ann, messageKey, 0, sizeOctets).catch(() => (unread += 1))
      await store.close()
      assert.equal(unread, 1)
    }))

  test('damage to a head or the metadata: the records behind it are found', () =>
    wounded(async (dataDir) => {
      const path = segmentPath(dataDir, 1)
      const bytes = readFileSync(path)
      bytes[bytes.indexOf('letter 9 of ann') - 20]! ^= 1 // The length in its head.
      writeFileSync(path, bytes)
      rmSync(databasePath(dataDir))
      assert.deepEqual(repair(dataDir).left, [])
      const store = await open(dataDir)
      const ann = await mailboxOwner(store, 'ann')
      const uids = (await collect(store.mail.entries(ann, await mailboxId(store, ann), ALL))).map(({ uid }) =>
        Number(uid),
      )
      await store.close()
      assert.ok(!uids.includes(9))
      assert.ok(uids.includes(8) && uids.includes(10))
    }))

  test('what was removed stays removed when the rows that say so are whole', () =>
    wounded(async (dataDir, before) => {
      scribble(databasePath(dataDir), 0) // Whatever this costs.
      repair(dataDir)
      const again = repair(dataDir) // A second one changes nothing.
      assert.deepEqual(again.left, [])
      compare(before, await contents(dataDir))
    }))

  test('while a server runs nothing is touched', () =>
    wounded(async (dataDir) => {
      const store = await open(dataDir)
      try {
        assert.throws(() => repair(dataDir), { name: 'InUse' })
      } finally {
        await store.close()
      }
      assert.deepEqual(
        readdirSync(dataDir).filter((name) => name.startsWith('damaged')),
        [],
      )
    }))

  test('a large letter keeps its metadata through compaction', () =>
    wounded(async (dataDir, before) => {
      const store = await open(dataDir)
      const ann = await mailboxOwner(store, 'ann')
      await store.run({ do: 'removeAccount', accountId: ann })
      await store.close()
      for (let turn = 0; turn < 3; turn++) await (await open(dataDir)).close()
      rmSync(databasePath(dataDir))
      repair(dataDir)
      const bobs = new Map([...before].filter(([key]) => key.startsWith('bob ')))
      compare(bobs, await contents(dataDir))
      assert.ok(readdirSync(segmentsPath(dataDir)).length > 0)
    }))
})
