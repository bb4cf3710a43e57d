/**
 * The write side, without threads: takes groups of commands, runs each in a savepoint of its own, puts their bytes on
 * the device, then their rows, and only then answers.
 */
import { join } from 'node:path'
import { never } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import { noMetrics, type Metrics } from '../../std/metrics.ts'
import {
  STORE_BYTES,
  STORE_COMMANDS_FAILED,
  STORE_COMMIT_SECONDS,
  STORE_FAILED,
  STORE_GROUP_COMMANDS,
  STORE_SYNC_SECONDS,
} from '../../model/metrics.ts'
import { type ChangeNotice, StoreError } from '../contract.ts'
import type { Files } from '../files.ts'
import { accessKeyHandlers } from './commands/access-keys.ts'
import { directoryHandlers } from './commands/directory.ts'
import { annotationHandlers, annotationRows } from './commands/annotations.ts'
import { flagHandlers } from './commands/flags.ts'
import { intakeHandlers } from './commands/intake.ts'
import { mailboxHandlers } from './commands/mailboxes.ts'
import { mailboxRows } from './commands/mailbox-rows.ts'
import { queueHandlers } from './commands/queue.ts'
import { scriptHandlers } from './commands/scripts.ts'
import { rightHandlers, rightRows } from './commands/rights.ts'
import { transferHandlers } from './commands/transfer.ts'
import { sendingHandlers } from './commands/sending.ts'
import { stsPolicyHandlers } from './commands/sts-policies.ts'
import { urlKeyHandlers } from './commands/url-keys.ts'
import { compactor } from './compact.ts'
import { type Database, openDatabase } from './database.ts'
import { storeError } from './errors.ts'
import { openJournal } from './journal.ts'
import { lockDirectory } from './lock.ts'
import { migrate } from './migrate.ts'
import { databasePath, lockPath, segmentsPath, spoolPath } from './paths.ts'
import { bodiesOf, bodyOctets, octetsOf, type PreparedBody, type PreparedCommand } from './prepared.ts'
import { recover, refuseLostDatabase } from './recover.ts'
import { SyncFailed, type SegmentGrowth, type SegmentLog } from './segments.ts'
import { spaceFor } from './space.ts'
import { type Handlers, type Work } from './work.ts'

export type Settled = { readonly ok: true; readonly outcome: unknown } | { readonly ok: false; readonly error: unknown }
export type GroupResult = { readonly settled: readonly Settled[]; readonly notices: readonly ChangeNotice[] }

export type Writer = {
  /** Runs commands as one commit; `settled` is in their order. Never throws for what fails a command. */
  run(commands: readonly PreparedCommand[]): GroupResult
  /** A short piece of the housekeeping, for when no command waits. @returns whether there is more to do */
  tidy(): boolean
  /** Brings the metrics up to date that say how things stand. */
  measure(): void
  close(): void
}

export type WriterOptions = {
  readonly dataDir: string
  readonly files: Files
  readonly clock: Clock
  readonly log: Log
  /** Reads the whole database for damage before opening (R11). */
  readonly quickCheck?: boolean
  readonly segmentMaxOctets?: number
  readonly busyTimeoutMs?: number
  readonly metrics?: Metrics
  /** Called once, when a write has failed for good: from then on every command fails. */
  readonly poisoned?: (why: StoreError) => void
}

/**
 * Opens a data directory for writing, making or migrating it first.
 * @throws InUse, NewerSchema, DatabaseMissing: one line for the operator
 * @throws StoreError
 */
export function openWriter(options: WriterOptions): Writer {
  const { dataDir, files, log } = options
  for (const path of [dataDir, segmentsPath(dataDir), spoolPath(dataDir)]) files.makeDirectory(path)
  makePrivate(files, lockPath(dataDir))
  const unlock = lockDirectory(dataDir)
  let db: Database | null = null
  try {
    makePrivate(files, databasePath(dataDir))
    db = openDatabase(databasePath(dataDir), options.busyTimeoutMs)
    refuseLostDatabase(db, { dataDir, files })
    migrate(db, { dataDir, files, log })
    files.syncDirectory(dataDir)
    if (options.quickCheck === true) quickCheck(db)
    const { segments, nextBodyId } = recover(db, options)
    return writer(options, { db, segments, nextBodyId, unlock })
  } catch (error) {
    db?.close()
    unlock()
    throw error
  }
}

/**
 * Made for its owner only; SQLite's other files take after it. One that exists is not opened: closing it would end
 * the locks that SQLite holds on it in this process (fcntl).
 */
function makePrivate(files: Files, path: string): void {
  if (files.stat(path) === null) files.close(files.openWrite(path))
}

function quickCheck(db: Database): void {
  const [found] = db.prepare<[string]>('PRAGMA quick_check(1)').get() ?? ['no answer']
  if (found !== 'ok') throw new StoreError('damaged', `the database is damaged: ${found}`)
}

