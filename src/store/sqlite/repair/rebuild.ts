/**
 * Makes a new database from what a damaged one still tells and from the records of the bodies (R11). The same UIDs and
 * UIDVALIDITY; flags where they are still told. Nothing is destroyed: the damaged database is kept aside.
 */
import { join } from 'node:path'
import type { MessageSummary } from '../../../model/message.ts'
import { type Files, realFiles } from '../../files.ts'
import { StoreError } from '../../contract.ts'
import { junkFiles } from '../../junk/junk-file.ts'
import { indexFiles } from '../../search/paths.ts'
import { type Database, openPlain } from '../database.ts'
import { lockDirectory } from '../lock.ts'
import { addLaterTables } from '../older.ts'
import { journalRows, writeAgain } from '../journal.ts'
import { databasePath, segmentName, segmentPath, segmentsPath } from '../paths.ts'
import { MIGRATIONS, READABLE_SCHEMA_MIN } from '../schema.ts'
import { rowsAgree, verifyStore, type Problem } from '../verify.ts'
import { countAnew } from './counts.ts'
import { scanSegments, type FoundBody } from './records.ts'
import { restoreRows, type Restored } from './restore-rows.ts'
import { salvageTable, type TableSalvage } from './salvage.ts'

export type RepairOptions = {
  readonly dataDir: string
  readonly files?: Files
  /** What lists tell of a message, from its octets; as at ingest. */
  readonly summarize: (message: Uint8Array) => MessageSummary
  readonly progress?: (doing: 'database' | 'bodies' | 'rows', done: number) => void
}

export type RepairReport = {
  readonly tables: readonly TableSalvage[]
  readonly restored: Restored
  /** Bodies whose octets do not verify any more: their messages stay, and answer as damaged. */
  readonly damagedBodies: readonly { readonly segmentId: number; readonly offset: number; readonly length: number }[]
  /** Where the damaged database is kept, and segments of which no row tells. */
  readonly keptAside: string
  /** What still does not agree; the damaged bodies aside, nothing should. */
  readonly left: readonly Problem[]
}

/** In an order in which each row's references come first. The journal is written to the segments instead. */
const TABLES = [
  'domain',
  'account',
  'address',
  'mailbox',
  'subscription',
  'keyword',
  'entry',
  'expunged',
  'message',
  'body',
  'segment',
  'queue',
  'once_link',
  'access_key',
  'script',
  'remembered',
  'message_quota',
  'mailbox_right',
  'annotation',
  'url_key',
  'message_thread',
  'sts_policy',
  'sent',
  'sending_limit',
  'alias_end',
] as const

const BUILT = 'store.db.rebuilt'
const PART = 'store.db.part'

/**
 * @throws InUse while a server runs on the directory
 * @throws OtherSchema when the database is of another release
 * @throws StoreError when the device fails
 */
export function repairStore(options: RepairOptions): RepairReport {
  const { dataDir, files = realFiles } = options
  const unlock = lockDirectory(dataDir)
  try {
    finishSwap(dataDir, files)
    const { tables, restored, damagedBodies, dead } = build(options, files)
    const keptAside = swap(dataDir, files, dead)
    return { tables, restored, damagedBodies, keptAside, left: verifyStore({ dataDir, files }) }
  } finally {
    unlock()
  }
}

/** For this work only: from bodies and messages back to what refers to them. */
const LOOKUPS = `
  CREATE INDEX repair_body ON body (segment_id, offset);
  CREATE INDEX repair_entry ON entry (account_id, message_key);
  CREATE INDEX repair_message ON message (body_id);
  CREATE INDEX repair_queue ON queue (body_id)`
const NO_LOOKUPS = 'DROP INDEX repair_body; DROP INDEX repair_entry; DROP INDEX repair_message; DROP INDEX repair_queue'

/** Another release wrote it: rows would not fit. */
export class OtherSchema extends Error {
  override name = 'OtherSchema'
}

function build(
  options: RepairOptions,
  files: Files,
): Omit<RepairReport, 'keptAside' | 'left'> & { readonly dead: readonly number[] } {
  const { dataDir, summarize, progress = () => {} } = options
  const part = join(dataDir, PART)
  for (const name of [part, `${part}-wal`, `${part}-shm`, `${part}-journal`]) files.remove(name)
  const damaged = openDamaged(dataDir, files)
  const db = openPlain(part, 0)
  try {
    db.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE')
    for (const { sql } of MIGRATIONS) db.exec(sql)
    db.exec(`PRAGMA user_version = ${MIGRATIONS.at(-1)?.version ?? 0}`)
    // A damaged page may also read as an empty one: nothing is known to be whole then.
    const agree = damaged !== null && rowsAgree(damaged)
    const tables = TABLES.map((table, index) => {
      progress('database', index)
      const salvaged = isNotThereYet(damaged, table)
        ? { table, rows: 0, lossy: false }
        : salvageTable(damaged, db, table)
      return { ...salvaged, lossy: salvaged.lossy || !agree }
    })
    copySequences(damaged, db)
    db.exec(LOOKUPS)

    replay(damaged, dataDir, files)
    const bodies: FoundBody[] = []
    const sizes = new Map<number, number>()
    for (const scan of scanSegments(dataDir, files)) {
      sizes.set(scan.segmentId, scan.sizeOctets)
      for (const body of scan.bodies) bodies.push(body)
      progress('bodies', bodies.length)
    }
    const lossy = new Set(tables.filter((table) => table.lossy).map(({ table }) => table))
    const restored = restoreRows({ db, dataDir, files, bodies, lossy, summarize, progress: (n) => progress('rows', n) })
    const dead = countAnew(db, sizes)
    db.exec(`${NO_LOOKUPS}; COMMIT`)
    const damagedBodies = bodies
      .filter(({ whole }) => !whole)
      .map(({ segmentId, offset, length }) => ({ segmentId, offset, length }))
    return { tables, restored, damagedBodies, dead }
  } finally {
    db.close()
    damaged?.close()
  }
}

