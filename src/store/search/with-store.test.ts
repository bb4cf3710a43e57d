/** The index and what else is done to a data directory. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { testClock } from '../testing/clock.ts'
import { account, deliver, summaryOf } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { takeBackup } from '../sqlite/backup/take.ts'
import { openStore } from '../sqlite/open.ts'
import { repairStore } from '../sqlite/repair/rebuild.ts'
import { openSearchIndex } from './search-index.ts'
import { indexPath } from './paths.ts'

async function inPlace(work: (dataDir: string, elsewhere: string) => Promise<void>): Promise<void> {
  const directory = temporaryDirectory()
  const dataDir = join(directory.path, 'data')
  const store = await openStore({ dataDir, clock: testClock, log: silentLog })
  await deliver(store, await account(store), 'a letter')
  await store.close()
  openSearchIndex({ dataDir }).close()
  assert.ok(existsSync(indexPath(dataDir)))
  try {
    await work(dataDir, join(directory.path, 'elsewhere'))
  } finally {
    directory.remove()
  }
}

test('a repair removes the index: keys may be given out again', async () => {
  await inPlace(async (dataDir) => {
    repairStore({ dataDir, summarize: (bytes) => summaryOf(bytes.length) })
    assert.ok(!existsSync(indexPath(dataDir)))
  })
})

test('a backup leaves the index out: it is made from the mail', async () => {
  await inPlace(async (dataDir, elsewhere) => {
    await takeBackup({ dataDir, backupDir: elsewhere, keep: 1, clock: testClock, program: 'test', besides: [] })
    const copied = readdirSync(elsewhere, { recursive: true }).map(String)
    assert.ok(copied.some((name) => name.endsWith('store.db')))
    assert.deepEqual(copied.filter((name) => name.includes('search')), []) // prettier-ignore
  })
})
