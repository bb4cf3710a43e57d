/** Takes a backup of a data directory, whether or not a server runs on it. */
import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import type { Clock } from '../../../std/clock.ts'
import { type Database, openPlain } from '../database.ts'
import { realFiles } from '../../files.ts'
import { emptyJournal, isInFile, journalRows } from '../journal.ts'
import { segmentName } from '../paths.ts'
import { copyInto, hashOf, type Meter, syncPath, writeSynced } from './copy.ts'
import {
  BackupProblem,
  type Counts,
  DATABASE_FILE,
  FILES_FOLDER,
  FORMAT_VERSION,
  listSnapshots,
  type Manifest,
  MANIFEST_FILE,
  namesIn,
  PART,
  poolPath,
  printManifest,
  type SegmentEntry,
  type Snapshots,
  snapshotName,
  snapshotPath,
  snapshotsPath,
} from './layout.ts'
import { lockFor, type Pinned, pinStore } from './pins.ts'

export type BackupReport = {
  readonly snapshot: string
  readonly path: string
  readonly counts: Counts
  readonly segments: { readonly copied: number; readonly grown: number; readonly kept: number }
  readonly copiedOctets: number
  readonly totalOctets: number
  /** Segments that the data directory has lost: their letters are in no backup made now. */
  readonly lostSegments: readonly number[]
  /** Names of older snapshots that were let go. */
  readonly removed: readonly string[]
}

/** A file, and its name in the snapshot: relative, of plain parts. */
export type Beside = { readonly path: string; readonly from: string }

export type BackupOptions = {
  readonly dataDir: string
  readonly backupDir: string
  /** Snapshots to keep, the new one included. */
  readonly keep: number
  /** Files from outside the data directory that go along, as far as they are there. */
  readonly besides: readonly Beside[]
  /** Release that writes it. */
  readonly program: string
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Hears how much of all there is to do is done. */
  readonly progress?: (doneOctets: number, totalOctets: number) => void
}

/**
 * What was acknowledged before the call is in it (R27). Nothing that was there before is touched until the new snapshot
 * is whole and on the device.
 * @throws BackupProblem for the operator; StoreError; AbortError
 */
export async function takeBackup(options: BackupOptions): Promise<BackupReport> {
  const { dataDir, backupDir } = options
  await mkdir(backupDir, { recursive: true, mode: 0o700 })
  await refuseInside(dataDir, backupDir)
  const unlock = lockFor(backupDir, `another backup into ${backupDir} is running`)
  try {
    for (const path of [snapshotsPath(backupDir), poolPath(backupDir)])
      await mkdir(path, { recursive: true, mode: 0o700 })
    const before = await listSnapshots(backupDir)
    for (const name of before.cut) await rm(snapshotPath(backupDir, name), { recursive: true, force: true })
    const takenAt = options.clock.now()
    const pinned = await pinStore(dataDir)
    try {
      return await write(options, before, pinned, takenAt)
    } finally {
      await pinned.close()
    }
  } finally {
    unlock()
  }
}

async function refuseInside(dataDir: string, backupDir: string): Promise<void> {
  const [data, target] = await Promise.all([realpath(dataDir).catch(() => dataDir), realpath(backupDir)])
  const isIn = (inner: string, outer: string): boolean => `${inner}${sep}`.startsWith(`${outer}${sep}`)
  if (isIn(target, data) || isIn(data, target)) {
    throw new BackupProblem(`${backupDir} and the data directory ${dataDir} lie in each other`, 'choose another place')
  }
}

