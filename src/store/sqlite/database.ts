/** The one file that knows `node:sqlite`. Rows are arrays, which cost half of objects. */
import { backup, DatabaseSync } from 'node:sqlite'
import { STORE_BUSY_TIMEOUT_MS } from '../../model/limits.ts'
import { storeError } from './errors.ts'

export type SqlValue = null | number | string | Uint8Array

export type Statement<Row extends readonly SqlValue[] = readonly SqlValue[]> = {
  get(...values: SqlValue[]): Row | undefined
  all(...values: SqlValue[]): Row[]
  /** @returns how many rows it changed */
  run(...values: SqlValue[]): number
}

export type Database = {
  prepare<Row extends readonly SqlValue[]>(sql: string): Statement<Row>
  /** As `prepare`, kept by its text: for statements whose text depends on a count. */
  cached<Row extends readonly SqlValue[]>(sql: string): Statement<Row>
  exec(sql: string): void
  /** False also after SQLite rolled back by itself (device full). */
  readonly inTransaction: boolean
  /** Writes a whole copy to a new file: what this connection sees, so within a read transaction that one commit. @throws StoreError */
  copyTo(target: string): Promise<void>
  close(): void
}

const MIB_IN_KIB = 1024
const PAGES_PER_STEP = 1024
/** A WAL reader waits for nobody but a recovery; it must not hold its thread's event loop for long. */
const READER_BUSY_TIMEOUT_MS = 1000

/**
 * Opens for writing: WAL, every commit on the device (R3).
 * @throws StoreError
 */
export function openDatabase(path: string, busyTimeoutMs: number = STORE_BUSY_TIMEOUT_MS): Database {
  const db = open(path, false, busyTimeoutMs)
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = ${-64 * MIB_IN_KIB};
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = ${8 * MIB_IN_KIB * 1024};
  `)
  return db
}

/** Opens for reading beside the writer. Each statement sees one commit (WAL snapshot). @throws StoreError */
export function openReader(path: string): Database {
  const db = open(path, true, READER_BUSY_TIMEOUT_MS)
  db.exec(`PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = ${-8 * MIB_IN_KIB};`)
  return db
}

/** Plain, without pragmas: the lock, snapshots. */
export function openPlain(path: string, busyTimeoutMs: number): Database {
  return open(path, false, busyTimeoutMs)
}

function open(path: string, readOnly: boolean, timeout: number): Database {
  const db = guarded(() => new DatabaseSync(path, { readOnly, timeout }))
  const statements = new Map<string, Statement<never>>()
  const prepare = <Row extends readonly SqlValue[]>(sql: string): Statement<Row> => {
    const statement = guarded(() => db.prepare(sql))
    statement.setReturnArrays(true)
    return {
      get: (...values) => guarded(() => statement.get(...values) as unknown as Row | undefined),
      all: (...values) => guarded(() => statement.all(...values) as unknown as Row[]),
      run: (...values) => guarded(() => Number(statement.run(...values).changes)),
    }
  }
  return {
    prepare,
    cached<Row extends readonly SqlValue[]>(sql: string) {
      let statement = statements.get(sql) as Statement<Row> | undefined
      if (statement === undefined) {
        statement = prepare<Row>(sql)
        statements.set(sql, statement as unknown as Statement<never>)
      }
      return statement
    },
    exec: (sql) => guarded(() => db.exec(sql)),
    get inTransaction() {
      return db.isTransaction
    },
    async copyTo(target) {
      try {
        await backup(db, target, { rate: PAGES_PER_STEP })
      } catch (error) {
        throw storeError(error)
      }
    },
    close: () => db.close(),
  }
}

function guarded<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw storeError(error)
  }
}
