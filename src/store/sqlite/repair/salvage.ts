/** Takes out of a damaged database what can still be read, table by table, around the pages that cannot. */
import { StoreError } from '../../contract.ts'
import type { Database, SqlValue } from '../database.ts'
import { MIGRATIONS } from '../schema.ts'

export type TableSalvage = {
  readonly table: string
  readonly rows: number
  /** Some of it could not be read. */
  readonly lossy: boolean
}

const ROWS_AT_ONCE = 256
/** How far a bad page is jumped over, in steps of the key's last part: it holds some hundreds of rows at most. */
const JUMP_MAX = 2 ** 33

/** @param damaged null: it cannot be opened at all */
export function salvageTable(damaged: Database | null, to: Database, table: string): TableSalvage {
  const info = to.prepare<[string, number]>(`SELECT name, pk FROM pragma_table_info('${table}') ORDER BY cid`).all()
  const columns = info.map(([name]) => name)
  const key = info
    .filter(([, pk]) => pk > 0)
    .toSorted((a, b) => a[1] - b[1])
    .map(([name]) => name)
  const insert = to.prepare(
    `INSERT OR IGNORE INTO "${table}" (${columns.join()}) VALUES (${columns.map(() => '?').join()})`,
  )
  if (damaged === null) return { table, rows: 0, lossy: true }
  if (isOlderThan(damaged, table)) return { table, rows: 0, lossy: false }
  const keyAt = key.map((name) => columns.indexOf(name))
  let rows = 0
  const take = (batch: readonly (readonly SqlValue[])[]): void => {
    for (const row of batch) rows += fits(() => insert.run(...row))
  }
  const source = { db: damaged, table, columns, key, keyAt }
  const up = walk(source, 'ASC', take)
  if (up.complete) return { table, rows, lossy: false }
  walk(source, 'DESC', take)
  return { table, rows, lossy: true }
}

/** The database is of a schema that had no such table yet: nothing of it is lost. */
function isOlderThan(damaged: Database, table: string): boolean {
  try {
    const [schema] = damaged.prepare<[number]>('PRAGMA user_version').get() ?? [0]
    if (schema >= (MIGRATIONS.at(-1)?.version ?? 0)) return false
    const names = damaged.prepare<[string]>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all()
    return !names.some(([name]) => name === table)
  } catch {
    return false
  }
}

/** A row with what the schema forbids is damage as well. */
function fits(run: () => number): number {
  try {
    return run()
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'no-space') throw error
    return 0
  }
}

type Source = {
  readonly db: Database
  readonly table: string
  readonly columns: readonly string[]
  readonly key: readonly string[]
  /** Of the key's parts, among the columns. */
  readonly keyAt: readonly number[]
}

function walk(
  { db, table, columns, key, keyAt }: Source,
  order: 'ASC' | 'DESC',
  take: (rows: readonly (readonly SqlValue[])[]) => void,
): { readonly complete: boolean } {
  const sorted = key.map((name) => `${name} ${order}`).join()
  const beyond = `(${key.join()}) ${order === 'ASC' ? '>' : '<'} (${key.map(() => '?').join()})`
  const read = (after: readonly SqlValue[] | null, limit: number): SqlValue[][] | null => {
    const where = after === null ? '' : `WHERE ${beyond}`
    try {
      const statement = db.cached<SqlValue[]>(
        `SELECT ${columns.join()} FROM "${table}" ${where} ORDER BY ${sorted} LIMIT ${limit}`,
      )
      return statement.all(...(after ?? []))
    } catch {
      return null
    }
  }
  let complete = true
  let after: SqlValue[] | null = null
  let limit = ROWS_AT_ONCE
  for (;;) {
    let rows = read(after, limit)
    if (rows === null && limit > 1) {
      limit = Math.max(1, limit >> 2) // Up to the last row before the bad page.
      continue
    }
    if (rows === null) {
      complete = false
      rows = order === 'ASC' ? jump(after, read) : null
    }
    if (rows === null || rows.length === 0) return { complete }
    take(rows)
    after = keyAt.map((at) => rows.at(-1)![at]!)
    limit = Math.min(ROWS_AT_ONCE, limit * 2)
  }
}

/** Asks for keys ever further on until an answer comes from a page that is whole. */
function jump(
  after: readonly SqlValue[] | null,
  read: (after: readonly SqlValue[], limit: number) => SqlValue[][] | null,
): SqlValue[][] | null {
  const last = after?.at(-1)
  if (after === null || typeof last !== 'number') return null
  for (let step = 1; step < JUMP_MAX; step *= 2) {
    const rows = read([...after.slice(0, -1), last + step], 1)
    if (rows !== null) return rows
  }
  return null
}
