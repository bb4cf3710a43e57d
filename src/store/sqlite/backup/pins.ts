/**
 * Holds one commit of a living store still while it is copied, without asking its writer for anything.
 *
 * The rows are held by a read transaction (WAL). The segment files that those rows name are held by a second name
 * (hard link) in `pins/`: the writer may give a segment's room back at any time, and then takes away the first name
 * only. What a commit names of a segment never changes: records are appended behind it, never written over.
 *
 * A segment whose name had gone before its link was made belongs to a commit that is older than the store's newest: then
 * all begins again with a newer transaction. A file that is still missing then was lost by accident: the writer removes
 * a file only after the commit that drops its row.
 */
import { copyFile, constants, link, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, openReader } from '../database.ts'
import { InUse, lockDirectory } from '../lock.ts'
import { databasePath, segmentIdOf, segmentName, segmentPath } from '../paths.ts'
import { BackupProblem, namesIn } from './layout.ts'

export type PinnedSegment = { readonly id: number; readonly sizeOctets: number }

export type Pinned = {
  /** In the transaction that holds the rows. */
  readonly db: Database
  readonly segments: readonly PinnedSegment[]
  /** Named by the rows, and not there. */
  readonly lost: readonly number[]
  pathOf(segmentId: number): string
  /** Lets go of the rows: the writer's log may shrink again. The segments stay. */
  releaseRows(): void
  close(): Promise<void>
}

const pinsPath = (dataDir: string): string => join(dataDir, 'pins')

/** One lock for a directory, told in the words of backups. @throws BackupProblem */
export function lockFor(directory: string, busy: string): () => void {
  try {
    return lockDirectory(directory)
  } catch (error) {
    if (error instanceof InUse) throw new BackupProblem(busy, 'wait until it has ended')
    throw error
  }
}

/** @throws BackupProblem, StoreError */
export async function pinStore(dataDir: string): Promise<Pinned> {
  if ((await stat(databasePath(dataDir)).catch(() => null)) === null) {
    throw new BackupProblem(`${dataDir} holds no store`, 'see data_dir: gavan config show')
  }
  const pins = pinsPath(dataDir)
  await mkdir(pins, { recursive: true, mode: 0o700 })
  const unlock = lockFor(pins, `another backup of ${dataDir} is running`)
  let db: Database | null = null
  try {
    await clear(pins) // Of a run that was killed.
    db = openReader(databasePath(dataDir))
    const held = db
    const { segments, lost } = await hold(held, dataDir, pins)
    let rowsHeld = true
    const releaseRows = (): void => {
      if (rowsHeld) held.close()
      rowsHeld = false
    }
    return {
      db: held,
      segments,
      lost,
      pathOf: (segmentId) => join(pins, segmentName(segmentId)),
      releaseRows,
      async close() {
        releaseRows()
        await clear(pins)
        unlock()
      },
    }
  } catch (error) {
    db?.close()
    await clear(pins)
    unlock()
    throw error
  }
}

async function hold(
  db: Database,
  dataDir: string,
  pins: string,
): Promise<{ segments: PinnedSegment[]; lost: readonly number[] }> {
  const select = db.prepare<[number, number]>('SELECT segment_id, size_octets FROM segment ORDER BY segment_id')
  const linked = new Set<number>()
  /** Missing at an earlier look. */
  const missing = new Set<number>()
  for (;;) {
    db.exec('BEGIN')
    const rows = select.all()
    const lost: number[] = []
    let gone = false
    for (const [segmentId] of rows) {
      if (linked.has(segmentId)) continue
      if (await pin(segmentPath(dataDir, segmentId), join(pins, segmentName(segmentId)))) linked.add(segmentId)
      else if (missing.has(segmentId)) lost.push(segmentId)
      else {
        missing.add(segmentId)
        gone = true
      }
    }
    const segments = rows.map(([id, sizeOctets]) => ({ id, sizeOctets })).filter(({ id }) => linked.has(id))
    if (!gone) return { segments, lost }
    db.exec('ROLLBACK')
  }
}

const NO_LINKS = new Set(['EPERM', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** @returns false when there is no such file */
async function pin(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    if (!NO_LINKS.has(code)) throw error
  }
  // A file system without hard links: a copy, shared blocks where it can.
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function clear(pins: string): Promise<void> {
  for (const name of await namesIn(pins)) if (segmentIdOf(name) !== null) await rm(join(pins, name), { force: true })
}
