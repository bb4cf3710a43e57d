/**
 * One sync for a group of small bodies (docs/adr/0010-one-sync.md). Their records are written to the segment without a
 * sync; the same octets are rows of the commit that refers to them, so its sync keeps both. Once the segment has been
 * synced, which carries many groups, a later commit takes the rows away. A start writes what it finds here into the
 * segments again, syncs them, and only then takes the rows away.
 */
import { crc32 } from 'node:zlib'
import type { Log } from '../../std/log.ts'
import { StoreError } from '../contract.ts'
import type { Files } from '../files.ts'
import type { Database } from './database.ts'
import { segmentPath, segmentsPath } from './paths.ts'

/** Whole records, one behind the other. */
export type JournalRow = { readonly segmentId: number; readonly position: number; readonly octets: Uint8Array }

export type Journal = {
  /** Within the commit under way. */
  keep(row: JournalRow): void
  /** All that was ever kept is on the device, in its segment. */
  synced(): void
  /** Whether there are rows that `prune` would take away. */
  readonly prunable: boolean
  /** Within the commit under way: takes away the rows that are not needed any more. */
  prune(): void
  committed(): void
}

/** @param db with an empty journal: after `replayJournal` */
export function openJournal(db: Database): Journal {
  const insert = db.prepare(
    'INSERT INTO journal (journal_id, segment_id, position, crc32, octets) VALUES (?, ?, ?, ?, ?)',
  )
  const remove = db.prepare('DELETE FROM journal WHERE journal_id <= ?')
  let newest = 0
  /** Up to here the segments have them; up to here rows were taken away, and that is committed. */
  let [synced, removed] = [0, 0]
  let removing = 0
  return {
    keep({ segmentId, position, octets }) {
      insert.run(++newest, segmentId, position, crc32(octets), octets)
    },
    synced() {
      synced = newest
    },
    get prunable() {
      return synced > removed
    },
    prune() {
      removing = removed
      if (synced === removed) return
      remove.run(synced)
      removing = synced
    },
    committed() {
      removed = removing
    },
  }
}

/** @returns what the journal holds, damaged rows aside; nothing of a database that has none yet. @throws StoreError */
export function journalRows(db: Database, damaged: (journalId: number) => void = () => {}): JournalRow[] {
  if (!hasJournal(db)) return []
  const ids = db.prepare<[number]>('SELECT journal_id FROM journal ORDER BY journal_id').all()
  const select = db.prepare<[number, number, number, Uint8Array]>(
    'SELECT segment_id, position, crc32, octets FROM journal WHERE journal_id = ?',
  )
  return ids.flatMap(([journalId]) => {
    const row = orDamaged(() => select.get(journalId))
    if (row === undefined) return [] // Taken away meanwhile, beside a server.
    if (row !== 'damaged') {
      const [segmentId, position, crc, octets] = row
      if (crc32(octets) === crc) return [{ segmentId, position, octets }]
    }
    damaged(journalId)
    return []
  })
}

export function emptyJournal(db: Database): void {
  if (hasJournal(db)) db.exec('DELETE FROM journal')
}

const hasJournal = (db: Database): boolean =>
  db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'journal'`).get() !== undefined

function orDamaged<T>(read: () => T): T | 'damaged' {
  try {
    return read()
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'damaged') return 'damaged'
    throw error
  }
}

/** @returns false also when there is no such file */
export function isInFile({ position, octets }: JournalRow, path: string, files: Files): boolean {
  if (files.stat(path) === null) return false
  const fd = files.openRead(path)
  try {
    const found = Buffer.alloc(octets.length)
    return files.read(fd, found, position) === found.length && found.equals(octets)
  } finally {
    files.close(fd)
  }
}

/**
 * At a start: what was committed is in its segment and on the device, then the journal is empty. Cut short anywhere, the
 * next start does it again.
 * @throws StoreError; errors of the device
 */
export function replayJournal(
  db: Database,
  { dataDir, files, log }: { dataDir: string; files: Files; log: Log },
): void {
  const known = new Set(
    db
      .prepare<[number]>('SELECT segment_id FROM segment')
      .all()
      .map(([id]) => id),
  )
  const rows = journalRows(db, (journalId) => log.error({ event: 'store.journal.damaged', journalId }))
  // Of a segment that is gone by now nothing lives.
  writeAgain(
    rows.filter(({ segmentId }) => known.has(segmentId)),
    { dataDir, files },
  )
  if (rows.length > 0) {
    const octets = rows.reduce((sum, row) => sum + row.octets.length, 0)
    log.info({ event: 'store.journal.replayed', rows: rows.length, octets })
  }
  emptyJournal(db)
}

/**
 * Written without a look at what is there: the page cache may hold the same octets, and call them clean although a
 * sync of them has failed (R3).
 */
export function writeAgain(rows: readonly JournalRow[], { dataDir, files }: { dataDir: string; files: Files }): void {
  for (const segmentId of new Set(rows.map((row) => row.segmentId))) {
    const fd = files.openWrite(segmentPath(dataDir, segmentId))
    try {
      for (const row of rows) if (row.segmentId === segmentId) files.write(fd, [row.octets], row.position)
      files.dataSync(fd)
    } finally {
      files.close(fd)
    }
  }
  if (rows.length > 0) files.syncDirectory(segmentsPath(dataDir)) // A file that was missing has been made.
}
