/**
 * The newest segment that was ever committed, in a file beside the database. It tells a start whether files that the
 * database does not know were cut short by a crash (then they are newer than this too, and litter), or whether the
 * database is an older snapshot (then they hold acknowledged mail). A hint: not synced, and never an error.
 */
import { type Files } from '../files.ts'
import { knownPath } from './paths.ts'

const DIGITS = 16

export type KnownSegments = { add(segmentId: number): void }

export function knownSegments(dataDir: string, files: Files): KnownSegments {
  let newest = newestKnown(dataDir, files)
  return {
    add(segmentId) {
      if (segmentId <= newest) return
      newest = segmentId
      try {
        const fd = files.openWrite(knownPath(dataDir))
        try {
          files.write(fd, [Buffer.from(`${String(segmentId).padStart(DIGITS, '0')}\n`)], 0)
        } finally {
          files.close(fd)
        }
      } catch {
        // Then a later crash leaves litter that a start takes for older than it is: collected after its time.
      }
    },
  }
}

/** 0 when nothing was ever noted. */
export function newestKnown(dataDir: string, files: Files): number {
  if (files.stat(knownPath(dataDir)) === null) return 0
  const fd = files.openRead(knownPath(dataDir))
  try {
    const text = Buffer.alloc(DIGITS)
    const got = files.read(fd, text, 0)
    const number = Number(text.toString('latin1', 0, got))
    return Number.isSafeInteger(number) ? number : 0
  } finally {
    files.close(fd)
  }
}
