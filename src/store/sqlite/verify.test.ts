import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { suite, test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { testClock } from '../testing/clock.ts'
import { faultyFiles } from '../testing/faulty-files.ts'
import { accept, account, deliver, relayTo } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { openPlain } from './database.ts'
import { openStore } from './open.ts'
import { databasePath, segmentPath } from './paths.ts'
import { verifyStore } from './verify.ts'

/** A wound, and the name it is found under. */
const WOUNDS: readonly (readonly [what: string, sql: string])[] = [
  ['mailbox-counts', 'UPDATE mailbox SET unseen = unseen + 1 WHERE mailbox_id = 1'],
  ['mailbox-counts', 'UPDATE mailbox SET uid_next = 1 WHERE mailbox_id = 1'],
  ['account-usage', 'UPDATE account SET used_octets = 1'],
  [
    'account-of-nobody',
    'INSERT INTO mailbox (account_id, mailbox_id, name, uid_validity, highest_mod_seq) VALUES (9, 1, 9, 1, 0)',
  ],
  ['entry-without-mailbox', 'UPDATE entry SET mailbox_id = 77'],
  ['entry-without-message', 'UPDATE entry SET message_key = 99 WHERE uid = 1'],
  ['message-entries', 'UPDATE message SET entries = entries + 1'],
  ['message-without-body', 'UPDATE message SET body_id = 99'],
  ['queue-without-body', 'UPDATE queue SET body_id = 99'],
  ['body-references', 'UPDATE body SET refs = refs + 1'],
  ['body-outside-segment', 'UPDATE segment SET size_octets = 30'],
  ['segment-counts', 'UPDATE segment SET live_octets = live_octets - 1'],
  ['uid-of-the-dead', 'INSERT INTO expunged VALUES (1, 1, 1, 1, 2)'],
  ['body-damaged', 'UPDATE body SET crc32 = crc32 - 1 WHERE body_id = 1'],
]

suite('verifyStore', () => {
  for (const [what, sql] of [['', 'SELECT 1'] as const, ...WOUNDS]) {
    test(what === '' ? 'a whole store has no problem' : `${what}: ${sql}`, async () => {
      const directory = temporaryDirectory()
      try {
        const dataDir = directory.path
        mkdirSync(dataDir, { recursive: true })
        const files = faultyFiles()
        const store = await openStore({ dataDir, files, clock: testClock, log: silentLog })
        const ann = await account(store)
        await deliver(store, ann, 'one')
        await accept(store, 'two', { relay: [relayTo('b.example')] })
        await store.close()
        const db = openPlain(databasePath(dataDir), 0)
        db.exec(sql)
        db.close()
        const found = verifyStore({ dataDir, files }).map((problem) => problem.what)
        if (what === '') assert.deepEqual(found, [])
        else assert.ok(found.includes(what), found.join(', '))
      } finally {
        directory.remove()
      }
    })
  }

  test('a changed octet of a body', async () => {
    const directory = temporaryDirectory()
    try {
      const dataDir = directory.path
      const files = faultyFiles()
      const store = await openStore({ dataDir, files, clock: testClock, log: silentLog })
      await deliver(store, await account(store), 'one')
      await store.close()
      files.damage(segmentPath(dataDir, 1), 25)
      const [problem] = verifyStore({ dataDir, files })
      assert.equal(problem?.what, 'body-damaged')
      assert.equal(problem.count, 1)
    } finally {
      directory.remove()
    }
  })
})