async function write(
  options: BackupOptions,
  before: Snapshots,
  pinned: Pinned,
  takenAt: number,
): Promise<BackupReport> {
  const { dataDir, backupDir, signal } = options
  const taken = new Set(await namesIn(snapshotsPath(backupDir)))
  const plain = snapshotName(takenAt)
  let name = plain
  for (let n = 2; taken.has(name); n++) name = `${plain}-${n}`
  const part = snapshotPath(backupDir, `${name}${PART}`)
  await mkdir(part, { mode: 0o700 })

  const { counts, schema } = facts(pinned.db)
  refuseCutOff(dataDir, pinned)
  await pinned.db.copyTo(join(part, DATABASE_FILE))
  pinned.releaseRows()
  const database = await finishDatabase(join(part, DATABASE_FILE))

  const pool = await fillPool(options, before, pinned)
  const files = await copySmallFiles(dataDir, options.besides, join(part, FILES_FOLDER))
  const manifest: Manifest = {
    format: 'gavan-backup',
    version: FORMAT_VERSION,
    program: options.program,
    schema,
    takenAt,
    database,
    segments: pool.entries,
    lostSegments: [...pinned.lost],
    files,
    counts,
  }
  signal?.throwIfAborted()
  await writeSynced(join(part, MANIFEST_FILE), printManifest(manifest))
  for (const path of [part, poolPath(backupDir)]) await syncPath(path)
  await rename(part, snapshotPath(backupDir, name))
  for (const path of [snapshotsPath(backupDir), backupDir, dirname(backupDir)]) await syncPath(path)

  const removed = await prune(backupDir, options.keep)
  const totalOctets = pool.entries.reduce((sum, { sizeOctets }) => sum + sizeOctets, database.sizeOctets)
  const copiedOctets = pool.copiedOctets + database.sizeOctets
  const path = snapshotPath(backupDir, name)
  return {
    snapshot: name,
    path,
    counts,
    segments: pool.tally,
    copiedOctets,
    totalOctets,
    lostSegments: pinned.lost,
    removed,
  }
}

function facts(db: Database): { counts: Counts; schema: number } {
  const one = (sql: string): number => db.prepare<[number]>(sql).get()?.[0] ?? 0
  const count = (table: string): number => one(`SELECT count(*) FROM ${table}`)
  return {
    schema: one('PRAGMA user_version'),
    counts: {
      accounts: count('account'),
      mailboxes: count('mailbox'),
      messages: count('entry'),
      bodies: count('body'),
      queued: count('queue'),
    },
  }
}

/**
 * Beside a server the segments hold what the journal holds, and are copied with it. After a power cut the journal alone
 * may: the next start of the server writes it there.
 */
function refuseCutOff(dataDir: string, { db, segments, pathOf }: Pinned): void {
  const pinned = new Set(segments.map(({ id }) => id))
  const rows = journalRows(db).filter(({ segmentId }) => pinned.has(segmentId))
  if (rows.every((row) => isInFile(row, pathOf(row.segmentId), realFiles))) return
  throw new BackupProblem(
    `${dataDir} is as a power cut left it`,
    'start the server on it once, which puts it in order; then take the backup',
  )
}

/** Without a log of its own the copy can be read from a medium that takes no writes. The segments have what its journal has. */
async function finishDatabase(path: string): Promise<Manifest['database']> {
  const db = openPlain(path, 0)
  try {
    db.exec('PRAGMA journal_mode = DELETE')
    emptyJournal(db)
  } finally {
    db.close()
  }
  await syncPath(path)
  const { size } = await stat(path)
  return { sizeOctets: size, sha256: (await hashOf(path, size)) ?? '' }
}

type Pool = { entries: SegmentEntry[]; copiedOctets: number; tally: { copied: number; grown: number; kept: number } }

/**
 * Brings the segments of this snapshot into the pool. What an older snapshot reads there is never written over: a
 * segment that has grown is appended to, and one that has another past under the same number gets a name of its own.
 */
