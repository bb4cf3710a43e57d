/** Makes a data directory from a snapshot. */
import { chown, link, lstat, mkdir, readdir, rename, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../../../std/clock.ts'
import { silentLog } from '../../../std/log.ts'
import { realFiles } from '../../files.ts'
import { openDatabase } from '../database.ts'
import { migrate } from '../migrate.ts'
import { databasePath, segmentPath, segmentsPath } from '../paths.ts'
import { copyInto, hashOf, type Meter, syncPath } from './copy.ts'
import {
  BackupProblem,
  DATABASE_FILE,
  FILES_FOLDER,
  findSnapshot,
  type Manifest,
  namesIn,
  poolPath,
  type Snapshot,
  snapshotName,
} from './layout.ts'
import { lockFor } from './pins.ts'
import type { Beside } from './take.ts'
import { beginAnew, type QueueChoice } from './begin-anew.ts'

export type RestoreReport = {
  readonly snapshot: string
  readonly takenAt: number
  readonly counts: Manifest['counts']
  readonly totalOctets: number
  /** Where what was there before is now; null when there was nothing. */
  readonly movedAside: string | null
  readonly lostSegments: readonly number[]
  /** What went along from outside the data directory, and lies there still: to be put in place by whoever knows where. */
  readonly besides: readonly Beside[]
}

/**
 * Every octet is compared with its checksum on the way. The database comes last: a directory whose restore was cut off
 * is refused by the server.
 * @param options.snapshot null: the newest
 * @param options.force a directory that is not empty: what is in it moves into a folder of its own
 * @throws BackupProblem, StoreError, NewerSchema, AbortError
 */
export async function restoreBackup(options: {
  backupDir: string
  snapshot: string | null
  dataDir: string
  force: boolean
  /** Mail that waited to leave when the backup was made, and may have left since. */
  queue: QueueChoice
  /** Whose a data directory becomes that was not there; absent: whoever restores. Another one keeps its owner. */
  owner?: { readonly uid: number; readonly gid: number } | undefined
  clock: Clock
  signal?: AbortSignal
  progress?: (doneOctets: number, totalOctets: number) => void
}): Promise<RestoreReport> {
  const { backupDir, dataDir, force, queue, clock, signal, progress } = options
  const snapshot = await findSnapshot(backupDir, options.snapshot)
  const { manifest } = snapshot
  await makeDirectory(dataDir, options.owner)
  const found = (await namesIn(dataDir)).filter((name) => !name.startsWith('lock.db'))
  if (found.length > 0 && !force) {
    throw new BackupProblem(
      `${dataDir} is not empty`,
      'restore --into an empty directory, or --force: what is there moves aside',
    )
  }
  const unlock = lockFor(dataDir, `a server runs on ${dataDir}`)
  try {
    const movedAside = found.length === 0 ? null : await moveAside(dataDir, found, snapshotName(clock.now()))
    let doneOctets = 0
    const totalOctets = octetsOf(manifest)
    const meter: Meter = (octets) => {
      signal?.throwIfAborted()
      progress?.((doneOctets += octets), totalOctets)
    }
    await layOut({ backupDir, snapshot, dataDir, meter, linked: false })
    const part = join(dataDir, `${DATABASE_FILE}.part`)
    prepareDatabase(part, { dataDir, queue })
    await syncPath(part)
    await rename(part, databasePath(dataDir))
    await syncPath(dataDir)
    await giveToOwner(dataDir)
    const { takenAt, counts, lostSegments } = manifest
    const besides = besidesOf(snapshot)
    return { snapshot: snapshot.name, takenAt, counts, totalOctets, movedAside, lostSegments, besides }
  } finally {
    unlock()
  }
}

/** What of a snapshot is not of the data directory. */
export const besidesOf = ({ path: folder, manifest }: Snapshot): readonly Beside[] =>
  manifest.files
    .filter(({ path }) => !path.startsWith(DATA))
    .map(({ path }) => ({ path, from: join(folder, FILES_FOLDER, path) }))

const DATA = 'data/'

const octetsOf = ({ segments, files, database }: Manifest): number =>
  [...segments, ...files, database].reduce((sum, { sizeOctets }) => sum + sizeOctets, 0)

async function makeDirectory(path: string, owner: { uid: number; gid: number } | undefined): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 })
  if (made === undefined) return
  if (owner !== undefined) await chown(path, owner.uid, owner.gid)
  await syncPath(dirname(resolve(made)))
}

