/**
 * Runs in a process of its own, and is killed before its nth step: each call that changes a file or a database, of
 * whatever module. `node steps-child.ts OPERATION DIR N`; without N, says how many steps there are.
 */
import fs from 'node:fs'
import promises, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { silentLog } from '../../std/log.ts'
import { realFiles } from '../files.ts'
import { restoreBackup } from '../sqlite/backup/restore.ts'
import { takeBackup } from '../sqlite/backup/take.ts'
import { openDatabase } from '../sqlite/database.ts'
import { migrate } from '../sqlite/migrate.ts'
import { openStore } from '../sqlite/open.ts'
import { databasePath } from '../sqlite/paths.ts'
import { repairStore } from '../sqlite/repair/rebuild.ts'
import { MIGRATIONS } from '../sqlite/schema.ts'
import { testClock } from './clock.ts'
import { summaryOf } from './letters.ts'

const [operation = '', directory = '', at = ''] = process.argv.slice(2)
const dataDir = join(directory, 'data')
const backupDir = join(directory, 'backup')

const NEWEST = MIGRATIONS.at(-1)?.version ?? 0
export const NEXT_STEPS = [
  ...MIGRATIONS,
  { version: NEWEST + 1, sql: 'CREATE TABLE more (a INTEGER); INSERT INTO more SELECT account_id FROM account' },
  { version: NEWEST + 2, sql: 'ALTER TABLE more ADD COLUMN b INTEGER; UPDATE more SET b = a' },
]

export const OPERATIONS: Readonly<Record<string, () => unknown>> = {
  backup: () => takeBackup({ dataDir, backupDir, keep: 2, besides: [], program: 'test', clock: testClock }),
  restore: () =>
    restoreBackup({
      backupDir,
      snapshot: null,
      dataDir: join(directory, 'restored'),
      force: true,
      queue: 'keep',
      clock: testClock,
    }),
  repair: () => repairStore({ dataDir, summarize: (bytes) => summaryOf(bytes.length) }),
  async start() {
    const store = await openStore({ dataDir, clock: testClock, log: silentLog })
    await store.close()
  },
  migrate() {
    const db = openDatabase(databasePath(dataDir))
    migrate(db, { dataDir, files: realFiles, log: silentLog, migrations: NEXT_STEPS })
    db.close()
  },
}

/** Each call counts, before it does anything. */
function watch(owner: object, names: readonly string[], step: () => void): void {
  const methods = owner as Record<string, (...given: unknown[]) => unknown>
  for (const name of names) {
    const plain = methods[name]!
    methods[name] = function watched(this: unknown, ...given: unknown[]) {
      step()
      return plain.apply(this, given)
    }
  }
}

async function main(): Promise<void> {
  let steps = 0
  const step = (): void => {
    if (steps++ === Number(at) && at !== '') process.kill(process.pid, 'SIGKILL')
  }
  const handle: FileHandle = await promises.open(process.execPath)
  watch(Object.getPrototypeOf(handle) as object, ['write', 'writeFile', 'sync', 'datasync', 'truncate'], step)
  await handle.close()
  watch(promises, ['rename', 'rm', 'mkdir', 'link', 'writeFile', 'copyFile', 'unlink'], step)
  watch(
    fs,
    [
      'writeSync',
      'writevSync',
      'fsyncSync',
      'fdatasyncSync',
      'ftruncateSync',
      'renameSync',
      'unlinkSync',
      'rmSync',
      'mkdirSync',
    ],
    step,
  )
  watch(DatabaseSync.prototype, ['exec'], step)
  watch(StatementSync.prototype, ['run'], step)
  syncBuiltinESMExports()
  await OPERATIONS[operation]!()
  process.stdout.write(String(steps))
}

if (import.meta.main) await main()
