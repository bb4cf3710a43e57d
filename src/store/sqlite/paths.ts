/** What lies where in the data directory. */
import { join } from 'node:path'

export const lockPath = (dataDir: string): string => join(dataDir, 'lock.db')
export const databasePath = (dataDir: string): string => join(dataDir, 'store.db')
export const segmentsPath = (dataDir: string): string => join(dataDir, 'segments')
export const knownPath = (dataDir: string): string => join(dataDir, 'newest-segment')
/** Segments that the database knows nothing of. */
export const setAsidePath = (dataDir: string): string => join(dataDir, 'set-aside')
export const spoolPath = (dataDir: string): string => join(dataDir, 'spool')

const SEGMENT_NAME = /^(\d{8,15})\.seg$/
const SPOOL_NAME = /^[0-9a-f-]{36}\.part$/

export const segmentName = (segmentId: number): string => `${String(segmentId).padStart(8, '0')}.seg`
export const segmentPath = (dataDir: string, segmentId: number): string =>
  join(segmentsPath(dataDir), segmentName(segmentId))

/** @returns the id, or null for a name that is not ours */
export function segmentIdOf(name: string): number | null {
  const match = SEGMENT_NAME.exec(name)
  return match === null ? null : Number(match[1])
}

export const spoolName = (unique: string): string => `${unique}.part`
export const isSpoolName = (name: string): boolean => SPOOL_NAME.test(name)
