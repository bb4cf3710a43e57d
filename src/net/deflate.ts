import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw } from 'node:zlib'
import type { Cancel, Clock } from '../std/clock.ts'
import { ConnectionLost, ReadTimedOut } from '../model/connection.ts'
import { DEFLATE_KEEP_MS, INFLATE_FREE_OCTETS, INFLATE_RATIO_MAX } from '../model/limits.ts'

/** What the layer stands on: the connection's own octets. */
type Below = {
  read(timeoutMs: number): Promise<Uint8Array | null>
  write(data: Uint8Array): Promise<void>
  /** Ends the connection. */
  fail(error: ConnectionLost): void
}

/** Raw DEFLATE (RFC 1951) in both directions, as RFC 4978 wants it. Reads and writes as a Connection does. */
export type DeflateLayer = {
  read(timeoutMs: number): Promise<Uint8Array | null>
  write(data: Uint8Array | string): Promise<void>
  /** Resolves when what was written is below; never rejects. */
  flushed(): Promise<void>
  /** Lets go of both engines. @returns octets received that stand behind what has been read */
  close(): Uint8Array
}

/**
 * Choice: a window of 8 KiB and small tables: IMAP's answers repeat themselves within that. Measured: some 140 KiB for as
 * long as a connection speaks, and 16 KiB for reading (75 KiB once it has sent much).
 */
const SETTINGS = {
  level: 3,
  windowBits: 13,
  memLevel: 6,
  chunkSize: 16 * 1024,
  // RFC 4978 §4: the peer can read each answer to its end, also the last before a long wait.
  flush: constants.Z_SYNC_FLUSH,
}
/** The peer's window may be 32 KiB; zlib takes that once it is needed. */
const INFLATE_CHUNK_OCTETS = 8 * 1024
const EMPTY = new Uint8Array(0)
/** How a flush ends (RFC 1951 §3.2.4): an empty stored block. */
const FLUSH_MARK = Buffer.from([0x00, 0x00, 0xff, 0xff])

export function deflateLayer(below: Below, { clock }: { clock: Clock }): DeflateLayer {
  const inflater = createInflator(below, clock)
  const deflater = createDeflator(below, clock)
  return {
    read: inflater.read,
    write: deflater.write,
    flushed: deflater.flushed,
    close() {
      deflater.close()
      return inflater.close()
    },
  }
}

function createInflator(below: Below, clock: Clock): { read: DeflateLayer['read']; close(): Uint8Array } {
  const inflate = createInflateRaw({ chunkSize: INFLATE_CHUNK_OCTETS, flush: constants.Z_SYNC_FLUSH })
  /** Received, and not given to zlib yet. */
  let held: Uint8Array = EMPTY
  let piece: Uint8Array = EMPTY
  let given = 0
  let taken = 0
  /** zlib has a piece that it has not used up: what it makes of that is not all read. */
  let feeding = false
  let over = false
  let failure: ConnectionLost | null = null
  let wake: (() => void) | null = null
  const stir = (): void => wake?.()
  const fail = (message: string, cause?: unknown): void => {
    failure ??= new ConnectionLost(message, { cause })
    below.fail(failure)
    stir()
  }
  inflate.on('readable', stir)
  inflate.on('error', (error) => fail('what the peer sends is not DEFLATE', error))

  /**
   * Up to the next flush only, and the rest once that has been read: so what follows a flush is still at hand as it came
   * when compression ends there (RFC 8437 §4.1).
   */
  const feed = (): void => {
    const mark = Buffer.from(held.buffer, held.byteOffset, held.byteLength).indexOf(FLUSH_MARK)
    const end = mark < 0 ? held.byteLength : mark + FLUSH_MARK.length
    piece = held.subarray(0, end)
    held = held.subarray(end)
    given += piece.byteLength
    feeding = true
    inflate.write(piece, () => {
      feeding = false
      over ||= inflate.bytesWritten < given // zlib has seen the stream's end.
      if (!over) piece = EMPTY
      stir()
    })
  }
  /** A little that says a lot (a bomb): so much is free, then it has to be paid for. */
  const isBomb = (): boolean => taken > INFLATE_FREE_OCTETS + given * INFLATE_RATIO_MAX

  return {
    async read(timeoutMs) {
      const deadline = clock.monotonic() + timeoutMs
      for (;;) {
        if (failure !== null) throw failure
        const plain = inflate.read() as Buffer | null
        if (plain !== null) {
          taken += plain.length
          if (!isBomb()) return plain
          fail('what the peer sends inflates to too much')
        } else if (over) return null // The stream's own end is the peer's.
        else if (feeding) await new Promise<void>((resolve) => (wake = resolve))
        else if (held.byteLength > 0) feed()
        else {
          // The deadline stands, also when octets come that say nothing (S14).
          const left = deadline - clock.monotonic()
          if (left <= 0) throw new ReadTimedOut('nothing came in time')
          const chunk = await below.read(left)
          if (chunk === null) return null
          held = chunk
        }
      }
    },
    close() {
      const unused = piece.subarray(piece.byteLength - (given - inflate.bytesWritten))
      const rest = unused.byteLength === 0 ? held : Buffer.concat([unused, held])
      held = EMPTY
      feeding = false
      inflate.destroy()
      stir() // A read that waits for zlib asks below, and hears there how it ended.
      return rest
    },
  }
}

function createDeflator(
  below: Below,
  clock: Clock,
): { write: DeflateLayer['write']; flushed(): Promise<void>; close(): void } {
  let deflate: DeflateRaw | null = null
  let lastWrite = 0
  let writing = 0
  let last: Promise<void> = Promise.resolve()
  let sent: Promise<void> = last
  let closed = false
  let cancelTimer: Cancel | null = null

  const open = (): DeflateRaw => {
    const opened = createDeflateRaw(SETTINGS)
    opened.on('data', (piece: Buffer) => {
      sent = below.write(piece)
      sent.catch(ignore) // Whoever writes hears of it by the last piece.
    })
    opened.on('error', (error) => below.fail(new ConnectionLost('compressing failed', { cause: error })))
    cancelTimer = clock.timer(DEFLATE_KEEP_MS, onTimer)
    return opened
  }
  /** After a flush nothing is pending in the encoder; the next one goes on in the same stream with an empty window. */
  const onTimer = (): void => {
    const rest = lastWrite + DEFLATE_KEEP_MS - clock.monotonic()
    if (rest > 0 || writing > 0) {
      cancelTimer = clock.timer(Math.max(1, rest), onTimer)
      return
    }
    cancelTimer = null
    deflate?.destroy()
    deflate = null
  }

  return {
    write(data) {
      if (closed) return Promise.reject(new ConnectionLost('written after the end'))
      deflate ??= open()
      lastWrite = clock.monotonic()
      writing++
      const encoder = deflate
      last = new Promise<void>((resolve, reject) => {
        encoder.write(data, (error) => {
          writing--
          if (error) reject(new ConnectionLost('compressing failed', { cause: error }))
          else resolve(sent)
        })
      })
      return last
    },
    flushed: () => last.catch(ignore),
    close() {
      closed = true
      cancelTimer?.()
      cancelTimer = null
      deflate?.destroy()
      deflate = null
    },
  }
}

function ignore(): void {}
