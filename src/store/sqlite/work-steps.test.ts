/** R5, R26, R27: a process is killed between any two steps of a backup, a restore, a repair, a migration, a start after a cut. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { silentLog } from '../../std/log.ts'
import { testClock } from '../testing/clock.ts'
import { account, ALL, collect, deliver, mailboxId, range } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { NEXT_STEPS } from '../testing/steps-child.ts'
import { listSnapshots } from './backup/layout.ts'
import { takeBackup } from './backup/take.ts'
import { verifyBackup } from './backup/verify.ts'
import { openDatabase, openPlain } from './database.ts'
import { openStore } from './open.ts'
import { databasePath, segmentsPath } from './paths.ts'
import { MIGRATIONS } from './schema.ts'
import { verifyStore } from './verify.ts'

const CHILD = fileURLToPath(new URL('../testing/steps-child.ts', import.meta.url))
/** Steps that are tried of each, spread out. All of them take minutes. */
const TRIALS_MAX = Number(process.env['GAVAN_KILLS'] ?? 5)

type Ended = { readonly killed: boolean; readonly said: string }

function run(operation: string, directory: string, at: number | null): Ended {
  const { signal, status, stdout, stderr } = spawnSync(
    process.execPath,
    [CHILD, operation, directory, ...(at === null ? [] : [String(at)])],
    { encoding: 'utf8' },
  )
  assert.ok(signal === 'SIGKILL' || status === 0, stderr)
  return { killed: signal === 'SIGKILL', said: stdout }
}

async function build(dataDir: string): Promise<void> {
  const store = await openStore({ dataDir, clock: testClock, log: silentLog, segmentMaxOctets: 4096 })
  const ann = await account(store)
  for (let n = 1; n <= 12; n++) await deliver(store, ann, `letter ${n}\r\n${'x'.repeat(900)}`)
  const inbox = await mailboxId(store, ann)
  const flags = ['\\Flagged', 'word']
  const some = { accountId: ann, mailboxId: inbox, uids: [range(2, 5)] }
  await store.run({ do: 'setFlags', ...some, mode: 'add', flags, unchangedSince: null })
  await store.run({ do: 'expunge', accountId: ann, mailboxId: inbox, uids: [range(3)], deletedOnly: false })
  await store.close()
}

/** All letters with their UIDs, flags and octets. Opens the store as a server does. */
async function stateOf(dataDir: string): Promise<string> {
  const store = await openStore({ dataDir, clock: testClock, log: silentLog })
  const found: unknown[] = []
  try {
    for (const { accountId } of await store.directory.accounts()) {
      for (const { mailboxId: id, name, uidValidity } of await store.mail.mailboxes(accountId)) {
        // What was deleted and still lies on the disk: a repair offers it again.
        if (name === 'Recovered') continue
        found.push(name, uidValidity)
        for (const { uid, flags, messageKey, sizeOctets } of await collect(store.mail.entries(accountId, id, ALL))) {
          const bytes = await store.mail.read(accountId, messageKey, 0, sizeOctets)
          found.push([uid, flags.toSorted(), Buffer.from(bytes).toString().slice(0, 9)])
        }
      }
    }
  } finally {
    await store.close()
  }
  return JSON.stringify(found)
}

/** Tries steps of an operation, each in a copy of what `prepare` makes; `after` judges what is left, and goes on. */
async function eachStep(
  operation: string,
  prepare: (directory: string) => Promise<void>,
  after: (directory: string, killed: boolean) => Promise<void>,
): Promise<void> {
  const base = temporaryDirectory()
  try {
    const plain = join(base.path, 'plain')
    await prepare(plain)
    const counted = join(base.path, 'counted')
    cpSync(plain, counted, { recursive: true })
    const steps = Number(run(operation, counted, null).said)
    await after(counted, false)
    assert.ok(steps >= 5, `only ${steps} steps`)
    const trials = Math.min(steps, TRIALS_MAX)
    for (let trial = 0; trial < trials; trial++) {
      const at = Math.round((trial * (steps - 1)) / (trials - 1))
      const directory = join(base.path, `at-${at}`)
      cpSync(plain, directory, { recursive: true })
      assert.equal(run(operation, directory, at).killed, true)
      try {
        await after(directory, true)
      } catch (error) {
        throw new Error(`killed before step ${at} of ${steps} of ${operation}`, { cause: error })
      }
      rmSync(directory, { recursive: true })
    }
  } finally {
    base.remove()
  }
}

const backupOf = (directory: string) =>
  takeBackup({
    dataDir: join(directory, 'data'),
    backupDir: join(directory, 'backup'),
    keep: 5,
    besides: [],
    program: 'test',
    clock: testClock,
  })

