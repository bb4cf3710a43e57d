/** Messages of one account, made known to another: their bodies are shared, their keys are new. */
import type { AccountId, MailboxId, MessageKey } from '../../../model/ids.ts'
import type { Database, SqlValue } from '../database.ts'

const RANGE = 'account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?'

export type MessageCopies = {
  /** Remembers which messages, until the next call. @returns how many keys they need */
  note(
    from: { readonly accountId: AccountId; readonly mailboxId: MailboxId },
    ranges: readonly { readonly from: number; readonly to: number }[],
  ): number
  insertMessages(from: AccountId, to: AccountId, firstKey: MessageKey): void
  /** @param values mailbox, uid before the first, modSeq, mask of flags, whether keywords go along, now; then the source's range */
  insertEntries(to: AccountId, values: readonly SqlValue[]): number
}

export function messageCopies(db: Database): MessageCopies {
  db.exec('CREATE TEMP TABLE copied (old_key INTEGER PRIMARY KEY, new_key INTEGER NOT NULL) STRICT')
  const ORIGINAL = 'copied JOIN message m ON m.message_id = ? * 4294967296 + old_key'
  const forget = db.prepare('DELETE FROM copied')
  const noteRange = db.prepare(
    `INSERT OR IGNORE INTO copied (old_key, new_key) SELECT DISTINCT message_key, 0 FROM entry WHERE ${RANGE}`,
  )
  const count = db.prepare<[number]>('SELECT count(*) FROM copied')
  const number = db.prepare(
    `UPDATE copied SET new_key = ? + n.place
     FROM (SELECT old_key, row_number() OVER (ORDER BY old_key) - 1 AS place FROM copied) AS n
     WHERE n.old_key = copied.old_key`,
  )
  const insertMessages = db.prepare(
    `INSERT INTO message (message_id, body_id, entries, summary)
     SELECT ? * 4294967296 + new_key, body_id, 0, summary FROM ${ORIGINAL}`,
  )
  const insertThreads = db.prepare(
    `INSERT INTO message_thread (message_id, thread, original, own_key, root_key)
     SELECT ? * 4294967296 + new_key, coalesce(thread, m.message_id), coalesce(original, m.message_id), own_key, root_key
     FROM ${ORIGINAL} LEFT JOIN message_thread t ON t.message_id = m.message_id`,
  )
  const retainBodies = db.prepare(
    `UPDATE body SET refs = refs + more.count
     FROM (SELECT body_id, count(*) AS count FROM ${ORIGINAL} GROUP BY body_id) AS more
     WHERE body.body_id = more.body_id`,
  )
  const insertEntries = db.prepare(
    `INSERT INTO entry (account_id, mailbox_id, uid, mod_seq, flags, keywords, internal_date, saved_at, size_octets, message_key)
     SELECT ?, ?, ? + row_number() OVER (ORDER BY uid), ?, flags & ?, iif(?, keywords, ''), internal_date, ?, size_octets, new_key
     FROM entry JOIN copied ON old_key = message_key WHERE ${RANGE} ORDER BY uid`,
  )
  return {
    note({ accountId, mailboxId }, ranges) {
      forget.run()
      for (const { from, to } of ranges) noteRange.run(accountId, mailboxId, from, to)
      return count.get()?.[0] ?? 0
    },
    insertMessages(from, to, firstKey) {
      number.run(firstKey)
      insertMessages.run(to, from)
      insertThreads.run(to, from)
      retainBodies.run(from)
    },
    insertEntries: (to, values) => insertEntries.run(to, ...values),
  }
}
