/** Reads a whole data directory and says what in it does not agree. Changes nothing; may run beside the writer's process. */
import { crc32 } from 'node:zlib'
import { StoreError } from '../contract.ts'
import { type Files, realFiles } from '../files.ts'
import { type Database, openReader } from './database.ts'
import { DELETED, SEEN } from './flags.ts'
import { type JournalRow, journalRows } from './journal.ts'
import { addLaterTables } from './older.ts'
import { databasePath, segmentPath } from './paths.ts'
import { decodeHead, HEAD_OCTETS } from './record.ts'

export type Problem = {
  /** A stable name, e.g. `mailbox-counts`. */
  readonly what: string
  /** The first few rows concerned, by their keys. */
  readonly where: readonly string[]
  readonly count: number
}

const MESSAGE_ID = '(account_id * 4294967296 + message_key)'

/** Each names the rows that break a rule. */
const RULES: Readonly<Record<string, string>> = {
  'mailbox-counts': `
    SELECT m.account_id, m.mailbox_id FROM mailbox m LEFT JOIN (
      SELECT account_id, mailbox_id, count(*) AS messages, sum((flags & ${SEEN}) = 0) AS unseen,
        sum((flags & ${DELETED}) <> 0) AS deleted, sum(size_octets) AS octets, max(uid) AS uid, max(mod_seq) AS mod_seq
      FROM entry GROUP BY account_id, mailbox_id) e USING (account_id, mailbox_id)
    WHERE m.messages <> coalesce(e.messages, 0) OR m.unseen <> coalesce(e.unseen, 0)
      OR m.deleted <> coalesce(e.deleted, 0) OR m.size_octets <> coalesce(e.octets, 0)
      OR coalesce(e.uid, 0) >= m.uid_next OR coalesce(e.mod_seq, 0) > m.highest_mod_seq`,
  'account-usage': `
    SELECT a.account_id FROM account a LEFT JOIN (
      SELECT account_id, sum(messages) AS messages, sum(size_octets) AS octets, max(highest_mod_seq) AS mod_seq
      FROM mailbox GROUP BY account_id) m USING (account_id)
    WHERE a.used_messages <> coalesce(m.messages, 0) OR a.used_octets <> coalesce(m.octets, 0)
      OR a.mod_seq < coalesce(m.mod_seq, 0)`,
  'account-of-nobody': `
    SELECT DISTINCT account_id FROM mailbox WHERE account_id NOT IN (SELECT account_id FROM account)`,
  'once-link-of-nobody': `
    SELECT account_id FROM once_link WHERE account_id NOT IN (SELECT account_id FROM account)`,
  'access-key-of-nobody': `
    SELECT account_id, key_id FROM access_key WHERE account_id NOT IN (SELECT account_id FROM account)`,
  'remembered-of-nobody': `
    SELECT account_id, what, key FROM remembered WHERE account_id NOT IN (SELECT account_id FROM account)`,
  'sent-of-nobody': `
    SELECT account_id FROM sent WHERE account_id NOT IN (SELECT account_id FROM account)
    UNION SELECT account_id FROM sending_limit WHERE account_id NOT IN (SELECT account_id FROM account)`,
  'alias-end-of-nobody': `
    SELECT domain, local_key FROM alias_end WHERE (domain, local_key) NOT IN (SELECT domain, local_key FROM address)`,
  'script-of-nobody': `
    SELECT account_id, name FROM script WHERE account_id NOT IN (SELECT account_id FROM account)`,
  'right-of-nobody': `
    SELECT account_id, mailbox_id, grantee FROM mailbox_right
    WHERE (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox)
      OR grantee <> 0 AND grantee NOT IN (SELECT account_id FROM account)`,
  'annotation-of-nobody': `
    SELECT account_id, mailbox_id, reader, entry FROM annotation
    WHERE account_id <> 0 AND account_id NOT IN (SELECT account_id FROM account)
      OR mailbox_id <> 0 AND (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox)
      OR reader <> 0 AND reader NOT IN (SELECT account_id FROM account)`,
  'url-key-of-nothing': `
    SELECT account_id, mailbox_id FROM url_key
    WHERE (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox)`,
  'thread-without-message': `
    SELECT message_id FROM message_thread WHERE message_id NOT IN (SELECT message_id FROM message)`,
  'entry-without-mailbox': `
    SELECT account_id, mailbox_id, uid FROM entry e WHERE NOT EXISTS (
      SELECT 1 FROM mailbox m WHERE m.account_id = e.account_id AND m.mailbox_id = e.mailbox_id)`,
  'entry-without-message': `
    SELECT account_id, mailbox_id, uid FROM entry WHERE ${MESSAGE_ID} NOT IN (SELECT message_id FROM message)`,
  // Not a join of a table with what is counted of another: that had no index to go by, and took a quarter of an hour
  // for 100,000 letters.
  'message-entries': `
    SELECT message_id FROM (
      SELECT message_id, entries AS balance FROM message
      UNION ALL SELECT ${MESSAGE_ID}, -1 FROM entry)
    GROUP BY message_id HAVING sum(balance) <> 0 OR max(balance) = 0`,
  'message-without-body': `SELECT message_id FROM message WHERE body_id NOT IN (SELECT body_id FROM body)`,
  'queue-without-body': `SELECT queue_id FROM queue WHERE body_id NOT IN (SELECT body_id FROM body)`,
  'body-references': `
    SELECT body_id FROM body LEFT JOIN (
      SELECT body_id, count(*) AS count FROM (SELECT body_id FROM message UNION ALL SELECT body_id FROM queue)
      GROUP BY body_id) r USING (body_id)
    WHERE refs <> coalesce(r.count, 0) OR refs = 0`,
  'body-outside-segment': `
    SELECT body_id FROM body LEFT JOIN segment USING (segment_id)
    WHERE size_octets IS NULL OR offset + length > size_octets`,
  'segment-counts': `
    SELECT s.segment_id FROM segment s LEFT JOIN (
      SELECT segment_id, sum(record_octets) AS live FROM body GROUP BY segment_id) b USING (segment_id)
    WHERE s.live_octets <> coalesce(b.live, 0) OR s.live_octets > s.size_octets`,
  'uid-of-the-dead': `
    SELECT e.account_id, e.mailbox_id, e.uid FROM expunged x JOIN entry e USING (account_id, mailbox_id)
    WHERE e.uid BETWEEN x.first_uid AND x.last_uid`,
}