suite('killed between two steps', () => {
  test('of a backup: each whole snapshot verifies, and the next backup is whole', () =>
    eachStep(
      'backup',
      async (directory) => {
        await build(join(directory, 'data'))
        await backupOf(directory)
      },
      async (directory) => {
        const backupDir = join(directory, 'backup')
        const verify = async (): Promise<void> => {
          const { whole, damaged } = await listSnapshots(backupDir)
          assert.deepEqual(damaged, [])
          assert.ok(whole.length > 0)
          for (const { name } of whole) {
            const { problems } = await verifyBackup({ backupDir, snapshot: name, clock: testClock })
            assert.deepEqual(problems, [])
          }
        }
        await verify()
        await backupOf(directory)
        await verify()
        assert.deepEqual((await listSnapshots(backupDir)).cut, [])
        assert.deepEqual(verifyStore({ dataDir: join(directory, 'data') }), [])
      },
    ))

  test('of a restore: whole, or refused by the server; the next restore is whole', () =>
    eachStep(
      'restore',
      async (directory) => {
        await build(join(directory, 'data'))
        await backupOf(directory)
      },
      async (directory, killed) => {
        const restored = join(directory, 'restored')
        const wanted = await stateOf(join(directory, 'data'))
        if (existsSync(join(restored, 'segments')) && readdirSync(join(restored, 'segments')).length > 0) {
          const found = await stateOf(restored).catch((error: Error) => error.name)
          assert.ok(found === wanted || (killed && found === 'DatabaseMissing'), found)
        }
        run('restore', directory, null)
        assert.equal(await stateOf(restored), wanted)
        assert.deepEqual(verifyStore({ dataDir: restored }), [])
      },
    ))

  test('of a repair: refused or as it was; the next repair has everything, flags too, and nothing is destroyed', async () => {
    let wanted = ''
    let damaged = Buffer.alloc(0)
    await eachStep(
      'repair',
      async (directory) => {
        const dataDir = join(directory, 'data')
        await build(dataDir)
        wanted = await stateOf(dataDir)
        // Counters that do not agree: found by the check, mended by a repair.
        const db = openPlain(databasePath(dataDir), 0)
        db.exec('UPDATE mailbox SET messages = messages + 1; PRAGMA wal_checkpoint(TRUNCATE)')
        db.close()
        damaged = readFileSync(databasePath(dataDir))
      },
      async (directory) => {
        const dataDir = join(directory, 'data')
        // As a server's manager does meanwhile: refused, or as it was.
        if (!existsSync(databasePath(dataDir))) {
          await assert.rejects(stateOf(dataDir), { name: 'DatabaseMissing' })
          assert.throws(() => verifyStore({ dataDir }), { kind: 'damaged' })
        }
        run('repair', directory, null)
        assert.deepEqual(verifyStore({ dataDir }), [])
        assert.equal(await stateOf(dataDir), wanted)
        const kept = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
          .filter((name) => /^damaged-\d+\/store\.db$/.test(name))
          .map((name) => readFileSync(join(dataDir, name)))
        assert.ok(kept.some((one) => one.equals(damaged)))
      },
    )
  })

  test('of a start after a power cut, whose letters are in the journal alone: the next start has them all', async () => {
    let wanted = ''
    await eachStep(
      'start',
      async (directory) => {
        const dataDir = join(directory, 'data')
        const before = join(directory, 'before')
        await build(before)
        const store = await openStore({ dataDir: before, clock: testClock, log: silentLog })
        const ann = (await store.directory.accounts())[0]!.accountId
        await deliver(store, ann, 'synced with its new file')
        const newest = readdirSync(segmentsPath(before)).toSorted().at(-1)!
        const { size } = statSync(join(segmentsPath(before), newest))
        for (const letter of ['second', 'third', 'fourth']) await deliver(store, ann, letter)
        cpSync(before, dataDir, { recursive: true })
        await store.close()
        truncateSync(join(segmentsPath(dataDir), newest), size)
        wanted = await stateOf(before)
      },
      async (directory) => {
        const dataDir = join(directory, 'data')
        assert.equal(await stateOf(dataDir), wanted)
        assert.deepEqual(verifyStore({ dataDir }), [])
      },
    )
  })

  test('of a migration: the next start goes on; the snapshot before is whole', () =>
    eachStep(
      'migrate',
      (directory) => build(join(directory, 'data')),
      async (directory) => {
        const dataDir = join(directory, 'data')
        run('migrate', directory, null)
        const check = (path: string, version: number | undefined, tables: number): void => {
          const db = openDatabase(path)
          assert.deepEqual(db.prepare('PRAGMA user_version').get(), [version])
          assert.deepEqual(db.prepare('PRAGMA integrity_check').get(), ['ok'])
          assert.equal(db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'more'`).all().length, tables)
          assert.deepEqual(db.prepare('SELECT count(*) FROM entry').get(), [11])
          db.close()
        }
        check(databasePath(dataDir), NEXT_STEPS.at(-1)?.version, 1)
        const before = MIGRATIONS.at(-1)?.version
        check(join(dataDir, 'snapshots', `schema-${before}.db`), before, 0)
      },
    ))
})
