import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { testClock } from '../testing/clock.ts'
import { account, deliver } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { checkPages } from './check.ts'
import { openPlain } from './database.ts'
import { openStore } from './open.ts'
import { databasePath } from './paths.ts'

test('a damaged page is found beside a store in use; a whole one is no news', async () => {
  const directory = temporaryDirectory()
  const never = new AbortController().signal
  try {
    const dataDir = directory.path
    const store = await openStore({ dataDir, clock: testClock, log: silentLog })
    await deliver(store, await account(store), 'one')
    assert.deepEqual(await checkPages(dataDir, never), [])
    await store.close()
    const db = openPlain(databasePath(dataDir), 0)
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    db.close()
    const bytes = readFileSync(databasePath(dataDir))
    for (let at = 3 * 4096; at < 3 * 4096 + 200; at++) bytes[at]! ^= 0x5a
    writeFileSync(databasePath(dataDir), bytes)
    assert.notDeepEqual(await checkPages(dataDir, never), [])
    const ended = new AbortController()
    ended.abort()
    assert.deepEqual(await checkPages(dataDir, ended.signal), [])
  } finally {
    directory.remove()
  }
})
