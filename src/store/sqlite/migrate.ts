/** Brings a database to the program's schema: forward only, each step whole or not at all, a snapshot first (R26). */
import { join } from 'node:path'
import type { Log } from '../../std/log.ts'
import { assert } from '../../std/assert.ts'
import type { Files } from '../files.ts'
import type { Database } from './database.ts'
import { MIGRATIONS, type Migration } from './schema.ts'

/** The database was written by a newer release. */
export class NewerSchema extends Error {
  override name = 'NewerSchema'
}

/**
 * @returns whether the database was new
 * @throws NewerSchema, one line for the operator, when the database's schema is newer than the program's
 * @throws StoreError
 */
export function migrate(
  db: Database,
  options: { dataDir: string; files: Files; log: Log; migrations?: readonly Migration[] },
): { readonly fresh: boolean } {
  const { dataDir, files, log, migrations = MIGRATIONS } = options
  const [found] = db.prepare<[number]>('PRAGMA user_version').get() ?? [0]
  const newest = migrations.at(-1)?.version ?? 0
  if (found > newest) {
    throw new NewerSchema(
      `${dataDir} was written by a newer gavan (schema ${found}, this program knows ${newest}): start that release, or restore a snapshot`,
    )
  }
  if (found === newest) return { fresh: false }
  if (found > 0) {
    const path = snapshot(db, dataDir, found, files)
    log.info({ event: 'store.snapshot', path, schema: found })
  }
  for (const { version, sql } of migrations.filter((step) => step.version > found)) {
    assert(Number.isInteger(version), 'a migration has a whole number')
    db.exec('BEGIN IMMEDIATE')
    try {
      db.exec(sql)
      db.exec(`PRAGMA user_version = ${version}`)
      db.exec('COMMIT')
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK')
      throw error
    }
    log.info({ event: 'store.migrated', schema: version })
  }
  return { fresh: found === 0 }
}

/** A whole copy of the database beside it, on the device before the first step. Kept until the operator removes it. */
function snapshot(db: Database, dataDir: string, version: number, files: Files): string {
  const directory = join(dataDir, 'snapshots')
  files.makeDirectory(directory)
  const path = join(directory, `schema-${version}.db`)
  const part = `${path}.part`
  files.remove(part) // A run that was killed here left it.
  db.prepare('VACUUM INTO ?').run(part)
  const fd = files.openWrite(part)
  try {
    files.dataSync(fd)
  } finally {
    files.close(fd)
  }
  files.rename(part, path)
  files.syncDirectory(directory)
  return path
}
