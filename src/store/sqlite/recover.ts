/** What a start does before the first command: cuts off half-written records, collects litter, keeps what it cannot judge. */
import { join } from 'node:path'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import { ORPHAN_BODY_GRACE_MS } from '../../model/limits.ts'
import type { Files } from '../files.ts'
import type { Database } from './database.ts'
import { replayJournal } from './journal.ts'
import { newestKnown } from './known-segments.ts'
import { segmentIdOf, segmentName, segmentPath, segmentsPath, setAsidePath, spoolPath } from './paths.ts'
import { decodeHead, HEAD_OCTETS, matchesMeta } from './record.ts'
import { openSegmentLog, type SegmentLog } from './segments.ts'

/** The database is new, and there are bodies of an older one. */
export class DatabaseMissing extends Error {
  override name = 'DatabaseMissing'
}

type Options = { dataDir: string; files: Files; clock: Clock; log: Log; segmentMaxOctets?: number }

const segmentsOnDisk = ({ dataDir, files }: Pick<Options, 'dataDir' | 'files'>): Set<number> =>
  new Set(
    files
      .list(segmentsPath(dataDir))
      .map(segmentIdOf)
      .filter((id) => id !== null),
  )

/**
 * Before anything is written to the database: once it had a schema, the next start would take it for one without mail.
 * @throws DatabaseMissing when it is new and there are bodies
 */
export function refuseLostDatabase(db: Database, options: Pick<Options, 'dataDir' | 'files'>): void {
  const [schema] = db.prepare<[number]>('PRAGMA user_version').get() ?? [0]
  if (schema > 0 || segmentsOnDisk(options).size === 0) return
  throw new DatabaseMissing(
    `${options.dataDir} holds mail, but its database store.db is missing: gavan repair makes it anew; or restore a backup`,
  )
}

export function recover(db: Database, options: Options): { segments: SegmentLog; nextBodyId: number } {
  const { dataDir, files, log } = options
  const onDisk = segmentsOnDisk(options)
  // The directory is locked: whoever spooled these is gone.
  for (const name of files.list(spoolPath(dataDir))) files.remove(join(spoolPath(dataDir), name))
  collectDead(db, options)
  replayJournal(db, options)
  const rows = db.prepare<[number, number]>('SELECT segment_id, size_octets FROM segment').all()
  for (const [segmentId, sizeOctets] of rows) {
    checkSegment(options, segmentId, sizeOctets)
    onDisk.delete(segmentId)
  }
  const [given] = db.prepare<[number]>(`SELECT seq FROM sqlite_sequence WHERE name = 'segment'`).get() ?? [0]
  const known = newestKnown(dataDir, files)
  let newest = Math.max(given, known)
  for (const segmentId of onDisk) {
    newest = Math.max(newest, segmentId)
    // Committed once, and not by this database: it is an older snapshot.
    if (given < segmentId && segmentId <= known) setAside(options, segmentId)
    else collectOrphan(options, segmentId)
  }
  log.debug({ event: 'store.recovered', segments: rows.length, orphans: onDisk.size })

  const [nextBodyId] = db.prepare<[number]>('SELECT coalesce(max(body_id), 0) + 1 FROM body').get() ?? [1]
  // Always a new file: what lies behind the committed end of an old one stays what it is.
  const { segmentMaxOctets } = options
  const limit = segmentMaxOctets === undefined ? {} : { segmentMaxOctets }
  const segments = openSegmentLog({ dataDir, files, current: null, nextId: newest + 1, ...limit })
  return { segments, nextBodyId }
}

/** No segment grows yet: whatever is wholly dead may go. Its rows first. */
function collectDead(db: Database, { dataDir, files }: Options): void {
  const dead = db.prepare<[number]>('DELETE FROM segment WHERE live_octets = 0 RETURNING segment_id').all()
  for (const [segmentId] of dead) files.remove(segmentPath(dataDir, segmentId))
}

function checkSegment(options: Options, segmentId: number, sizeOctets: number): void {
  const { dataDir, files, log } = options
  const path = segmentPath(dataDir, segmentId)
  const found = files.stat(path)
  if (found === null || found.sizeOctets < sizeOctets) {
    // Its messages answer `damaged` when read; the others go on (R11).
    log.error({ event: 'store.segment.short', segmentId, sizeOctets, foundOctets: found?.sizeOctets ?? null })
  } else if (found.sizeOctets > sizeOctets) {
    const end = endOfRecords(files, path, sizeOctets, found.sizeOctets)
    if (end < found.sizeOctets) cut(files, path, end)
    const [keptOctets, cutOctets] = [end - sizeOctets, found.sizeOctets - end]
    log.info({ event: 'store.segment.tail', segmentId, keptOctets, cutOctets })
  }
}

/** Whole records without rows were never acknowledged, or the rows are an older snapshot's: they stay, as litter. */
function endOfRecords(files: Files, path: string, from: number, size: number): number {
  const fd = files.openRead(path)
  try {
    let end = from
    const head = Buffer.alloc(HEAD_OCTETS)
    while (end < size && files.read(fd, head, end) === HEAD_OCTETS) {
      const record = decodeHead(head)
      if (record === null) break
      const next = end + HEAD_OCTETS + record.bodyOctets + record.metaOctets
      if (next > size) break
      const meta = Buffer.alloc(record.metaOctets)
      if (files.read(fd, meta, next - meta.length) < meta.length || !matchesMeta(head, meta)) break
      end = next
    }
    return end
  } finally {
    files.close(fd)
  }
}

function cut(files: Files, path: string, sizeOctets: number): void {
  const fd = files.openWrite(path)
  try {
    files.truncate(fd, sizeOctets)
  } finally {
    files.close(fd)
  }
}

/** Of a group that a crash cut short, or removed from the database just before one: litter, collected after a while (R5). */
function collectOrphan({ dataDir, files, clock, log }: Options, segmentId: number): void {
  const path = segmentPath(dataDir, segmentId)
  const found = files.stat(path)
  if (found === null || clock.now() - found.modifiedAtMs < ORPHAN_BODY_GRACE_MS) return
  files.remove(path)
  log.info({ event: 'store.segment.orphan', segmentId, octets: found.sizeOctets })
}

/** Acknowledged mail that the database has not heard of: kept, out of the way, for a person to judge. */
function setAside({ dataDir, files, log }: Options, segmentId: number): void {
  const path = segmentPath(dataDir, segmentId)
  files.makeDirectory(setAsidePath(dataDir))
  const to = join(setAsidePath(dataDir), segmentName(segmentId))
  files.rename(path, to)
  log.warn({ event: 'store.segment.set-aside', segmentId, path: to })
}
