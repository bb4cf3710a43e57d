/** Messages by their keys, wherever they lie: what the search index is made from, and asked with. */
import { READ_AT_ONCE_MAX_OCTETS, ROW_COST_OCTETS } from '../../../model/limits.ts'
import type { AccountId, MessageKey, ModSeq } from '../../../model/ids.ts'
import type { MailMark, MailReads } from '../../contract.ts'
import type { Database } from '../database.ts'
import { decodeSummary } from '../summary-codec.ts'
import type { Turns } from '../turns.ts'
import { messageId } from '../work.ts'

type ContentReads = Pick<MailReads, 'mailMarks' | 'contents' | 'messageKeys' | 'uidsOfMessages'>

const KEY_LIMIT = 4_294_967_296
/** A row that is only looked at costs this much less than one that is handed out. */
const LOOK_COST_OCTETS = ROW_COST_OCTETS / 32
const ROWS_AT_ONCE = READ_AT_ONCE_MAX_OCTETS / LOOK_COST_OCTETS
/** Decoding a summary. */
const SUMMARY_COST_OCTETS = 2 * ROW_COST_OCTETS

export function contentReads(db: Database, turns: Turns): ContentReads {
  const version = db.prepare<[number]>('PRAGMA data_version')
  const marks = db.prepare<[number, number, number, number]>(
    'SELECT account_id, next_message_key - 1, mod_seq, used_messages FROM account ORDER BY account_id',
  )
  const someContents = db.prepare<[number, string]>(
    `SELECT message_id, summary FROM message WHERE message_id > ? AND message_id < ? AND entries > 0
     ORDER BY message_id LIMIT ?`,
  )
  const someKeys = db.prepare<[string, number]>(
    `SELECT json_group_array(message_id % ${KEY_LIMIT}), max(message_id) FROM (SELECT message_id FROM message
     WHERE message_id > ? AND message_id < ? AND entries > 0 ORDER BY message_id LIMIT ${ROWS_AT_ONCE})`,
  )
  const lastOfSome = db.prepare<[number | null]>(
    `SELECT max(uid) FROM (SELECT uid FROM entry WHERE account_id = ? AND mailbox_id = ? AND uid > ?
     ORDER BY uid LIMIT ${ROWS_AT_ONCE})`,
  )
  const uidsAmong = db.prepare<[string]>(
    `SELECT json_group_array(uid) FROM (SELECT uid FROM entry
     WHERE account_id = ? AND mailbox_id = ? AND uid > ? AND uid <= ?
       AND (message_key > ? OR message_key IN (SELECT value FROM json_each(?))) ORDER BY uid)`,
  )
  let known: { version: number; marks: readonly MailMark[] } | null = null

  const numbersOf = (json: string | undefined): number[] => JSON.parse(json ?? '[]') as number[]

  return {
    async mailMarks() {
      const [now] = version.get() ?? [0]
      if (known?.version === now) return known.marks
      const read = marks.all().map(([accountId, lastKey, modSeq, messages]) => ({
        accountId: accountId as AccountId,
        lastKey: lastKey as MessageKey,
        modSeq: modSeq as ModSeq,
        messages,
      }))
      known = { version: now, marks: read }
      return read
    },
    async contents(accountId, after, limit) {
      const rows = someContents.all(messageId(accountId, after), messageId(accountId + 1, 0), limit)
      await turns.spend(rows.length * SUMMARY_COST_OCTETS)
      return rows.map(([id, summary]) => ({
        messageKey: (id % KEY_LIMIT) as MessageKey,
        summary: decodeSummary(summary),
      }))
    },
    async messageKeys(accountId) {
      const keys: number[] = []
      for (let after = messageId(accountId, 0); ;) {
        const [json, last] = someKeys.get(after, messageId(accountId + 1, 0)) ?? []
        const some = numbersOf(json)
        keys.push(...some)
        await turns.spend(some.length * LOOK_COST_OCTETS)
        if (some.length < ROWS_AT_ONCE || last === undefined) return Uint32Array.from(keys)
        after = last
      }
    },
    async uidsOfMessages(accountId, mailboxId, { above, keys }) {
      const wanted = JSON.stringify([...keys])
      const uids: number[] = []
      for (let after = 0; ;) {
        const [last = null] = lastOfSome.get(accountId, mailboxId, after) ?? []
        if (last === null) return Uint32Array.from(uids)
        uids.push(...numbersOf(uidsAmong.get(accountId, mailboxId, after, last, above, wanted)?.[0]))
        await turns.spend(ROWS_AT_ONCE * LOOK_COST_OCTETS)
        after = last
      }
    },
  }
}