async function fillPool(options: BackupOptions, before: Snapshots, pinned: Pinned): Promise<Pool> {
  const { backupDir, signal, progress } = options
  const newest = new Map(before.whole.at(-1)?.manifest.segments.map((entry) => [entry.id, entry]))
  const named = new Set(before.whole.flatMap(({ manifest }) => manifest.segments.map(({ file }) => file)))
  const inPool = (file: string): string => join(poolPath(backupDir), file)
  const totalOctets = pinned.segments.reduce((sum, { sizeOctets }) => sum + sizeOctets, 0)
  const pool: Pool = { entries: [], copiedOctets: 0, tally: { copied: 0, grown: 0, kept: 0 } }
  let doneOctets = 0
  const meter: Meter = (octets) => {
    signal?.throwIfAborted()
    progress?.((doneOctets += octets), totalOctets)
  }

  async function bring(id: number, sizeOctets: number): Promise<SegmentEntry> {
    const from = pinned.pathOf(id)
    const { mtimeMs: modifiedAtMs } = await stat(from)
    const old = newest.get(id)
    const there = old === undefined ? null : await stat(inPool(old.file)).catch(() => null)
    if (old !== undefined && there !== null && there.size >= old.sizeOctets && sizeOctets >= old.sizeOctets) {
      const sameSize = old.sizeOctets === sizeOctets
      if (sameSize && old.modifiedAtMs === modifiedAtMs) {
        meter(sizeOctets)
        pool.tally.kept++
        return old
      }
      if ((await hashOf(from, old.sizeOctets)) === old.sha256) {
        const { file, sizeOctets: keep } = old
        if (sameSize) meter(sizeOctets)
        else pool.copiedOctets += sizeOctets - keep
        pool.tally[sameSize ? 'kept' : 'grown']++
        const sha256 = sameSize ? old.sha256 : await copyInto({ from, to: inPool(file), sizeOctets, keep, meter })
        return { id, file, sizeOctets, sha256, modifiedAtMs }
      }
    }
    const file = freeName(id, named)
    named.add(file)
    const sha256 = await copyInto({ from, to: inPool(file), sizeOctets, meter })
    pool.copiedOctets += sizeOctets
    pool.tally.copied++
    return { id, file, sizeOctets, sha256, modifiedAtMs }
  }

  for (const { id, sizeOctets } of pinned.segments) {
    signal?.throwIfAborted()
    pool.entries.push(await bring(id, sizeOctets))
  }
  return pool
}

function freeName(id: number, named: ReadonlySet<string>): string {
  const plain = segmentName(id)
  let name = plain
  for (let n = 2; named.has(name); n++) name = plain.replace('.', `-${n}.`)
  return name
}

/** What else the data directory holds is small, and belongs to the installation: keys, certificates, bans, secrets. */
const NOT_COPIED = [
  /^store\.db/,
  /^newest-segment/,
  /^lock\.db/,
  /^(?:segments|spool|set-aside|snapshots|pins|search|junk)$/,
  /^before-restore-/,
]

/** What a file is called until it is whole and takes its place. */
const UNFINISHED = /\.new-\d+$/

async function copySmallFiles(dataDir: string, besides: readonly Beside[], to: string): Promise<Manifest['files']> {
  const files: Manifest['files'] = []
  async function take(from: string, path: string): Promise<void> {
    // Read whole, by one descriptor: the server puts new ones in their place meanwhile, or takes them away.
    const content = await readFile(from).catch(ifGone)
    if (content === null) return
    const target = join(to, path)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await writeSynced(target, content)
    files.push({ path, sizeOctets: content.length, sha256: createHash('sha256').update(content).digest('hex') })
  }
  async function walk(below: string): Promise<void> {
    for (const name of ((await readdir(join(dataDir, below)).catch(ifGone)) ?? []).toSorted()) {
      if (UNFINISHED.test(name) || (below === '' && NOT_COPIED.some((pattern) => pattern.test(name)))) continue
      const path = below === '' ? name : `${below}/${name}`
      const kind = await lstat(join(dataDir, path)).catch(ifGone)
      if (kind?.isDirectory() === true) await walk(path)
      else if (kind?.isFile() === true) await take(join(dataDir, path), `data/${path}`)
    }
  }
  await mkdir(to, { recursive: true, mode: 0o700 })
  await walk('')
  for (const { path, from } of besides) await take(from, path)
  await syncFolders(to)
  return files
}

function ifGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}

async function syncFolders(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true }))
    if (entry.isDirectory()) await syncFolders(join(directory, entry.name))
  await syncPath(directory)
}

/** Lets older snapshots go, then the segments that none of the others reads. */
async function prune(backupDir: string, keep: number): Promise<string[]> {
  const { whole, damaged } = await listSnapshots(backupDir)
  const removed = whole.slice(0, Math.max(0, whole.length - keep))
  for (const { path } of removed) {
    const part = `${path}${PART}`
    await rename(path, part) // From here on it is no snapshot, however far the removal comes.
    await rm(part, { recursive: true })
  }
  if (damaged.length === 0) {
    const kept = whole.slice(removed.length)
    const named = new Set(kept.flatMap(({ manifest }) => manifest.segments.map(({ file }) => file)))
    for (const file of await namesIn(poolPath(backupDir))) {
      if (!named.has(file)) await rm(join(poolPath(backupDir), file), { force: true })
    }
  }
  return removed.map(({ name }) => name)
}