function writer(
  { dataDir, files, clock, log, metrics = noMetrics, poisoned = () => {} }: WriterOptions,
  parts: { db: Database; segments: SegmentLog; nextBodyId: number; unlock: () => void },
): Writer {
  const { db, segments, unlock } = parts
  let nextBodyId = parts.nextBodyId
  /** After a failed sync or commit nothing is certain any more: no write until restart (R3). */
  let poison: StoreError | null = null
  let rowsDropped = false
  /** Whether segments may have come to be mostly dead since the last look. */
  let untidy = true
  /** Whether a group has come since the last look at what is not synced. */
  let busy = false
  const journal = openJournal(db)
  const handlers = makeHandlers(db)
  const takeSpace = spaceFor({ files, clock, path: dataDir })
  const collect = collector(db, () => segments.currentId)

  const insertBody = db.prepare(
    'INSERT INTO body (body_id, segment_id, offset, length, crc32, record_octets, refs) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const bodiesSum = db.prepare<[live: number | null, size: number | null]>(
    'SELECT sum(live_octets), sum(size_octets) FROM segment',
  )
  const growSegment = db.prepare(
    `INSERT INTO segment (segment_id, size_octets, live_octets) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET size_octets = excluded.size_octets, live_octets = live_octets + excluded.live_octets`,
  )
  const [begin, commit, rollback, savepoint, releaseSavepoint, rollbackTo] = [
    'BEGIN IMMEDIATE',
    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT command',
    'RELEASE command',
    'ROLLBACK TO command',
  ].map((sql) => db.prepare(sql)) as unknown as [Step, Step, Step, Step, Step, Step]

  function keepBody(bodyId: number, body: PreparedBody, refs: number, meta: object): void {
    const { segmentId, offset, recordOctets } = segments.place(body, meta)
    insertBody.run(bodyId, segmentId, offset, bodyOctets(body), body.crc32, recordOctets, refs)
  }

  function runOne(command: PreparedCommand, notices: Notices): Settled {
    if ((command.do === 'accept' || command.do === 'append') && !takeSpace(spaceOf(command))) {
      return failed(new StoreError('no-space', 'the device is nearly full: nothing more is taken'))
    }
    const mark = segments.mark()
    const heard: ChangeNotice[] = []
    const work: Work = {
      newBody: () => nextBodyId++,
      keepBody,
      dropped() {
        rowsDropped = true
      },
      notice: (notice) => void heard.push(notice),
      mailboxChanged: (accountId, mailboxId, modSeq) =>
        void heard.push({ kind: 'mailbox', accountId, mailboxId, modSeq }),
    }
    savepoint.run()
    try {
      const handler = handlers[command.do] as (input: PreparedCommand, work: Work) => unknown
      const outcome = handler(command, work)
      releaseSavepoint.run()
      for (const notice of heard) notices.add(notice)
      return { ok: true, outcome }
    } catch (error) {
      segments.rewind(mark)
      if (!db.inTransaction) throw error // SQLite has rolled back the whole group.
      rollbackTo.run()
      releaseSavepoint.run()
      return failed(error)
    }
  }

  function timed<T>(what: 'bodies' | 'log', work: () => T): T {
    const begun = clock.monotonic()
    const result = work()
    metrics.observe(STORE_SYNC_SECONDS, { what }, (clock.monotonic() - begun) / 1000)
    return result
  }

  /** Bytes, then their row counts. */
  function flush(bytes: Bytes): void {
    if (segments.pending > 0) {
      const growth = bytes === 'may-wait' && segments.mayWait ? write() : flushSynced()
      for (const { segmentId, sizeOctets, liveOctets } of growth) growSegment.run(segmentId, sizeOctets, liveOctets)
    }
    journal.prune()
  }

  function write(): readonly SegmentGrowth[] {
    const { growth, written } = segments.write()
    for (const row of written) journal.keep(row)
    return growth
  }

  function flushSynced(): readonly SegmentGrowth[] {
    const growth = timed('bodies', () => segments.flush())
    journal.synced()
    return growth
  }

  /** What the journal kept until now is on the device. */
  function syncLate(): void {
    try {
      timed('bodies', () => segments.sync())
      journal.synced()
    } catch (error) {
      poisonWith(error)
    }
  }

  /** Rows with their bytes, as one commit. @returns what `rows` gives, on the device; or what `otherwise` makes of a fault */
  function transaction<T>(
    { bytes, rows }: { bytes: Bytes; rows: () => T },
    otherwise: (fault: unknown, stage: Stage) => T,
  ): T {
    let stage: Stage = 'begin'
    rowsDropped = false
    try {
      begin.run()
      stage = 'rows'
      const result = rows()
      stage = 'bytes'
      flush(bytes)
      const emptied = rowsDropped ? collect() : []
      untidy ||= rowsDropped
      stage = 'commit'
      timed('log', () => commit.run())
      segments.commit()
      journal.committed()
      removeSegments(emptied)
      return result
    } catch (error) {
      const fault = storeError(error)
      segments.abandon(stage === 'commit' ? 'unknown' : 'rolled-back')
      undo()
      if (isFinal(fault, stage)) poisonWith(fault)
      return otherwise(fault, stage)
    }
  }

  function attempt(commands: readonly PreparedCommand[]): GroupResult {
    const notices = noticesOfGroup()
    return transaction<GroupResult>(
      {
        bytes: 'may-wait',
        rows() {
          const settled = commands.map((command) => runOne(command, notices))
          return { settled, notices: notices.all() }
        },
      },
      (fault, stage) =>
        stage === 'bytes' && isNoSpace(fault)
          ? withoutBodies(commands, fault)
          : { settled: commands.map(() => failed(fault)), notices: [] },
    )
  }

  /** No room for new bytes: those that brought none may still go on (R6). */
  function withoutBodies(commands: readonly PreparedCommand[], fault: unknown): GroupResult {
    const bare = commands.filter((command) => bodiesOf(command).length === 0)
    const result: GroupResult = bare.length === 0 ? { settled: [], notices: [] } : attempt(bare)
    const answers = result.settled.values()
    const settled = commands.map((command) =>
      bodiesOf(command).length === 0 ? (answers.next().value ?? failed(fault)) : failed(fault),
    )
    return { settled, notices: result.notices }
  }

  function undo(): void {
    try {
      if (db.inTransaction) rollback.run()
    } catch (error) {
      poisonWith(error)
    }
  }

  function poisonWith(fault: unknown): void {
    log.error({ event: 'store.poisoned', cause: String(fault) })
    if (poison !== null) return
    poison = new StoreError('device', 'a write to the device failed: no more writes until restart', { cause: fault })
    poisoned(poison)
  }

  function count({ settled }: GroupResult, begun: number): void {
    metrics.observe(STORE_GROUP_COMMANDS, {}, settled.length)
    metrics.observe(STORE_COMMIT_SECONDS, {}, (clock.monotonic() - begun) / 1000)
    for (const one of settled) {
      if (one.ok) continue
      metrics.add(STORE_COMMANDS_FAILED, { kind: one.error instanceof StoreError ? one.error.kind : 'other' })
    }
  }

  function removeSegments(segmentIds: readonly number[]): void {
    try {
      segments.remove(segmentIds)
    } catch (error) {
      // Litter: collected at a later start.
      log.warn({ event: 'store.segment.not-removed', segmentIds, cause: String(error) })
    }
  }

  /** A staged body is used up: what no row took, or a failure left, goes from the spool. */
  function sweep(commands: readonly PreparedCommand[]): void {
    for (const command of commands) {
      for (const body of bodiesOf(command)) {
        if (body.kind !== 'file') continue
        try {
          files.remove(join(spoolPath(dataDir), body.file))
        } catch {
          // The next start empties the spool.
        }
      }
    }
  }

  const compaction = compactor({ db, segments, files, dataDir, log })

  function compact(): boolean {
    if (!untidy || !takeSpace(COMPACTION_STEP_OCTETS)) return false
    return transaction(
      {
        bytes: 'synced',
        rows() {
          untidy = compaction.step(COMPACTION_STEP_OCTETS)
          rowsDropped = untidy
          return untidy
        },
      },
      (fault) => {
        log.warn({ event: 'store.compaction.failed', cause: String(fault) })
        return false
      },
    )
  }

  /** A clean end leaves nothing to the next start. */
  function emptyJournal(): void {
    if (poison === null && segments.unsyncedOctets > 0) syncLate()
    if (poison !== null || !journal.prunable) return
    transaction({ bytes: 'synced', rows: () => {} }, (fault) => {
      log.warn({ event: 'store.journal.not-emptied', cause: String(fault) }) // The next start does it.
    })
  }

  return {
    tidy() {
      if (poison !== null) return false
      const more = compact()
      if (!busy && poison === null && segments.unsyncedOctets > 0) syncLate()
      busy = false
      return poison === null && (more || segments.unsyncedOctets > 0)
    },
    run(commands) {
      busy = true
      const begun = clock.monotonic()
      const result = poison === null ? attempt(commands) : { settled: commands.map(() => failed(poison)), notices: [] }
      sweep(commands)
      count(result, begun)
      return result
    },
    measure() {
      metrics.set(STORE_FAILED, {}, poison === null ? 0 : 1)
      const path = databasePath(dataDir)
      const [live, size] = bodiesSum.get() ?? [0, 0]
      const sizes = {
        database: files.stat(path)?.sizeOctets ?? 0,
        log: files.stat(`${path}-wal`)?.sizeOctets ?? 0,
        bodies: live ?? 0,
        dead: (size ?? 0) - (live ?? 0),
        free: files.space(dataDir).freeOctets,
      }
      for (const [part, octets] of Object.entries(sizes)) metrics.set(STORE_BYTES, { part }, octets)
    },
    close() {
      emptyJournal()
      segments.close()
      db.close()
      unlock()
    },
  }
}

