/** How much accounts send, and may send. */
import { SENDING_WINDOW_HOURS } from '../../../model/limits.ts'
import type { SentBy } from '../../contract.ts'
import type { Database } from '../database.ts'
import type { Handlers } from '../work.ts'

export function sendingHandlers(db: Database): Handlers<'setSendingLimit'> {
  const hasAccount = db.prepare<[number]>('SELECT 1 FROM account WHERE account_id = ?')
  const keep = db.prepare('INSERT OR REPLACE INTO sending_limit (account_id, messages, recipients) VALUES (?, ?, ?)')
  const drop = db.prepare('DELETE FROM sending_limit WHERE account_id = ?')
  return {
    setSendingLimit({ accountId, limit }) {
      if (hasAccount.get(accountId) === undefined) return { at: 'not-found' }
      if (limit === null) drop.run(accountId)
      else keep.run(accountId, limit.messages, limit.recipients)
      return { at: 'done' }
    },
  }
}

/** @returns false, and counts nothing, when it would be too much, or the account is gone */
export function sendingCount(db: Database): (sent: SentBy) => boolean {
  const hasAccount = db.prepare<[number]>('SELECT 1 FROM account WHERE account_id = ?')
  const own = db.prepare<[messages: number, recipients: number]>(
    'SELECT messages, recipients FROM sending_limit WHERE account_id = ?',
  )
  const sum = db.prepare<[messages: number, recipients: number]>(
    `SELECT coalesce(sum(messages), 0), coalesce(sum(recipients), 0) FROM sent
     WHERE account_id = ? AND hour BETWEEN ? AND ?`,
  )
  const add = db.prepare(
    `INSERT INTO sent (account_id, hour, messages, recipients) VALUES (?, ?, 1, ?)
     ON CONFLICT DO UPDATE SET messages = messages + 1, recipients = recipients + excluded.recipients`,
  )
  const forget = db.prepare('DELETE FROM sent WHERE account_id = ? AND hour <= ?')
  return ({ accountId, hour, recipients, usual }) => {
    if (hasAccount.get(accountId) === undefined) return false
    const [messagesMax, recipientsMax] = own.get(accountId) ?? [usual.messages, usual.recipients]
    const [messages, others] = sum.get(accountId, hour - SENDING_WINDOW_HOURS + 1, hour) ?? [0, 0]
    if (messages + 1 > messagesMax || others + recipients > recipientsMax) return false
    add.run(accountId, hour, recipients)
    forget.run(accountId, hour - SENDING_WINDOW_HOURS)
    return true
  }
}
