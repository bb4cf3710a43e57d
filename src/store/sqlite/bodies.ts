/** The reading end of the segment files: a few stay open, and what is read whole or in sequence is verified. */
import { crc32 } from 'node:zlib'
import { StoreError } from '../contract.ts'
import type { Files } from '../files.ts'
import { storeError } from './errors.ts'
import { segmentPath } from './paths.ts'
import { createTurns, type Turns } from './turns.ts'

export type BodyRef = {
  readonly bodyId: number
  readonly segmentId: number
  readonly offset: number
  readonly length: number
  readonly crc32: number
}

export type BodyReader = {
  /**
   * Octets [start, end) of a body, cut to its length.
   * @param find looks it up; once more when its file has gone in between (compaction)
   * @throws StoreError `damaged`
   */
  read(find: () => BodyRef, start: number, end: number): Promise<Uint8Array>
  /** Shared by all reads of a thread. */
  readonly turns: Turns
  close(): void
}

const OPEN_MAX = 32
/** Read at once up to this size: cheaper than a turn through the thread pool when the page is in memory. */
const SYNC_READ_MAX_OCTETS = 256 * 1024
const SEQUENCES_MAX = 256

export function bodyReader(dataDir: string, files: Files): BodyReader {
  const turns = createTurns()
  const open = new Map<number, Descriptor>()
  /** Bodies that are being read from their start, piece by piece: where they are and the checksum so far. */
  const sequences = new Map<number, { next: number; crc: number }>()

  function acquire(segmentId: number): Descriptor {
    let found = open.get(segmentId)
    open.delete(segmentId) // To the newest end of the map.
    found ??= { fd: files.openRead(segmentPath(dataDir, segmentId)), users: 0, evicted: false }
    open.set(segmentId, found)
    for (const [oldest, descriptor] of open) {
      if (open.size <= OPEN_MAX) break
      open.delete(oldest)
      descriptor.evicted = true
      closeIfUnused(descriptor)
    }
    return found
  }

  function closeIfUnused(descriptor: Descriptor): void {
    if (descriptor.evicted && descriptor.users === 0) files.close(descriptor.fd)
  }

  async function bytesAt(ref: BodyRef, start: number, end: number): Promise<Uint8Array> {
    const into = Buffer.allocUnsafeSlow(end - start)
    const descriptor = acquire(ref.segmentId)
    descriptor.users++
    try {
      const got =
        into.length <= SYNC_READ_MAX_OCTETS
          ? files.read(descriptor.fd, into, ref.offset + start)
          : await files.readAsync(descriptor.fd, into, ref.offset + start)
      if (got < into.length) throw new StoreError('damaged', `body ${ref.bodyId} is cut short`)
      return into
    } finally {
      descriptor.users--
      closeIfUnused(descriptor)
    }
  }

  function verify(ref: BodyRef, start: number, end: number, bytes: Uint8Array): void {
    const begun = start === 0 ? { next: 0, crc: 0 } : sequences.get(ref.bodyId)
    if (begun === undefined || begun.next !== start) return
    const crc = crc32(bytes, begun.crc)
    sequences.delete(ref.bodyId)
    if (end < ref.length) {
      sequences.set(ref.bodyId, { next: end, crc })
      for (const [oldest] of sequences) {
        if (sequences.size <= SEQUENCES_MAX) break
        sequences.delete(oldest)
      }
    } else if (crc !== ref.crc32) throw new StoreError('damaged', `body ${ref.bodyId} does not verify`)
  }

  async function readAt(ref: BodyRef, start: number, end: number): Promise<Uint8Array> {
    const from = Math.max(0, Math.min(start, ref.length))
    const to = Math.max(from, Math.min(end, ref.length))
    if (from === to) return new Uint8Array(0)
    let bytes: Uint8Array
    try {
      bytes = await bytesAt(ref, from, to)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        throw new StoreError('damaged', `the file of body ${ref.bodyId} is gone`, { cause: error })
      }
      // Choice: a sector that cannot be read any more is this body's damage: it alone is refused, and no write is stopped by
      // it (R11). A database that cannot be read is another matter: errors.ts, and the writer ends (R3).
      if ((error as NodeJS.ErrnoException).code === 'EIO') {
        throw new StoreError('damaged', `the device does not give body ${ref.bodyId} back`, { cause: error })
      }
      throw storeError(error)
    }
    verify(ref, from, to, bytes)
    return bytes
  }

  return {
    turns,
    async read(find, start, end) {
      await turns.spend(Math.min(end - start, SYNC_READ_MAX_OCTETS))
      const ref = find()
      try {
        return await readAt(ref, start, end)
      } catch (error) {
        const now = find()
        if (now.segmentId === ref.segmentId && now.offset === ref.offset) throw error
        return await readAt(now, start, end)
      }
    },
    close() {
      for (const descriptor of open.values()) {
        descriptor.evicted = true
        closeIfUnused(descriptor)
      }
      open.clear()
    },
  }
}

type Descriptor = { readonly fd: number; users: number; evicted: boolean }
