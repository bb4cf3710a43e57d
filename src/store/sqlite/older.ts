/** A database of an older schema, to be read as it is: before its migration, in a backup, or damaged. */
import type { Database } from './database.ts'
import { MIGRATIONS } from './schema.ts'

/**
 * Tables that later steps add are there for this connection alone, and empty.
 * @param found the database's schema, READABLE_SCHEMA_MIN or newer
 */
export function addLaterTables(db: Database, found: number): void {
  const later = MIGRATIONS.filter(({ version }) => version > found)
  if (later.length === 0) return
  db.exec('PRAGMA query_only = OFF')
  for (const { sql } of later) {
    db.exec(sql.replaceAll(/CREATE (TABLE|INDEX|UNIQUE INDEX) /g, 'CREATE $1 temp.'))
  }
}