async function moveAside(dataDir: string, names: readonly string[], when: string): Promise<string> {
  const to = join(dataDir, `before-restore-${when}`)
  await mkdir(to, { mode: 0o700 })
  for (const name of names) {
    if (!name.startsWith('before-restore-')) await rename(join(dataDir, name), join(to, name))
  }
  await syncPath(dataDir)
  return to
}

/**
 * Everything but the database's name: it stays `store.db.part`.
 * @param options.linked segments that are read to their end get a second name instead of a copy: for a look, not for use
 * @throws BackupProblem when an octet is not what it was
 */
export async function layOut(options: {
  backupDir: string
  snapshot: Snapshot
  dataDir: string
  meter: Meter
  linked: boolean
}): Promise<void> {
  const { backupDir, snapshot, dataDir, meter, linked } = options
  const { segments, files, database } = snapshot.manifest
  await mkdir(segmentsPath(dataDir), { recursive: true, mode: 0o700 })

  async function bring(from: string, to: string, sizeOctets: number): Promise<string | null> {
    const found = await stat(from).catch(() => null)
    if (found === null || found.size < sizeOctets) return null
    if (!linked || found.size !== sizeOctets) return copyInto({ from, to, sizeOctets, meter })
    try {
      await link(from, to)
    } catch {
      return copyInto({ from, to, sizeOctets, meter })
    }
    return hashOf(to, sizeOctets, meter)
  }

  for (const { id, file, sizeOctets, sha256 } of segments) {
    const from = join(poolPath(backupDir), file)
    same(await bring(from, segmentPath(dataDir, id), sizeOctets), sha256, from)
  }
  for (const { path, sizeOctets, sha256 } of files) {
    const from = join(snapshot.path, FILES_FOLDER, path)
    if (!path.startsWith(DATA)) {
      same(await hashOf(from, sizeOctets, meter), sha256, from)
      continue
    }
    const to = join(dataDir, path.slice(DATA.length))
    await mkdir(dirname(to), { recursive: true, mode: 0o700 })
    same(await bring(from, to, sizeOctets), sha256, from)
  }
  const from = join(snapshot.path, DATABASE_FILE)
  const to = join(dataDir, `${DATABASE_FILE}.part`)
  same(await copyInto({ from, to, sizeOctets: database.sizeOctets, meter }).catch(tooShort), database.sha256, from)
  for (const directory of [segmentsPath(dataDir), dataDir]) await syncPath(directory)
}

function tooShort(error: unknown): null {
  if (error instanceof RangeError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
  throw error
}

function same(found: string | null, expected: string, where: string): void {
  if (found === expected) return
  const what = found === null ? 'is missing or cut short' : 'is not what was written: its checksum does not agree'
  throw new BackupProblem(`${where} ${what}`, 'use another snapshot (gavan backup list DIR) or another backup')
}

function prepareDatabase(path: string, { dataDir, queue }: { dataDir: string; queue: QueueChoice }): void {
  const db = openDatabase(path)
  try {
    migrate(db, { dataDir, files: realFiles, log: silentLog })
    beginAnew(db, queue)
    db.exec('PRAGMA journal_mode = DELETE') // No log beside it under the name that goes away.
  } finally {
    db.close()
  }
}

/** Restored by root for the user of the directory: all of it is that user's. */
async function giveToOwner(dataDir: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(dataDir)
  if (uid === 0) return
  async function give(path: string): Promise<void> {
    const kind = await lstat(path)
    if (kind.isSymbolicLink()) return
    await chown(path, uid, gid)
    if (kind.isDirectory()) for (const name of await readdir(path)) await give(join(path, name))
  }
  for (const name of await readdir(dataDir)) if (!name.startsWith('before-restore-')) await give(join(dataDir, name))
}
