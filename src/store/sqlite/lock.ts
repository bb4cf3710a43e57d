/** One writer per data directory. The lock is a transaction that is held, so it ends with the process, however that ends. */
import { StoreError } from '../contract.ts'
import { openPlain } from './database.ts'
import { lockPath } from './paths.ts'

/** The data directory is in use by another gavan. */
export class InUse extends Error {
  override name = 'InUse'
}

/**
 * @returns the release
 * @throws InUse when another writer, in this process or another, holds the directory
 */
export function lockDirectory(dataDir: string): () => void {
  const db = openPlain(lockPath(dataDir), 0)
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (error instanceof StoreError && error.kind === 'busy') {
      throw new InUse(`${dataDir} is in use by another gavan: stop it first, or give this one its own directory`)
    }
    throw error
  }
  return () => db.close()
}