/** What one turn of compaction copies at most: some 10 ms. */
const COMPACTION_STEP_OCTETS = 1024 * 1024

type Step = { run(): number }
type Stage = 'begin' | 'rows' | 'bytes' | 'commit'
/** Whether bytes must be in their segment, on the device, with this commit; or may be in the journal for now. */
type Bytes = 'synced' | 'may-wait'

/** What the rows of one message may cost, alone in a commit: some pages each in the log, and later in the database. */
const ROWS_OCTETS = 64 * 1024
const spaceOf = (command: PreparedCommand): number => octetsOf(command) + ROWS_OCTETS * bodiesOf(command).length

const failed = (error: unknown): Settled => ({ ok: false, error })
const isNoSpace = (fault: unknown): boolean => fault instanceof StoreError && fault.kind === 'no-space'

/** Whether after this fault no write may be trusted. */
function isFinal(fault: unknown, stage: Stage): boolean {
  if (!(fault instanceof StoreError)) return false
  switch (fault.kind) {
    case 'no-space':
    case 'busy':
    case 'closed':
      return false
    case 'device':
    case 'damaged':
      return fault instanceof SyncFailed || stage !== 'begin'
    default:
      return never(fault.kind)
  }
}

function makeHandlers(db: Database): Handlers {
  const rows = mailboxRows(db)
  const transfer = transferHandlers(db, rows)
  const intake = intakeHandlers(db, rows, transfer)
  const rights = rightRows(db)
  return {
    ...directoryHandlers(db, rows),
    ...accessKeyHandlers(db),
    ...scriptHandlers(db),
    ...intake,
    ...flagHandlers(db, rows),
    copy: transfer.copy,
    move: transfer.move,
    expunge: transfer.expunge,
    ...mailboxHandlers(db, rows, { transfer: transfer.transfer, rights, annotations: annotationRows(db) }),
    ...rightHandlers(db, rows, rights),
    ...annotationHandlers(db, rows),
    ...urlKeyHandlers(db, rows),
    ...stsPolicyHandlers(db),
    ...sendingHandlers(db),
    ...queueHandlers(db, intake.accept),
  }
}

