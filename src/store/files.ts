/**
 * The file system as the store sees it, so that tests can count, refuse and forget. The writer's side is synchronous
 * (it has a thread of its own); the spool's side is not (it runs in the sessions' threads).
 */
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

export type FileStat = { readonly sizeOctets: number; readonly modifiedAtMs: number }

export type SpoolFile = {
  write(bytes: Uint8Array, position: number): Promise<void>
  /** On the device, size included, when this resolves. */
  sync(): Promise<void>
  /** Once; later calls do nothing. Not while another call is under way. */
  close(): Promise<void>
}

export type Files = {
  /** Makes the directory and its parents, private to the user; each new name is on the device. */
  makeDirectory(path: string): void
  /** Names in a directory, unsorted. */
  list(path: string): string[]
  /** Null when there is no such file. */
  stat(path: string): FileStat | null
  openRead(path: string): number
  /** For writing; made when missing. */
  openWrite(path: string): number
  close(fd: number): void
  /** Writes all of it, or throws. */
  write(fd: number, parts: readonly Uint8Array[], position: number): void
  dataSync(fd: number): void
  truncate(fd: number, sizeOctets: number): void
  rename(from: string, to: string): void
  remove(path: string): void
  /** Puts names made or renamed in a directory on the device. */
  syncDirectory(path: string): void
  /** Fills `into` from `position`. @returns octets read, fewer only at the end of the file */
  read(fd: number, into: Uint8Array, position: number): number
  readAsync(fd: number, into: Uint8Array, position: number): Promise<number>
  /** Octets free to us, and octets of the whole device. */
  space(path: string): { readonly freeOctets: number; readonly totalOctets: number }
  createSpool(path: string): Promise<SpoolFile>
}

const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700
/** IOV_MAX of Linux is 1024. */
const PARTS_PER_WRITE = 1000

export const realFiles: Files = {
  makeDirectory(path) {
    const first = fs.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE })
    if (first === undefined) return
    for (let made = path; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made))
  },
  list: (path) => fs.readdirSync(path),
  stat(path) {
    const stat = fs.statSync(path, { throwIfNoEntry: false })
    return stat === undefined ? null : { sizeOctets: stat.size, modifiedAtMs: stat.mtimeMs }
  },
  openRead: (path) => fs.openSync(path, 'r'),
  openWrite: (path) => fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, FILE_MODE),
  close: (fd) => fs.closeSync(fd),
  write: writeAll,
  dataSync: (fd) => fs.fdatasyncSync(fd),
  truncate: (fd, sizeOctets) => fs.ftruncateSync(fd, sizeOctets),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.rmSync(path, { force: true }),
  syncDirectory,
  read(fd, into, position) {
    let done = 0
    while (done < into.length) {
      const got = fs.readSync(fd, into, done, into.length - done, position + done)
      if (got === 0) break
      done += got
    }
    return done
  },
  async readAsync(fd, into, position) {
    let done = 0
    while (done < into.length) {
      const got = await readOnce(fd, into, done, position + done)
      if (got === 0) break
      done += got
    }
    return done
  },
  space(path) {
    const { bsize, bavail, blocks } = fs.statfsSync(path)
    return { freeOctets: bavail * bsize, totalOctets: blocks * bsize }
  },
  // Not a FileHandle: one that is forgotten ends the process when it is collected.
  async createSpool(path) {
    const fd = await openAsync(path, 'wx', FILE_MODE)
    let open = true
    return {
      async write(bytes, position) {
        for (let done = 0; done < bytes.length;) {
          const { bytesWritten } = await writeAsync(fd, bytes, done, bytes.length - done, position + done)
          done += bytesWritten
        }
      },
      sync: () => syncAsync(fd),
      async close() {
        if (!open) return
        open = false
        await closeAsync(fd)
      },
    }
  },
}

const openAsync = promisify(fs.open) as (path: string, flags: string, mode: number) => Promise<number>
const writeAsync = promisify(fs.write)
const syncAsync = promisify(fs.fsync)
const closeAsync = promisify(fs.close)

function writeAll(fd: number, parts: readonly Uint8Array[], position: number): void {
  let at = position
  for (let i = 0; i < parts.length; i += PARTS_PER_WRITE) {
    at += writeSome(fd, parts.slice(i, i + PARTS_PER_WRITE), at)
  }
}

function writeSome(fd: number, parts: readonly Uint8Array[], position: number): number {
  let total = 0
  for (const part of parts) total += part.length
  let done = fs.writevSync(fd, parts, position)
  if (done === total) return total
  const rest = Buffer.concat(parts) // A short write is rare: a signal, or a device about to be full.
  while (done < total) done += fs.writeSync(fd, rest, done, total - done, position + done)
  return total
}

function syncDirectory(path: string): void {
  const fd = fs.openSync(path, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function readOnce(fd: number, into: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, offset, into.length - offset, position, (error, got) =>
      error === null ? resolve(got) : reject(error),
    )
  })
}
