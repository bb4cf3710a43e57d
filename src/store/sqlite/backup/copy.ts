/** Copying with a checksum, and putting what was written on the device. */
import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'

const PIECE_OCTETS = 1024 * 1024

export type Range = { readonly start: number; readonly end: number }
/** Hears of octets as they are dealt with; throws to stop. */
export type Meter = (octets: number) => void

async function* pieces(file: FileHandle, { start, end }: Range, meter: Meter): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_OCTETS, Math.max(1, end - start)))
  for (let at = start; at < end;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
    meter(bytesRead)
  }
}

/** @returns SHA-256 of the first octets of a file, or null when it is shorter or missing */
export async function hashOf(path: string, sizeOctets: number, meter: Meter = () => {}): Promise<string | null> {
  const file = await openIfThere(path)
  if (file === null) return null
  try {
    const hash = createHash('sha256')
    let seen = 0
    for await (const piece of pieces(file, { start: 0, end: sizeOctets }, meter)) {
      hash.update(piece)
      seen += piece.length
    }
    return seen === sizeOctets ? hash.digest('hex') : null
  } finally {
    await file.close()
  }
}

/**
 * Copies the first octets of a file into another, which is made when missing, and puts them on the device.
 * @param options.keep octets at the start of the target that are there already: hashed from the source, not written
 * @returns SHA-256 of the source's first `sizeOctets`
 * @throws RangeError when the source is shorter
 */
export async function copyInto(options: {
  from: string
  to: string
  sizeOctets: number
  keep?: number
  meter?: Meter
}): Promise<string> {
  const { from, to, sizeOctets, keep = 0, meter = () => {} } = options
  const source = await open(from, 'r')
  try {
    const target = await open(to, keep > 0 ? 'r+' : 'w', 0o600)
    try {
      const hash = createHash('sha256')
      let at = 0
      for await (const piece of pieces(source, { start: 0, end: sizeOctets }, meter)) {
        hash.update(piece)
        const skip = Math.min(Math.max(0, keep - at), piece.length)
        if (skip < piece.length) await writeAll(target, piece.subarray(skip), at + skip)
        at += piece.length
      }
      if (at < sizeOctets) throw new RangeError(`${from} has ${at} octets of ${sizeOctets}`)
      await target.datasync()
      return hash.digest('hex')
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

/** Writes a small file and puts it on the device. */
export async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A file's octets, or a directory's names, on the device. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
