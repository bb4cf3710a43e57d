/** No statement of a command or a read walks through a whole table of mail: each finds its rows by key. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realFiles } from '../files.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { bodyReader } from './bodies.ts'
import { accessKeyHandlers } from './commands/access-keys.ts'
import { scriptHandlers } from './commands/scripts.ts'
import { annotationHandlers, annotationRows } from './commands/annotations.ts'
import { directoryHandlers } from './commands/directory.ts'
import { flagHandlers } from './commands/flags.ts'
import { intakeHandlers } from './commands/intake.ts'
import { mailboxHandlers } from './commands/mailboxes.ts'
import { mailboxRows } from './commands/mailbox-rows.ts'
import { queueHandlers } from './commands/queue.ts'
import { rightHandlers, rightRows } from './commands/rights.ts'
import { transferHandlers } from './commands/transfer.ts'
import { sendingHandlers } from './commands/sending.ts'
import { stsPolicyHandlers } from './commands/sts-policies.ts'
import { urlKeyHandlers } from './commands/url-keys.ts'
import { type Database, openPlain, type SqlValue } from './database.ts'
import { directoryReads } from './reads/directory.ts'
import { mailReads } from './reads/mail.ts'
import { queueReads } from './reads/queue.ts'
import { MIGRATIONS } from './schema.ts'
import { collector } from './writer.ts'

const SCANS =
  /\bSCAN (account|mailbox|subscription|keyword|entry|expunged|message|body|segment|queue|once_link|access_key|script|remembered|message_quota|mailbox_right|annotation|message_thread|url_key|sent|sending_limit|alias_end)\b/

/** Whole lists, asked for as such. */
const ALLOWED = [
  /FROM account ORDER BY/,
  /SELECT queue_id FROM queue ORDER BY queue_id/, // retryQueued and holdQueued without a filter
  /UPDATE queue SET lease = NULL.*substr/s, // once, at start
  /UPDATE queue SET (accepted_at|expires_at) = /, // all of it, when the clock jumps and at start
  /count\(\*\) FILTER.*FROM queue/s, // the queue's depth, asked by Prometheus
]

test('every statement finds its rows by key', () => {
  const directory = temporaryDirectory()
  const db = openPlain(`${directory.path}/plans.db`, 0)
  try {
    for (const { sql } of MIGRATIONS) db.exec(sql)
    const statements: string[] = []
    const recording: Database = {
      ...db,
      prepare<Row extends readonly SqlValue[]>(sql: string) {
        statements.push(sql)
        return db.prepare<Row>(sql)
      },
    }
    const rows = mailboxRows(recording)
    const transfer = transferHandlers(recording, rows)
    const intake = intakeHandlers(recording, rows, transfer)
    directoryHandlers(recording, rows)
    accessKeyHandlers(recording)
    scriptHandlers(recording)
    flagHandlers(recording, rows)
    const rights = rightRows(recording)
    mailboxHandlers(recording, rows, { transfer: transfer.transfer, rights, annotations: annotationRows(recording) })
    rightHandlers(recording, rows, rights)
    annotationHandlers(recording, rows)
    urlKeyHandlers(recording, rows)
    stsPolicyHandlers(recording)
    sendingHandlers(recording)
    queueHandlers(recording, intake.accept)
    collector(recording, () => 1)
    const bodies = bodyReader(directory.path, realFiles)
    directoryReads(recording)
    mailReads(recording, bodies)
    queueReads(recording, bodies)
    assert.ok(statements.length > 60)
    for (const sql of statements) {
      if (ALLOWED.some((pattern) => pattern.test(sql))) continue
      const plan = db.prepare<[number, number, number, string]>(`EXPLAIN QUERY PLAN ${sql}`).all()
      for (const [, , , detail] of plan) assert.doesNotMatch(detail, SCANS, sql)
    }
  } finally {
    db.close()
    directory.remove()
  }
})
