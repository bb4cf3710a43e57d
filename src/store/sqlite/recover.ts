/** What a start does before the first command: cuts off bytes that never got rows, collects litter. */
import { join } from 'node:path'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import { ORPHAN_BODY_GRACE_MS } from '../../model/limits.ts'
import type { Files } from '../files.ts'
import type { Database } from './database.ts'
import { segmentIdOf, segmentPath, segmentsPath, spoolPath } from './paths.ts'
import { openSegmentLog, type SegmentLog } from './segments.ts'

export function recover(
  db: Database,
  options: { dataDir: string; files: Files; clock: Clock; log: Log; segmentMaxOctets?: number },
): { segments: SegmentLog; nextBodyId: number } {
  const { dataDir, files, log } = options
  // The directory is locked: whoever spooled these is gone.
  for (const name of files.list(spoolPath(dataDir))) files.remove(join(spoolPath(dataDir), name))

  // No segment grows yet: whatever is wholly dead may go. Its rows first.
  const dead = db.prepare<[number]>('DELETE FROM segment WHERE live_octets = 0 RETURNING segment_id').all()
  for (const [segmentId] of dead) files.remove(segmentPath(dataDir, segmentId))

  const rows = new Map(db.prepare<[number, number]>('SELECT segment_id, size_octets FROM segment').all())
  const onDisk = new Set(
    files
      .list(segmentsPath(dataDir))
      .map(segmentIdOf)
      .filter((id) => id !== null),
  )
  const newest = largest(
    rows.keys(),
    onDisk,
    dead.map(([segmentId]) => segmentId),
  )
  for (const [segmentId, sizeOctets] of rows) checkSegment(segmentId, sizeOctets)
  for (const segmentId of onDisk) if (!rows.has(segmentId)) collectOrphan(segmentId)

  function checkSegment(segmentId: number, sizeOctets: number): void {
    const path = segmentPath(dataDir, segmentId)
    const found = files.stat(path)
    if (found === null || found.sizeOctets < sizeOctets) {
      // Its messages answer `damaged` when read; the others go on (R11).
      const foundOctets = found?.sizeOctets ?? null
      log.error({ event: 'store.segment.short', segmentId, sizeOctets, foundOctets })
    } else if (found.sizeOctets > sizeOctets) {
      cut(path, sizeOctets)
      log.info({ event: 'store.segment.cut', segmentId, octets: found.sizeOctets - sizeOctets })
    }
  }

  function cut(path: string, sizeOctets: number): void {
    const fd = files.openWrite(path)
    try {
      files.truncate(fd, sizeOctets)
    } finally {
      files.close(fd)
    }
  }

  /** Bytes without rows are litter; kept for a while, in case the rows came from an older snapshot (R5). */
  function collectOrphan(segmentId: number): void {
    const path = segmentPath(dataDir, segmentId)
    const found = files.stat(path)
    if (found === null || options.clock.now() - found.modifiedAtMs < ORPHAN_BODY_GRACE_MS) return
    files.remove(path)
    log.info({ event: 'store.segment.orphan', segmentId, octets: found.sizeOctets })
  }

  const [nextBodyId] = db.prepare<[number]>('SELECT coalesce(max(body_id), 0) + 1 FROM body').get() ?? [1]
  // Always a new file: an old one may have lost its end, and one file more per start costs nothing.
  const { segmentMaxOctets } = options
  const limit = segmentMaxOctets === undefined ? {} : { segmentMaxOctets }
  const segments = openSegmentLog({ dataDir, files, current: null, nextId: newest + 1, ...limit })
  return { segments, nextBodyId }
}

function largest(...lists: readonly Iterable<number>[]): number {
  let found = 0
  for (const list of lists) for (const one of list) found = Math.max(found, one)
  return found
}
