/** Reads a data directory beside whoever writes it: for exports, and to see what is there already. */
import { stat } from 'node:fs/promises'
import { type DirectoryReads, type MailReads, StoreError } from '../contract.ts'
import { type Files, realFiles } from '../files.ts'
import { bodyReader } from './bodies.ts'
import { openReader } from './database.ts'
import { addLaterTables } from './older.ts'
import { databasePath } from './paths.ts'
import { directoryReads } from './reads/directory.ts'
import { mailReads } from './reads/mail.ts'
import { MIGRATIONS, READABLE_SCHEMA_MIN } from './schema.ts'

export type StoreReader = {
  readonly directory: DirectoryReads
  readonly mail: MailReads
  close(): void
}

/** The database has another schema than this program: a start of the server, or another release, brings them together. */
export class OtherSchema extends Error {
  override name = 'OtherSchema'
}

/**
 * @param options.database where it lies, when not in the data directory
 * @throws OtherSchema
 * @throws StoreError `device` when there is no database
 */
export async function openStoreReader(options: {
  dataDir: string
  database?: string
  files?: Files
}): Promise<StoreReader> {
  const { dataDir, database = databasePath(dataDir), files = realFiles } = options
  if ((await stat(database).catch(() => null)) === null) throw new StoreError('device', `there is no ${database}`)
  const db = openReader(database)
  const [found] = db.prepare<[number]>('PRAGMA user_version').get() ?? [0]
  const known = MIGRATIONS.at(-1)?.version ?? 0
  if (found < READABLE_SCHEMA_MIN || found > known) {
    db.close()
    throw new OtherSchema(`${database} has schema ${found}, this program knows ${known}`)
  }
  addLaterTables(db, found)
  db.exec('PRAGMA query_only = ON')
  const bodies = bodyReader(dataDir, files)
  return {
    directory: directoryReads(db),
    mail: mailReads(db, bodies),
    close() {
      bodies.close()
      db.close()
    },
  }
}
