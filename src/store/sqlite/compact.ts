/** Gives back the room of segments that are mostly dead: what lives in them moves to the end of the log, a little at a time. */
import { crc32 } from 'node:zlib'
import type { Log } from '../../std/log.ts'
import type { Files } from '../files.ts'
import type { Database } from './database.ts'
import { segmentPath } from './paths.ts'
import { decodeHead, HEAD_OCTETS, matchesMeta } from './record.ts'
import type { SegmentLog } from './segments.ts'

/** A segment with less living than this share is worth the copying. */
const LIVE_SHARE_MIN = 0.5
const BODIES_PER_STEP = 256

export type Compactor = {
  /** Moves at most about this many octets, within the caller's transaction. @returns false when nothing is worth it */
  step(octets: number): boolean
}

type BodyRow = [bodyId: number, offset: number, recordOctets: number]

export function compactor(options: {
  db: Database
  segments: SegmentLog
  files: Files
  dataDir: string
  log: Log
}): Compactor {
  const { db, segments, files, dataDir, log } = options
  const selectWorst = db.prepare<[number, number]>(
    `SELECT segment_id, size_octets FROM segment
     WHERE live_octets > 0 AND live_octets < size_octets * ${LIVE_SHARE_MIN} AND segment_id <> ?
     ORDER BY live_octets`,
  )
  const selectBodies = db.prepare<BodyRow>(
    `SELECT body_id, offset, record_octets FROM body WHERE segment_id = ? ORDER BY offset LIMIT ${BODIES_PER_STEP}`,
  )
  const moveBody = db.prepare('UPDATE body SET segment_id = ?, offset = ? WHERE body_id = ?')
  const shrinkSegment = db.prepare('UPDATE segment SET live_octets = live_octets - ? WHERE segment_id = ?')
  /** Segments with a record that does not verify: left as they are, for whoever repairs them. */
  const damaged = new Set<number>()

  function readRecord(fd: number, [bodyId, offset, recordOctets]: BodyRow): Buffer | null {
    const record = Buffer.allocUnsafe(recordOctets)
    if (files.read(fd, record, offset - HEAD_OCTETS) < recordOctets) return null
    const head = decodeHead(record)
    if (head === null || HEAD_OCTETS + head.bodyOctets + head.metaOctets !== recordOctets) return null
    const meta = record.subarray(HEAD_OCTETS + head.bodyOctets)
    const body = record.subarray(HEAD_OCTETS, HEAD_OCTETS + head.bodyOctets)
    if (matchesMeta(record, meta) && crc32(body) === head.bodyCrc32) return record
    log.error({ event: 'store.body.damaged', bodyId })
    return null
  }

  function moveSome(segmentId: number, octets: number): void {
    const fd = files.openRead(segmentPath(dataDir, segmentId))
    let moved = 0
    try {
      for (const row of selectBodies.all(segmentId)) {
        if (moved >= octets) break
        const record = readRecord(fd, row)
        if (record === null) {
          damaged.add(segmentId)
          break
        }
        const { segmentId: to, offset } = segments.placeRecord(record)
        moveBody.run(to, offset, row[0])
        moved += record.length
      }
    } finally {
      files.close(fd)
    }
    shrinkSegment.run(moved, segmentId)
  }

  return {
    step(octets) {
      const worst = selectWorst.all(segments.currentId).find(([segmentId]) => !damaged.has(segmentId))
      if (worst === undefined) return false
      moveSome(worst[0], octets)
      return true
    },
  }
}
