/**
 * What lies where in a backup's directory:
 *
 *     snapshots/2026-11-24T05-48-12Z/   one moment: store.db, files/…, manifest.json
 *     snapshots/….part/                 one that was cut off; never read, removed by the next backup
 *     segments/00000001.seg             bodies, shared by all snapshots; each manifest says how far it reads
 *     lock.db                           one backup at a time
 *
 * A snapshot counts once its directory has its final name, which it gets last.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'

/** The backup, or what it was asked to do, is not in order: one line for the operator. */
export class BackupProblem extends Error {
  override name = 'BackupProblem'
  readonly fix: string | null
  constructor(cause: string, fix: string | null = null) {
    super(cause)
    this.fix = fix
  }
}

export const FORMAT_VERSION = 1

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
/** Relative, of plain parts: a manifest names nothing outside its directory. */
const path = v.pipe(
  v.string(),
  v.check((text) => text.split('/').every((part) => part !== '' && part !== '.' && part !== '..')),
)
const fileName = v.pipe(v.string(), v.regex(/^[0-9a-z][0-9a-z.-]*$/))

const MANIFEST = v.object({
  format: v.literal('gavan-backup'),
  version: v.literal(FORMAT_VERSION),
  /** Release that wrote it. */
  program: v.string(),
  /** Of the database. */
  schema: count,
  /** Epoch milliseconds: what was acknowledged before is in it. */
  takenAt: count,
  database: v.object({ sizeOctets: count, sha256 }),
  segments: v.array(
    v.object({
      id: count,
      /** In `segments/`. */
      file: fileName,
      /** How far this snapshot reads; the file may be longer. */
      sizeOctets: count,
      sha256,
      /** Of the original, when it was read. */
      modifiedAtMs: v.number(),
    }),
  ),
  /** Segments that the database names and the data directory has lost. */
  lostSegments: v.array(count),
  files: v.array(v.object({ path, sizeOctets: count, sha256 })),
  counts: v.object({ accounts: count, mailboxes: count, messages: count, bodies: count, queued: count }),
})

export type Manifest = v.InferOutput<typeof MANIFEST>
export type SegmentEntry = Manifest['segments'][number]
export type Counts = Manifest['counts']

export const snapshotsPath = (backupDir: string): string => join(backupDir, 'snapshots')
export const snapshotPath = (backupDir: string, name: string): string => join(snapshotsPath(backupDir), name)
export const poolPath = (backupDir: string): string => join(backupDir, 'segments')
export const MANIFEST_FILE = 'manifest.json'
export const DATABASE_FILE = 'store.db'
export const FILES_FOLDER = 'files'
export const PART = '.part'

/** Sorts as time does. */
export const snapshotName = (takenAt: number): string =>
  new Date(takenAt)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')

const checksum = (manifest: unknown): string => createHash('sha256').update(JSON.stringify(manifest)).digest('hex')

export const printManifest = (manifest: Manifest): string =>
  `${JSON.stringify({ manifest, sha256: checksum(manifest) })}\n`

/** @throws BackupProblem when it is not what was written */
export function parseManifest(text: string, where: string): Manifest {
  const damaged = (why: string): BackupProblem =>
    new BackupProblem(`${where} is damaged: ${why}`, 'use another snapshot: gavan backup list DIR')
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    throw damaged('not JSON')
  }
  const outer = v.safeParse(v.object({ manifest: v.looseObject({}), sha256 }), read)
  if (!outer.success) throw damaged('not a manifest')
  const { manifest } = outer.output
  if (checksum(manifest) !== outer.output.sha256) throw damaged('its checksum does not agree')
  if (manifest['version'] !== FORMAT_VERSION) {
    throw new BackupProblem(`${where} has version ${String(manifest['version'])}`, 'use the release that wrote it')
  }
  const parsed = v.safeParse(MANIFEST, manifest)
  if (!parsed.success) throw damaged(v.summarize(parsed.issues))
  return parsed.output
}

export type Snapshot = { readonly name: string; readonly path: string; readonly manifest: Manifest }
export type Snapshots = {
  /** Oldest first. */
  readonly whole: readonly Snapshot[]
  readonly damaged: readonly { readonly name: string; readonly cause: string }[]
  /** Names of those that were cut off. */
  readonly cut: readonly string[]
}

/** Nothing at all in a directory that is missing or empty. */
export async function listSnapshots(backupDir: string): Promise<Snapshots> {
  const names = await namesIn(snapshotsPath(backupDir))
  const whole: Snapshot[] = []
  const damaged: { name: string; cause: string }[] = []
  for (const name of names.filter((one) => !one.endsWith(PART)).toSorted()) {
    const directory = snapshotPath(backupDir, name)
    const file = join(directory, MANIFEST_FILE)
    try {
      whole.push({ name, path: directory, manifest: parseManifest(await readFile(file, 'utf8'), file) })
    } catch (error) {
      damaged.push({ name, cause: error instanceof Error ? error.message : String(error) })
    }
  }
  return { whole, damaged, cut: names.filter((name) => name.endsWith(PART)) }
}

/**
 * @param name null: the newest
 * @throws BackupProblem when there is none
 */
export async function findSnapshot(backupDir: string, name: string | null): Promise<Snapshot> {
  const { whole, damaged, cut } = await listSnapshots(backupDir)
  const found = name === null ? whole.at(-1) : whole.find((one) => one.name === name)
  if (found !== undefined) return found
  const bad = damaged.find((one) => name === null || one.name === name)
  if (bad !== undefined) throw new BackupProblem(bad.cause, 'use another snapshot, or another backup')
  if (name !== null) throw new BackupProblem(`${backupDir} has no snapshot ${name}`, `gavan backup list ${backupDir}`)
  if (cut.length > 0)
    throw new BackupProblem(`${backupDir} holds no whole backup: it was cut off`, `gavan backup ${backupDir}`)
  throw new BackupProblem(`${backupDir} holds no backup`, 'name the directory that gavan backup wrote to')
}

export async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
