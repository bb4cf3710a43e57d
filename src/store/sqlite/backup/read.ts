/** Reads a snapshot where it lies, without restoring it. */
import { basename, join } from 'node:path'
import { realFiles, type Files } from '../../files.ts'
import { segmentIdOf } from '../paths.ts'
import { openStoreReader, type StoreReader } from '../reader.ts'
import { DATABASE_FILE, findSnapshot, poolPath, type Snapshot } from './layout.ts'

/**
 * @param options.snapshot null: the newest
 * @throws BackupProblem, OtherSchema, StoreError
 */
export async function openBackup(options: {
  backupDir: string
  snapshot: string | null
}): Promise<StoreReader & { readonly snapshot: Snapshot }> {
  const { backupDir } = options
  const snapshot = await findSnapshot(backupDir, options.snapshot)
  const fileOf = new Map(snapshot.manifest.segments.map(({ id, file }) => [id, file]))
  const files: Files = {
    ...realFiles,
    openRead(path) {
      const id = segmentIdOf(basename(path))
      const file = id === null ? undefined : fileOf.get(id)
      return realFiles.openRead(file === undefined ? path : join(poolPath(backupDir), file))
    },
  }
  const reader = await openStoreReader({ dataDir: backupDir, database: join(snapshot.path, DATABASE_FILE), files })
  return { ...reader, snapshot }
}
