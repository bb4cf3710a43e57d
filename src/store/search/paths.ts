/** What lies where below `search/` in the data directory. All of it can be lost. */
import { join } from 'node:path'

export const searchPath = (dataDir: string): string => join(dataDir, 'search')
export const indexPath = (dataDir: string): string => join(searchPath(dataDir), 'index.db')
/** A reader found damage; the writer begins anew. */
export const damagedMarkPath = (dataDir: string): string => join(searchPath(dataDir), 'damaged')

/** All that it consists of; there need not be any. */
export const indexFiles = (dataDir: string): readonly string[] => [
  damagedMarkPath(dataDir),
  ...['', '-wal', '-shm'].map((end) => `${indexPath(dataDir)}${end}`),
]
