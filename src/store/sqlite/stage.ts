/** Where a message's bytes wait for their command: small ones in memory, large ones in a file of the spool. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { assert } from '../../std/assert.ts'
import { combineCrc32 } from '../../std/crc32.ts'
import { BODY_FRONT_MAX_OCTETS, BODY_IN_MEMORY_MAX_OCTETS } from '../../model/limits.ts'
import { type BodySink, type StagedBody, type Store, StoreError } from '../contract.ts'
import type { Files, SpoolFile } from '../files.ts'
import { storeError } from './errors.ts'
import { isSpoolName, spoolName, spoolPath } from './paths.ts'
import { encodeHead, HEAD_OCTETS } from './record.ts'

export type Staging = Pick<Store, 'stage' | 'readStaged' | 'discard'>

const FIRST_CAPACITY = 8 * 1024
/** In a file: there is room before it for the record's head, and for what comes in front at the end. */
const CONTENT_START = BODY_FRONT_MAX_OCTETS + HEAD_OCTETS
const NO_BYTES = new Uint8Array(0)

export function staging(options: { dataDir: string; files: Files; takeSpace: (octets: number) => boolean }): Staging {
  const { dataDir, files } = options
  const pathOf = (name: string): string => join(spoolPath(dataDir), name)

  return {
    stage: () => bodySink({ files, pathOf, takeSpace: options.takeSpace }),
    async readStaged(body, start, end) {
      if (body.kind === 'memory') return body.bytes.subarray(start, end)
      assert(isSpoolName(body.file), 'a staged file has a name of the spool')
      const wanted = Buffer.allocUnsafe(Math.max(0, Math.min(end, body.sizeOctets) - start))
      try {
        const fd = files.openRead(pathOf(body.file))
        try {
          const read = files.read(fd, wanted, body.start + HEAD_OCTETS + start)
          if (read !== wanted.length) throw new StoreError('damaged', 'a staged body is shorter than it was')
        } finally {
          files.close(fd)
        }
      } catch (error) {
        throw storeError(error)
      }
      return wanted
    },
    discard(body) {
      if (body.kind === 'file') {
        assert(isSpoolName(body.file), 'a staged file has a name of the spool')
        removeQuietly(files, pathOf(body.file))
      }
      return Promise.resolve()
    },
  }
}

/**
 * Holds at most BODY_IN_MEMORY_MAX_OCTETS; a longer body flows through that buffer into its file, which is a segment
 * of one record: its head is written last.
 */
function bodySink({
  files,
  pathOf,
  takeSpace,
}: {
  files: Files
  pathOf: (name: string) => string
  takeSpace: (octets: number) => boolean
}): BodySink {
  let buffer: Uint8Array = NO_BYTES
  let filled = 0
  let flushed = 0
  let crc = 0
  let spool: { readonly name: string; readonly file: SpoolFile } | null = null
  let at: 'open' | 'finished' | 'aborted' = 'open'

  function keep(bytes: Uint8Array): void {
    if (filled + bytes.length > buffer.length) {
      const wanted = Math.max(FIRST_CAPACITY, filled + bytes.length, buffer.length * 2)
      // Not cleared: only what has been filled ever leaves.
      const larger = Buffer.allocUnsafeSlow(Math.min(BODY_IN_MEMORY_MAX_OCTETS, wanted))
      larger.set(buffer.subarray(0, filled))
      buffer = larger
    }
    buffer.set(bytes, filled)
    filled += bytes.length
  }

  async function flush(): Promise<void> {
    if (spool === null) {
      const name = spoolName(randomUUID())
      spool = { name, file: await files.createSpool(pathOf(name)) }
    }
    await spool.file.write(buffer.subarray(0, filled), CONTENT_START + flushed)
    flushed += filled
    filled = 0
  }

  async function finishFile(name: string, file: SpoolFile, front: Uint8Array): Promise<StagedBody> {
    if (filled > 0) await flush()
    const sizeOctets = front.length + flushed
    const whole = combineCrc32(crc32(front), crc, flushed)
    const start = CONTENT_START - HEAD_OCTETS - front.length
    await file.write(Buffer.concat([encodeHead(sizeOctets, whole, NO_BYTES), front]), start)
    await file.sync()
    await file.close()
    return { kind: 'file', file: name, start, sizeOctets, crc32: whole }
  }

  async function take(chunk: Uint8Array): Promise<void> {
    if (!takeSpace(chunk.length)) {
      throw new StoreError('no-space', 'the device is nearly full: nothing more is taken')
    }
    crc = crc32(chunk, crc)
    for (let rest = chunk; rest.length > 0;) {
      if (filled === BODY_IN_MEMORY_MAX_OCTETS) await flush()
      if (at !== 'open') throw new StoreError('closed', 'the body was given up')
      const room = BODY_IN_MEMORY_MAX_OCTETS - filled
      keep(rest.subarray(0, room))
      rest = rest.subarray(room)
    }
  }

  /** What is under way: a file is closed only after it. */
  let running: Promise<unknown> = Promise.resolve()

  async function step<T>(work: () => Promise<T>): Promise<T> {
    const result = work()
    running = result.catch(() => {})
    try {
      return await result
    } catch (error) {
      await giveUp()
      throw storeError(error)
    }
  }

  async function giveUp(): Promise<void> {
    at = 'aborted'
    await running
    buffer = NO_BYTES
    if (spool === null) return
    await closeQuietly(spool.file)
    removeQuietly(files, pathOf(spool.name))
  }

  return {
    get sizeOctets() {
      return flushed + filled
    },
    async write(chunk) {
      assert(at === 'open', 'a finished body takes no more')
      await step(() => take(chunk))
    },
    async finish(front = NO_BYTES) {
      assert(at === 'open', 'a body is finished once')
      assert(front.length <= BODY_FRONT_MAX_OCTETS, 'what comes in front fits')
      at = 'finished'
      if (spool === null) {
        const bytes = new Uint8Array(front.length + filled) // A copy of its own: it may go to the writer's thread.
        bytes.set(front)
        bytes.set(buffer.subarray(0, filled), front.length)
        buffer = NO_BYTES
        return { kind: 'memory', bytes }
      }
      const { name, file } = spool
      return step(() => finishFile(name, file, front))
    },
    async abort() {
      if (at === 'open') await giveUp()
    },
  }
}

async function closeQuietly(file: SpoolFile): Promise<void> {
  try {
    await file.close()
  } catch {
    // Its bytes are thrown away; a close that fails loses nothing.
  }
}

function removeQuietly(files: Files, path: string): void {
  try {
    files.remove(path)
  } catch {
    // The next start empties the spool.
  }
}
