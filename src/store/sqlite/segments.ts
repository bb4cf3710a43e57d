/**
 * The writer's end of the segment files. Within a group, records get their places as commands run; `flush` then writes
 * them all and syncs once, before the rows commit; or `write` writes them, and the journal keeps them until a later sync.
 * What was written and not committed is cut off again.
 */
import { join } from 'node:path'
import { assert } from '../../std/assert.ts'
import {
  JOURNAL_GROUP_MAX_OCTETS,
  JOURNAL_MAX_OCTETS,
  JOURNAL_RECORD_MAX_OCTETS,
  SEGMENT_MAX_OCTETS,
} from '../../model/limits.ts'
import { StoreError } from '../contract.ts'
import type { Files } from '../files.ts'
import { storeError } from './errors.ts'
import type { JournalRow } from './journal.ts'
import { knownSegments } from './known-segments.ts'
import { isSpoolName, segmentPath, segmentsPath, spoolPath } from './paths.ts'
import { bodyOctets, type PreparedBody } from './prepared.ts'
import { encodeHead, HEAD_OCTETS } from './record.ts'

export type Placement = {
  readonly segmentId: number
  /** Of the content, behind the head. */
  readonly offset: number
  readonly recordOctets: number
}

/** How far a segment reaches now, and what of it lives: for its row. */
export type SegmentGrowth = { readonly segmentId: number; readonly sizeOctets: number; readonly liveOctets: number }

export type SegmentLog = {
  /** The segment that grows; all others are sealed. */
  readonly currentId: number
  /** Gives a body and its metadata a place in this group. */
  place(body: PreparedBody, meta: object): Placement
  /** Gives a record that is kept elsewhere a new place. @param record whole, verified */
  placeRecord(record: Uint8Array): Placement
  mark(): number
  /** Takes back the places given since the mark. */
  rewind(mark: number): void
  readonly pending: number
  /** Whether what was placed is small enough for the journal, and its file has its name on the device. */
  readonly mayWait: boolean
  /** Everything placed, and all that was only written before, is on the device, by its final name. @throws StoreError; then `abandon` */
  flush(): readonly SegmentGrowth[]
  /** Everything placed is in its file, not on the device: the journal must keep it. @throws StoreError; then `abandon` */
  write(): { readonly growth: readonly SegmentGrowth[]; readonly written: readonly JournalRow[] }
  /** Octets that are written and not synced. */
  readonly unsyncedOctets: number
  /** Puts those on the device. @throws SyncFailed, final: the journal has them */
  sync(): void
  /** The rows are committed. */
  commit(): void
  /**
   * The rows are not. `rolled-back`: cuts the group's bytes off again. `unknown`: a commit was tried and failed, and
   * a restart may yet find it in the log, so its bytes stay.
   */
  abandon(rows: 'rolled-back' | 'unknown'): void
  /** Removes files whose rows are gone. */
  remove(segmentIds: readonly number[]): void
  close(): void
}

type Place = {
  readonly segmentId: number
  readonly position: number
  readonly parts: readonly Uint8Array[]
  readonly octets: number
  /** Octets that rows refer to. */
  readonly live: number
  /** The spool's name of a body that has this file to itself. */
  readonly movedFrom: string | null
  /** Where the log ended before. */
  readonly before: Tail
}
type Tail = { readonly segmentId: number; readonly end: number }

