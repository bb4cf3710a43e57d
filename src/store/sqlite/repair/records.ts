/** All records of the segment files, whatever the database knows of them. Damaged ones are passed over to the next. */
import { crc32 } from 'node:zlib'
import type { Flag } from '../../../model/mailbox.ts'
import type { RelayDraft } from '../../contract.ts'
import type { Files } from '../../files.ts'
import { segmentIdOf, segmentPath, segmentsPath } from '../paths.ts'
import { decodeHead, HEAD_OCTETS, matchesMeta, type RecordHead } from '../record.ts'

/** Where a message was put when it came, as its record tells. */
export type Placed = {
  readonly accountId: number
  /** user@domain */
  readonly account: string
  readonly mailboxId: number
  readonly mailbox: string
  readonly uidValidity: number
  readonly uid: number
  readonly flags: readonly Flag[]
  /** Missing: as it was accepted. */
  readonly internalDate?: number
}

export type RecordMeta = {
  readonly acceptedAt: number
  readonly traceId?: string
  readonly local: readonly Placed[]
  readonly relay: readonly (RelayDraft & { readonly queueId: number })[]
}

export type FoundBody = {
  readonly segmentId: number
  /** Of the content. */
  readonly offset: number
  readonly length: number
  readonly crc32: number
  readonly recordOctets: number
  /** Its octets verify. */
  readonly whole: boolean
  readonly meta: RecordMeta | null
}

export type SegmentScan = {
  readonly segmentId: number
  readonly sizeOctets: number
  readonly bodies: readonly FoundBody[]
}

const PIECE_OCTETS = 1024 * 1024
/** Longer metadata is none of ours: a thousand recipients' are some 500 KiB. */
const META_MAX_OCTETS = 16 * 1024 * 1024

export function* scanSegments(dataDir: string, files: Files): Generator<SegmentScan> {
  const ids = files
    .list(segmentsPath(dataDir))
    .map(segmentIdOf)
    .filter((id) => id !== null)
  for (const segmentId of ids.toSorted((a, b) => a - b)) yield scanSegment(dataDir, files, segmentId)
}

function scanSegment(dataDir: string, files: Files, segmentId: number): SegmentScan {
  const path = segmentPath(dataDir, segmentId)
  const sizeOctets = files.stat(path)?.sizeOctets ?? 0
  const bodies: FoundBody[] = []
  const fd = files.openRead(path)
  try {
    for (let at = 0; at + HEAD_OCTETS <= sizeOctets;) {
      const found = recordAt(files, fd, at, sizeOctets)
      if (found === null) {
        at = nextMagic(files, fd, at + 1, sizeOctets)
        continue
      }
      const { head, meta } = found
      const offset = at + HEAD_OCTETS
      const recordOctets = HEAD_OCTETS + head.bodyOctets + head.metaOctets
      at += recordOctets
      if (head.bodyOctets === 0 && meta !== null) {
        describeOwnFile(bodies, segmentId, recordOctets, meta)
        continue
      }
      const whole = bodyVerifies(files, fd, offset, head)
      const { bodyOctets: length, bodyCrc32 } = head
      bodies.push({ segmentId, offset, length, crc32: bodyCrc32, recordOctets, whole, meta })
    }
  } finally {
    files.close(fd)
  }
  return { segmentId, sizeOctets, bodies }
}

/** A body in a file of its own has its metadata behind it (segments.ts). */
function describeOwnFile(bodies: FoundBody[], segmentId: number, octets: number, meta: RecordMeta): void {
  const last = bodies.at(-1)
  if (last === undefined || last.meta !== null || last.segmentId !== segmentId || bodies.length > 1) return
  bodies[bodies.length - 1] = { ...last, recordOctets: last.recordOctets + octets, meta }
}

/** @returns null when no record begins there whose head, and metadata if it has any, verify */
function recordAt(
  files: Files,
  fd: number,
  at: number,
  size: number,
): { readonly head: RecordHead; readonly meta: RecordMeta | null } | null {
  const bytes = Buffer.alloc(HEAD_OCTETS)
  if (files.read(fd, bytes, at) < HEAD_OCTETS) return null
  const head = decodeHead(bytes)
  if (head === null || head.metaOctets > META_MAX_OCTETS) return null
  const metaAt = at + HEAD_OCTETS + head.bodyOctets
  if (metaAt + head.metaOctets > size) return null
  const meta = Buffer.alloc(head.metaOctets)
  if (files.read(fd, meta, metaAt) < meta.length || !matchesMeta(bytes, meta)) return null
  return { head, meta: meta.length === 0 ? null : (JSON.parse(meta.toString('utf8')) as RecordMeta) }
}

function bodyVerifies(files: Files, fd: number, offset: number, head: RecordHead): boolean {
  let crc = 0
  for (let at = 0; at < head.bodyOctets; at += PIECE_OCTETS) {
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_OCTETS, head.bodyOctets - at))
    if (files.read(fd, piece, offset + at) < piece.length) return false
    crc = crc32(piece, crc)
  }
  return crc === head.bodyCrc32
}

const MAGIC = Buffer.from('GVR1', 'latin1')

/** @returns where the next record may begin, or the end */
function nextMagic(files: Files, fd: number, from: number, size: number): number {
  const piece = Buffer.alloc(PIECE_OCTETS)
  for (let at = from; at < size; at += PIECE_OCTETS - MAGIC.length) {
    const got = files.read(fd, piece, at)
    const found = piece.subarray(0, got).indexOf(MAGIC)
    if (found !== -1) return at + found
    if (got < PIECE_OCTETS) break
  }
  return size
}
