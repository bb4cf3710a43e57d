/** Proves a snapshot: restores it into a scratch place, starts a store there, and compares. */
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../std/clock.ts'
import { silentLog } from '../../../std/log.ts'
import type { Store } from '../../contract.ts'
import { openStore } from '../open.ts'
import { databasePath } from '../paths.ts'
import { type Problem, verifyStore } from '../verify.ts'
import type { Meter } from './copy.ts'
import { BackupProblem, type Counts, DATABASE_FILE, findSnapshot } from './layout.ts'
import { layOut } from './restore.ts'

export type VerifyReport = {
  readonly snapshot: string
  readonly takenAt: number
  readonly counts: Counts
  /** Small files, of the data directory and from outside it. */
  readonly files: number
  /** One line each; none: everything is as it was. */
  readonly problems: readonly string[]
}

/**
 * Segments are not copied where the file system knows hard links: checksums of files first, then what rows and bodies
 * say of each other, then a start. The backup itself is not written to, but for the scratch place in it.
 * @throws BackupProblem when there is no such snapshot
 */
export async function verifyBackup(options: {
  backupDir: string
  snapshot: string | null
  clock: Clock
  signal?: AbortSignal
  progress?: (doneOctets: number, totalOctets: number) => void
}): Promise<VerifyReport> {
  const { backupDir, clock, signal, progress } = options
  const snapshot = await findSnapshot(backupDir, options.snapshot)
  const { manifest } = snapshot
  const totalOctets = [...manifest.segments, ...manifest.files].reduce(
    (sum, one) => sum + one.sizeOctets,
    manifest.database.sizeOctets,
  )
  let doneOctets = 0
  const meter: Meter = (octets) => {
    signal?.throwIfAborted()
    progress?.((doneOctets += octets), totalOctets)
  }
  const scratch = await mkdtemp(join(backupDir, 'verify-'))
  const problems: string[] = []
  try {
    await layOut({ backupDir, snapshot, dataDir: scratch, meter, linked: true })
    await rename(join(scratch, `${DATABASE_FILE}.part`), databasePath(scratch))
    problems.push(...verifyStore({ dataDir: scratch }).map(print))
    const store = await openStore({ dataDir: scratch, clock, log: silentLog })
    try {
      problems.push(...differences(manifest.counts, await countIn(store)))
    } finally {
      await store.close()
    }
  } catch (error) {
    if (!(error instanceof BackupProblem)) throw error
    problems.push(error.message)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  for (const id of manifest.lostSegments) problems.push(`segment ${id} was lost before this backup was made`)
  return {
    snapshot: snapshot.name,
    takenAt: manifest.takenAt,
    counts: manifest.counts,
    files: manifest.files.length,
    problems,
  }
}

const print = ({ what, count, where }: Problem): string => `${what}: ${count} (${where.join(', ')})`

type Seen = Omit<Counts, 'bodies'>

async function countIn(store: Store): Promise<Seen> {
  const accounts = await store.directory.accounts()
  let [mailboxes, messages] = [0, 0]
  for (const { accountId } of accounts) {
    for (const { mailboxId } of await store.mail.mailboxes(accountId)) {
      mailboxes++
      messages += (await store.mail.uids(accountId, mailboxId)).length
    }
  }
  return { accounts: accounts.length, mailboxes, messages, queued: (await store.queue.list()).length }
}

const differences = (expected: Counts, found: Seen): string[] =>
  (Object.keys(found) as (keyof Seen)[])
    .filter((name) => expected[name] !== found[name])
    .map((name) => `${name}: ${found[name]} of ${expected[name]}`)