export function openSegmentLog(options: {
  dataDir: string
  files: Files
  /** The newest segment and its committed end, or null to start a new one. */
  current: Tail | null
  /** Above every id in the table and on the disk. */
  nextId: number
  segmentMaxOctets?: number
}): SegmentLog {
  const { dataDir, files, segmentMaxOctets = SEGMENT_MAX_OCTETS } = options
  let nextId = options.nextId
  let committed: Tail = options.current ?? { segmentId: nextId++, end: 0 }
  let tail = committed
  let places: Place[] = []
  const open = new Map<number, number>()
  /** Written and not synced: of one segment, the newest that was written to. */
  let unsynced: { readonly segmentId: number; readonly octets: number } | null = null
  const known = knownSegments(dataDir, files)

  function reserve(octets: number): Tail {
    if (tail.end > 0 && tail.end + octets > segmentMaxOctets) tail = { segmentId: nextId++, end: 0 }
    const { segmentId, end } = tail
    tail = { segmentId, end: end + octets }
    return { segmentId, end }
  }

  function place(body: PreparedBody, meta: object): Placement {
    const before = tail
    if (body.kind === 'file') {
      assert(isSpoolName(body.file), 'a staged file has a name of the spool')
      const segmentId = nextId++
      // Its metadata comes behind it as a record without body: it lives as long as the file (R11).
      const metaBytes = Buffer.from(JSON.stringify({ ...meta, segmentId }))
      const head = encodeHead(0, 0, metaBytes)
      const offset = body.start + HEAD_OCTETS
      const position = offset + body.sizeOctets
      const octets = head.length + metaBytes.length
      const live = position - body.start + octets
      places.push({ segmentId, position, parts: [head, metaBytes], octets, live, movedFrom: body.file, before })
      return { segmentId, offset, recordOctets: live }
    }
    const metaBytes = Buffer.from(JSON.stringify(meta))
    const head = encodeHead(body.bytes.byteLength, body.crc32, metaBytes)
    const octets = head.length + bodyOctets(body) + metaBytes.length
    const at = reserve(octets)
    const parts = [head, body.bytes, metaBytes]
    places.push({ ...at, position: at.end, parts, octets, live: octets, movedFrom: null, before })
    return { segmentId: at.segmentId, offset: at.end + head.length, recordOctets: octets }
  }

  function placeRecord(record: Uint8Array): Placement {
    const before = tail
    const octets = record.length
    const at = reserve(octets)
    places.push({ ...at, position: at.end, parts: [record], octets, live: octets, movedFrom: null, before })
    return { segmentId: at.segmentId, offset: at.end + HEAD_OCTETS, recordOctets: octets }
  }

  /** The places' octets are in their files. @returns for the segments' rows, and whether a file has a new name */
  function writeOut(runs: readonly Run[]): { growth: SegmentGrowth[]; newNames: boolean } {
    const growth = new Map<number, { size: number; live: number }>()
    let newNames = false
    for (const { segmentId, movedFrom } of places) {
      if (movedFrom === null) continue
      files.rename(join(spoolPath(dataDir), movedFrom), segmentPath(dataDir, segmentId))
      newNames = true
    }
    for (const run of runs) {
      const size = run.position + run.octets
      growth.set(run.segmentId, { size, live: (growth.get(run.segmentId)?.live ?? 0) + run.live })
      if (run.position === 0) newNames = true
      files.write(descriptor(run.segmentId), run.parts, run.position)
    }
    const grown = [...growth].map(([segmentId, { size, live }]) => ({ segmentId, sizeOctets: size, liveOctets: live }))
    return { growth: grown, newNames }
  }

  function flush(): SegmentGrowth[] {
    const { growth, newNames } = writeOut(runsOf(places))
    sync(growth.map(({ segmentId }) => segmentId))
    if (newNames) synced(() => files.syncDirectory(segmentsPath(dataDir)))
    return growth
  }

  function write(): { growth: SegmentGrowth[]; written: JournalRow[] } {
    const runs = runsOf(places)
    const { growth, newNames } = writeOut(runs)
    assert(!newNames, 'a new file is synced with its name')
    assert(
      runs.every(({ segmentId }) => segmentId === (unsynced?.segmentId ?? segmentId)),
      'one file at most is not synced',
    )
    const written = runs.map(({ segmentId, position, parts }) => ({
      segmentId,
      position,
      octets: Buffer.concat(parts),
    }))
    for (const { segmentId, octets } of runs) unsynced = { segmentId, octets: (unsynced?.octets ?? 0) + octets }
    return { growth, written }
  }

  function descriptor(segmentId: number): number {
    let fd = open.get(segmentId)
    if (fd === undefined) {
      fd = files.openWrite(segmentPath(dataDir, segmentId))
      open.set(segmentId, fd)
    }
    return fd
  }

  /** These, and what was only written before. */
  function sync(segmentIds: readonly number[]): void {
    const [older, rest] =
      unsynced === null ? [null, segmentIds] : [unsynced, segmentIds.filter((id) => id !== unsynced?.segmentId)]
    // Not `no-space`: octets that were acknowledged may be gone from the page cache. The journal has them, for the next start.
    if (older !== null) synced(() => files.dataSync(descriptor(older.segmentId)), 'device')
    unsynced = null
    for (const segmentId of rest) synced(() => files.dataSync(descriptor(segmentId)))
  }

  function abandon(rows: 'rolled-back' | 'unknown'): void {
    const given = places
    places = []
    if (rows === 'unknown') {
      committed = tail
      return
    }
    try {
      for (const { segmentId, movedFrom } of given) {
        if (movedFrom !== null) files.remove(segmentPath(dataDir, segmentId))
        const fd = open.get(segmentId)
        if (fd !== undefined) files.truncate(fd, segmentId === committed.segmentId ? committed.end : 0)
      }
    } catch {
      // What cannot be cut off lies behind the committed end; the next records go to a new file, not over it.
      committed = { segmentId: nextId++, end: 0 }
    }
    tail = committed
    closeOthers()
  }

  function closeOthers(): void {
    for (const [segmentId, fd] of open) {
      if (segmentId === committed.segmentId || segmentId === unsynced?.segmentId) continue
      open.delete(segmentId)
      try {
        files.close(fd)
      } catch {
        // Its bytes were synced, or cut off.
      }
    }
  }

  return {
    get currentId() {
      return tail.segmentId
    },
    place,
    placeRecord,
    mark: () => places.length,
    rewind(mark) {
      const first = places[mark]
      if (first === undefined) return
      tail = first.before
      places.length = mark
    },
    get pending() {
      return places.length
    },
    get mayWait() {
      const octets = places.reduce((sum, one) => sum + one.octets, 0)
      if (octets > JOURNAL_GROUP_MAX_OCTETS || octets + (unsynced?.octets ?? 0) > JOURNAL_MAX_OCTETS) return false
      // At the start of a file: its name is not on the device yet.
      return places.every(
        (one) =>
          one.movedFrom === null &&
          one.octets <= JOURNAL_RECORD_MAX_OCTETS &&
          one.segmentId === committed.segmentId &&
          committed.end > 0,
      )
    },
    flush: () => told(flush),
    write: () => told(write),
    get unsyncedOctets() {
      return unsynced?.octets ?? 0
    },
    sync: () => sync([]),
    commit() {
      for (const { segmentId } of places) known.add(segmentId)
      committed = tail
      places = []
      closeOthers()
    },
    abandon,
    remove(segmentIds) {
      for (const segmentId of segmentIds) files.remove(segmentPath(dataDir, segmentId))
    },
    close() {
      for (const fd of open.values()) files.close(fd)
      open.clear()
    },
  }
}

/** A sync that failed is final (R3): a second one may succeed although the pages are gone. */
export class SyncFailed extends StoreError {}

function synced(sync: () => void, otherwise: 'device' | null = null): void {
  try {
    sync()
  } catch (error) {
    const fault = storeError(error)
    const kind = fault instanceof StoreError && fault.kind === 'no-space' ? 'no-space' : 'device'
    throw new SyncFailed(otherwise ?? kind, 'a sync failed', { cause: error })
  }
}

function told<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw storeError(error)
  }
}

type Run = { segmentId: number; position: number; octets: number; live: number; parts: Uint8Array[] }

/** Neighbours in one segment are one write. */
function runsOf(places: readonly Place[]): Run[] {
  const runs: Run[] = []
  for (const { segmentId, position, octets, live, parts } of places) {
    const last = runs.at(-1)
    if (last?.segmentId === segmentId && last.position + last.octets === position) {
      last.octets += octets
      last.live += live
      for (const part of parts) last.parts.push(part)
    } else runs.push({ segmentId, position, octets, live, parts: [...parts] })
  }
  return runs
}
