/**
 * The writer's end of the segment files. Within a group, records get their places as commands run; `flush` then writes
 * them all and syncs once, before the rows commit. What was flushed and not committed is cut off again.
 */
import { join } from 'node:path'
import { assert } from '../../std/assert.ts'
import { SEGMENT_MAX_OCTETS } from '../../model/limits.ts'
import { StoreError } from '../contract.ts'
import type { Files } from '../files.ts'
import { storeError } from './errors.ts'
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
  /** Everything placed is on the device, by its final name. @throws StoreError; then `abandon` */
  flush(): readonly SegmentGrowth[]
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
      const position = HEAD_OCTETS + body.sizeOctets
      const octets = head.length + metaBytes.length
      const live = position + octets
      places.push({ segmentId, position, parts: [head, metaBytes], octets, live, movedFrom: body.file, before })
      return { segmentId, offset: HEAD_OCTETS, recordOctets: live }
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

  function flush(): SegmentGrowth[] {
    const growth = new Map<number, { size: number; live: number }>()
    let newNames = false
    for (const { segmentId, movedFrom } of places) {
      if (movedFrom === null) continue
      files.rename(join(spoolPath(dataDir), movedFrom), segmentPath(dataDir, segmentId))
      newNames = true
    }
    for (const run of runsOf(places)) {
      const size = run.position + run.octets
      growth.set(run.segmentId, { size, live: (growth.get(run.segmentId)?.live ?? 0) + run.live })
      if (run.position === 0) newNames = true
      const fd = descriptor(run.segmentId)
      files.write(fd, run.parts, run.position)
      sync(fd)
    }
    if (newNames) synced(() => files.syncDirectory(segmentsPath(dataDir)))
    return [...growth].map(([segmentId, { size, live }]) => ({ segmentId, sizeOctets: size, liveOctets: live }))
  }

  function descriptor(segmentId: number): number {
    let fd = open.get(segmentId)
    if (fd === undefined) {
      fd = files.openWrite(segmentPath(dataDir, segmentId))
      open.set(segmentId, fd)
    }
    return fd
  }

  const sync = (fd: number): void => synced(() => files.dataSync(fd))

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
      if (segmentId === committed.segmentId) continue
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
    flush() {
      try {
        return flush()
      } catch (error) {
        throw storeError(error)
      }
    },
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

function synced(sync: () => void): void {
  try {
    sync()
  } catch (error) {
    const fault = storeError(error)
    const kind = fault instanceof StoreError && fault.kind === 'no-space' ? 'no-space' : 'device'
    throw new SyncFailed(kind, 'a sync failed', { cause: error })
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