type Notices = { add(notice: ChangeNotice): void; all(): ChangeNotice[] }

/** One notice for each mailbox, with its newest change; the others once. */
function noticesOfGroup(): Notices {
  const heard = new Map<string, ChangeNotice>()
  return {
    add(notice) {
      const account = 'accountId' in notice ? notice.accountId : 0
      const mailbox = 'mailboxId' in notice ? notice.mailboxId : 0
      const more = notice.kind === 'annotations' ? ` ${notice.reader} ${notice.entries.join(' ')}` : ''
      heard.set(`${notice.kind} ${account} ${mailbox}${more}`, notice)
    },
    all: () => [...heard.values()],
  }
}

/** Takes away what nothing refers to any more. @returns segments whose files may go after the commit */
export function collector(db: Database, currentSegment: () => number): () => number[] {
  const releaseBodies = db.prepare(
    `UPDATE body SET refs = refs - dead.count
     FROM (SELECT body_id, count(*) AS count FROM message WHERE entries = 0 GROUP BY body_id) AS dead
     WHERE body.body_id = dead.body_id`,
  )
  const deleteThreads = db.prepare(
    'DELETE FROM message_thread WHERE message_id IN (SELECT message_id FROM message WHERE entries = 0)',
  )
  const deleteMessages = db.prepare('DELETE FROM message WHERE entries = 0')
  const deleteBodies = db.prepare<[number, number]>(
    'DELETE FROM body WHERE refs = 0 RETURNING segment_id, record_octets',
  )
  const shrinkSegment = db.prepare('UPDATE segment SET live_octets = live_octets - ? WHERE segment_id = ?')
  const deleteSegments = db.prepare<[number]>(
    'DELETE FROM segment WHERE live_octets = 0 AND segment_id <> ? RETURNING segment_id',
  )
  return () => {
    releaseBodies.run()
    deleteThreads.run()
    deleteMessages.run()
    const dead = new Map<number, number>()
    for (const [segmentId, octets] of deleteBodies.all()) dead.set(segmentId, (dead.get(segmentId) ?? 0) + octets)
    for (const [segmentId, octets] of dead) shrinkSegment.run(octets, segmentId)
    return deleteSegments.all(currentSegment()).map(([segmentId]) => segmentId)
  }
}
