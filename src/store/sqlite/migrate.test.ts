/** R26: forward only, whole steps, a snapshot first, and a newer schema is refused in one line. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { realFiles } from '../files.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { type Database, openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { MIGRATIONS, type Migration } from './schema.ts'

const ONE: Migration = { version: 1, sql: 'CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)' }
const TWO: Migration = { version: 2, sql: 'ALTER TABLE t ADD COLUMN b INTEGER; UPDATE t SET b = a + 1' }
const THREE: Migration = { version: 3, sql: 'CREATE TABLE u (c INTEGER)' }

function withDatabase(body: (db: Database, to: (steps: readonly Migration[]) => void, dataDir: string) => void): void {
  const directory = temporaryDirectory()
  const dataDir = directory.path
  const db = openDatabase(join(dataDir, 'store.db'))
  try {
    body(db, (migrations) => migrate(db, { dataDir, files: realFiles, log: silentLog, migrations }), dataDir)
  } finally {
    db.close()
    directory.remove()
  }
}

const version = (db: Database) => db.prepare<[number]>('PRAGMA user_version').get()?.[0]
const rows = (db: Database, sql: string) => db.prepare(sql).all()

suite('migrations', () => {
  test('steps run in order, once; the snapshot is the database before', () =>
    withDatabase((db, to, dataDir) => {
      to([ONE])
      assert.equal(existsSync(join(dataDir, 'snapshots')), false, 'nothing to keep of an empty database')
      to([ONE, TWO, THREE])
      to([ONE, TWO, THREE])
      assert.equal(version(db), 3)
      assert.deepEqual(rows(db, 'SELECT a, b FROM t'), [[1, 2]])
      const before = openDatabase(join(dataDir, 'snapshots', 'schema-1.db'))
      assert.equal(version(before), 1)
      assert.deepEqual(rows(before, 'SELECT * FROM t'), [[1]])
      before.close()
    }))

  test('a step that fails leaves the step before; the next start goes on from there', () =>
    withDatabase((db, to) => {
      to([ONE])
      const broken: Migration = { version: 3, sql: 'CREATE TABLE u (c INTEGER); INSERT INTO nowhere VALUES (1)' }
      assert.throws(() => to([ONE, TWO, broken]))
      assert.equal(version(db), 2)
      assert.throws(() => rows(db, 'SELECT * FROM u'))
      to([ONE, TWO, THREE])
      assert.equal(version(db), 3)
    }))

  test('a newer schema is refused in one line, and left as it is', () =>
    withDatabase((db, to) => {
      to([ONE, TWO])
      assert.throws(() => to([ONE]), { name: 'NewerSchema', message: /^[^\n]*newer gavan \(schema 2,[^\n]*$/ })
      assert.equal(version(db), 2)
    }))

  test('the steps of this release are numbered 1, 2, 3, …', () => {
    assert.deepEqual(
      MIGRATIONS.map((step) => step.version),
      MIGRATIONS.map((_, i) => i + 1),
    )
  })
})
