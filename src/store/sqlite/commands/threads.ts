/** The thread of a message that comes in; never changed afterwards (RFC 8474 §5.2). */
import type { AccountId } from '../../../model/ids.ts'
import type { Database } from '../database.ts'
import type { ThreadKeys } from '../thread-key.ts'
import { messageId } from '../work.ts'

export type ThreadRows = { note(accountId: AccountId, messageKey: number, keys: ThreadKeys): void }

export function threadRows(db: Database): ThreadRows {
  const byOwn = db.prepare<[number]>(
    'SELECT thread FROM message_thread WHERE message_id >> 32 = ? AND own_key = ? LIMIT 1',
  )
  const byRoot = db.prepare<[number]>(
    'SELECT thread FROM message_thread WHERE message_id >> 32 = ? AND root_key = ? LIMIT 1',
  )
  const insert = db.prepare(
    'INSERT INTO message_thread (message_id, thread, original, own_key, root_key) VALUES (?, ?, ?, ?, ?)',
  )

  /** Letters that it refers to; others that refer to the same, or to this one, and came first. */
  function threadOf(accountId: AccountId, { own, references }: ThreadKeys): number | null {
    for (const key of references) {
      const found = byOwn.get(accountId, key) ?? byRoot.get(accountId, key)
      if (found !== undefined) return found[0]
    }
    return own === null ? null : ((byOwn.get(accountId, own) ?? byRoot.get(accountId, own))?.[0] ?? null)
  }

  return {
    note(accountId, messageKey, keys) {
      const id = messageId(accountId, messageKey)
      insert.run(id, threadOf(accountId, keys) ?? id, id, keys.own, keys.references[0] ?? null)
    },
  }
}