/** A table of a later schema than the damaged database has: nothing of it is lost. */
function isNotThereYet(damaged: Database | null, table: string): boolean {
  if (damaged === null) return false
  try {
    return damaged.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) === undefined
  } catch {
    return false
  }
}

/** What a power cut left in the journal alone goes where the records are looked for. */
function replay(damaged: Database | null, dataDir: string, files: Files): void {
  if (damaged === null) return
  let rows: ReturnType<typeof journalRows> = []
  try {
    rows = journalRows(damaged)
  } catch {
    // Then what the segments tell has to do.
  }
  const there = rows.filter(({ segmentId }) => files.stat(segmentPath(dataDir, segmentId)) !== null)
  writeAgain(there, { dataDir, files })
}

/** @returns null when it cannot be opened, or tells nothing of its schema */
function openDamaged(dataDir: string, files: Files): Database | null {
  const path = databasePath(dataDir)
  if (files.stat(path) === null) return null
  let db: Database | null = null
  let version: number | undefined
  try {
    db = openPlain(path, 0)
    version = db.prepare<[number]>('PRAGMA user_version').get()?.[0]
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
  } catch (error) {
    db?.close()
    if (error instanceof StoreError && error.kind === 'busy') throw error
    return null
  }
  const known = MIGRATIONS.at(-1)?.version ?? 0
  if (version !== undefined && version >= READABLE_SCHEMA_MIN && version <= known) {
    addLaterTables(db, version)
    return db
  }
  db.close()
  if (version === 0) return null // A start that was refused has made it: the real one is gone.
  if (version === 0) return null // An empty file.
  throw new OtherSchema(`the database has schema ${version}, this program knows ${known}`)
}

/** Ids that were ever given are never given again. */
function copySequences(damaged: Database | null, db: Database): void {
  let rows: [string, number][] = []
  try {
    rows = damaged?.prepare<[string, number]>('SELECT name, seq FROM sqlite_sequence').all() ?? []
  } catch {
    // Then what the rows tell has to do.
  }
  const raise = db.prepare('UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?')
  const add = db.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)')
  for (const [name, seq] of rows) if (raise.run(seq, name) === 0) add.run(name, seq)
}

/** The new one takes the damaged one's place; wherever this is cut short, the next repair goes on. */
function swap(dataDir: string, files: Files, dead: readonly number[]): string {
  const built = join(dataDir, BUILT)
  sync(files, join(dataDir, PART))
  files.rename(join(dataDir, PART), built)
  files.syncDirectory(dataDir)
  const aside = asidePath(dataDir, files)
  files.makeDirectory(aside)
  for (const file of [...indexFiles(dataDir), ...junkFiles(dataDir)]) files.remove(file) // They know letters by keys that are given out anew.
  for (const name of ['store.db', 'store.db-wal', 'store.db-shm']) {
    if (files.stat(join(dataDir, name)) !== null) files.rename(join(dataDir, name), join(aside, name))
  }
  files.syncDirectory(aside)
  files.rename(built, databasePath(dataDir))
  files.syncDirectory(dataDir)
  // Of these no row tells; the next start would take them for litter.
  for (const segmentId of dead) files.rename(segmentPath(dataDir, segmentId), join(aside, segmentName(segmentId)))
  files.syncDirectory(segmentsPath(dataDir))
  files.syncDirectory(aside)
  return aside
}

/** An earlier repair was cut short between its two names: what it had built is whole, and knows more than the records. */
function finishSwap(dataDir: string, files: Files): void {
  const built = join(dataDir, BUILT)
  const there = (files.stat(databasePath(dataDir))?.sizeOctets ?? 0) > 0
  if (files.stat(built) === null || (there && !isNew(databasePath(dataDir)))) return
  for (const end of ['', '-wal', '-shm']) files.remove(`${databasePath(dataDir)}${end}`)
  files.rename(built, databasePath(dataDir))
  files.syncDirectory(dataDir)
}

/** A start that was refused meanwhile has made an empty one. */
function isNew(path: string): boolean {
  try {
    const db = openPlain(path, 0)
    try {
      return db.prepare<[number]>('SELECT count(*) FROM sqlite_schema').get()?.[0] === 0
    } finally {
      db.close()
    }
  } catch {
    return false // The damaged one: the swap had not begun.
  }
}

function sync(files: Files, path: string): void {
  const fd = files.openWrite(path)
  try {
    files.dataSync(fd)
  } finally {
    files.close(fd)
  }
}

function asidePath(dataDir: string, files: Files): string {
  for (let number = 1; ; number++) {
    const path = join(dataDir, `damaged-${number}`)
    if (files.stat(path) === null) return path
  }
}