/** Of which schema a rule is; it asks for a table that earlier ones have not. */
const SINCE: Readonly<Record<string, number>> = { 'once-link-of-nobody': 3 }

const EXAMPLES = 5

/** @returns nothing when all agrees. @throws StoreError when it cannot be read at all */
export function verifyStore(options: { dataDir: string; files?: Files }): readonly Problem[] {
  const { dataDir, files = realFiles } = options
  const db = openReader(databasePath(dataDir))
  try {
    const [schema] = db.prepare<[number]>('PRAGMA user_version').get() ?? [0]
    if (schema === 0) throw new StoreError('damaged', 'the database is empty')
    addLaterTables(db, schema)
    return [...damagedPages(db), ...brokenRules(db), ...damagedBodies(db, dataDir, files)]
  } finally {
    db.close()
  }
}

/** Whether the rows can be taken at their word: every page is whole, and no rule is broken. Never throws. */
export function rowsAgree(db: Database): boolean {
  try {
    return damagedPages(db).length === 0 && brokenRules(db).length === 0
  } catch {
    return false
  }
}

function problem(what: string, rows: readonly (readonly unknown[])[]): Problem[] {
  if (rows.length === 0) return []
  return [{ what, where: rows.slice(0, EXAMPLES).map((row) => row.join('/')), count: rows.length }]
}

function damagedPages(db: Database): Problem[] {
  const rows = db.prepare<[string]>('PRAGMA integrity_check').all()
  return problem(
    'database-damaged',
    rows.filter(([text]) => text !== 'ok'),
  )
}

function brokenRules(db: Database): Problem[] {
  const [schema] = db.prepare<[number]>('PRAGMA user_version').get() ?? [0]
  return Object.entries(RULES)
    .filter(([what]) => schema >= (SINCE[what] ?? 0))
    .flatMap(([what, sql]) => problem(what, db.prepare(sql).all()))
}

type BodyRow = [bodyId: number, segmentId: number, offset: number, length: number, crc32: number]
const PIECE_OCTETS = 256 * 1024

function damagedBodies(db: Database, dataDir: string, files: Files): Problem[] {
  const bad: BodyRow[] = []
  const all = db.prepare<BodyRow>(
    'SELECT body_id, segment_id, offset, length, crc32 FROM body WHERE segment_id = ? ORDER BY offset',
  )
  for (const [segmentId] of db.prepare<[number]>('SELECT segment_id FROM segment').all()) {
    const rows = all.all(segmentId)
    if (files.stat(segmentPath(dataDir, segmentId)) === null) bad.push(...rows)
    else bad.push(...damagedIn(files, segmentPath(dataDir, segmentId), rows))
  }
  if (bad.length === 0) return []
  // After a power cut, until the next start writes it again.
  const journal = journalRows(db)
  return problem(
    'body-damaged',
    bad.filter((row) => !journal.some((kept) => holds(kept, row))),
  )
}

function holds({ segmentId, position, octets }: JournalRow, [, ofSegment, offset, length, expected]: BodyRow): boolean {
  const [from, to] = [offset - position, offset - position + length]
  return segmentId === ofSegment && from >= 0 && to <= octets.length && crc32(octets.subarray(from, to)) === expected
}

function damagedIn(files: Files, path: string, rows: readonly BodyRow[]): BodyRow[] {
  const fd = files.openRead(path)
  try {
    return rows.filter((row) => !wholeBody(files, fd, row))
  } finally {
    files.close(fd)
  }
}

function wholeBody(files: Files, fd: number, [, , offset, length, expected]: BodyRow): boolean {
  const head = Buffer.alloc(HEAD_OCTETS)
  if (files.read(fd, head, offset - HEAD_OCTETS) < HEAD_OCTETS) return false
  const record = decodeHead(head)
  if (record === null || record.bodyOctets !== length || record.bodyCrc32 !== expected) return false
  let crc = 0
  for (let at = 0; at < length; at += PIECE_OCTETS) {
    const piece = Buffer.alloc(Math.min(PIECE_OCTETS, length - at))
    if (files.read(fd, piece, offset + at) < piece.length) return false
    crc = crc32(piece, crc)
  }
  return crc === expected
}
