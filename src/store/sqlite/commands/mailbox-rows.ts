/** What several commands do to rows of accounts and mailboxes. */
import { assert } from '../../../std/assert.ts'
import { KEYWORDS_PER_MAILBOX_MAX } from '../../../model/limits.ts'
import type { AccountId, MailboxId, MessageKey, ModSeq, Uid, UidValidity } from '../../../model/ids.ts'
import type { SpecialUse, UidRange } from '../../../model/mailbox.ts'
import type { Database } from '../database.ts'
import { keywordsOf } from '../flags.ts'

const UID_MAX = 4_294_967_295

export type MailboxRow = {
  readonly mailboxId: MailboxId
  readonly name: string
  readonly uidValidity: UidValidity
  readonly uidNext: number
}
export type AccountRow = {
  readonly quotaOctets: number | null
  readonly quotaMessages: number | null
  readonly usedOctets: number
  readonly usedMessages: number
  readonly address: string
}
/** What a change adds to the counts of a mailbox (and, where given, takes). */
export type Counts = { messages: number; unseen: number; deleted: number; octets: number }

const NOTHING_MORE = { octets: 0, messages: 0, keys: 0 }

export type MailboxRows = ReturnType<typeof mailboxRows>

export function mailboxRows(db: Database) {
  const selectAccount = db.prepare<[number | null, number, string, string, number, number | null]>(
    `SELECT quota_octets, used_octets, local_part, domain, used_messages, messages
     FROM account LEFT JOIN message_quota USING (account_id) WHERE account_id = ?`,
  )
  const COLUMNS = 'SELECT mailbox_id, name, uid_validity, uid_next FROM mailbox WHERE account_id = ?'
  const selectMailbox = db.prepare<[number, string, number, number]>(`${COLUMNS} AND mailbox_id = ?`)
  const selectByName = db.prepare<[number, string, number, number]>(`${COLUMNS} AND name = ?`)
  const selectBySpecialUse = db.prepare<[number, string, number, number]>(`${COLUMNS} AND special_use = ?`)
  const takeModSeq = db.prepare<[number, number]>(
    `UPDATE account SET mod_seq = mod_seq + 1, next_message_key = next_message_key + ?, used_octets = used_octets + ?,
       used_messages = used_messages + ?
     WHERE account_id = ? RETURNING mod_seq, next_message_key`,
  )
  const takeMailboxId = db.prepare<[number, number, number]>(
    `UPDATE account SET mod_seq = mod_seq + 1, next_mailbox_id = next_mailbox_id + 1,
       uid_validity = max(uid_validity + 1, ?)
     WHERE account_id = ? RETURNING mod_seq, next_mailbox_id - 1, uid_validity`,
  )
  const insertMailbox = db.prepare(
    `INSERT INTO mailbox (account_id, mailbox_id, name, special_use, uid_validity, highest_mod_seq)
     VALUES (?, ?, ?, ?, ?, ?)`,
  )
  const changeMailbox = db.prepare<[number]>(
    `UPDATE mailbox SET messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?,
       size_octets = size_octets + ?, uid_next = uid_next + ?, highest_mod_seq = ?
     WHERE account_id = ? AND mailbox_id = ? RETURNING uid_next`,
  )
  const changeFlagsModSeq = db.prepare('UPDATE mailbox SET flags_mod_seq = ? WHERE account_id = ? AND mailbox_id = ?')
  const insertSubscription = db.prepare(
    'INSERT INTO subscription (account_id, name) VALUES (?, ?) ON CONFLICT DO NOTHING',
  )
  const selectKeywords = db.prepare<[string, string]>(
    'SELECT name_key, name FROM keyword WHERE account_id = ? AND mailbox_id = ?',
  )
  const insertKeyword = db.prepare('INSERT INTO keyword (account_id, mailbox_id, name_key, name) VALUES (?, ?, ?, ?)')
  const deleteKeyword = db.prepare('DELETE FROM keyword WHERE account_id = ? AND mailbox_id = ? AND name_key = ?')
  const selectKeywordTexts = db.prepare<[string]>(
    `SELECT DISTINCT keywords FROM entry WHERE account_id = ? AND mailbox_id = ? AND keywords <> ''`,
  )

  const mailboxOf = (row: readonly [number, string, number, number] | undefined): MailboxRow | null =>
    row === undefined
      ? null
      : { mailboxId: row[0] as MailboxId, name: row[1], uidValidity: row[2] as UidValidity, uidNext: row[3] }

  /** Lower-case names in use, to their stored case. Forgets those that no entry has, when the table is full. */
  function knownKeywords(accountId: number, mailboxId: number, room: number): Map<string, string> {
    const known = new Map(selectKeywords.all(accountId, mailboxId))
    if (known.size + room <= KEYWORDS_PER_MAILBOX_MAX) return known
    const used = new Set<string>()
    for (const [text] of selectKeywordTexts.all(accountId, mailboxId)) {
      for (const keyword of keywordsOf(text)) used.add(keyword.toLowerCase())
    }
    for (const key of known.keys()) {
      if (used.has(key)) continue
      deleteKeyword.run(accountId, mailboxId, key)
      known.delete(key)
    }
    return known
  }

  return {
    account(accountId: AccountId): AccountRow | null {
      const row = selectAccount.get(accountId)
      if (row === undefined) return null
      const [quotaOctets, usedOctets, localPart, domain, usedMessages, quotaMessages] = row
      return { quotaOctets, quotaMessages, usedOctets, usedMessages, address: `${localPart}@${domain}` }
    },
    find: (accountId: AccountId, mailboxId: MailboxId) => mailboxOf(selectMailbox.get(accountId, mailboxId)),
    findByName: (accountId: AccountId, name: string) => mailboxOf(selectByName.get(accountId, name)),
    findBySpecialUse: (accountId: AccountId, use: SpecialUse) => mailboxOf(selectBySpecialUse.get(accountId, use)),

    create(accountId: AccountId, mailbox: { name: string; specialUse: SpecialUse | null; now: number }): MailboxRow {
      const { name, specialUse, now } = mailbox
      // Seconds, and always above the account's last: a name made anew gets a new value (RFC 9051 §2.3.1.1).
      const row = takeMailboxId.get(Math.max(1, Math.min(UID_MAX, Math.floor(now / 1000))), accountId)
      assert(row !== undefined, 'a mailbox is made in an account')
      const [modSeq, mailboxId, uidValidity] = row
      insertMailbox.run(accountId, mailboxId, name, specialUse, uidValidity, modSeq)
      return { mailboxId: mailboxId as MailboxId, name, uidValidity: uidValidity as UidValidity, uidNext: 1 }
    },
    subscribe(accountId: AccountId, name: string): void {
      insertSubscription.run(accountId, name)
    },

    /**
     * The account's next change (RFC 7162 §3.1), with what it adds to the account (or takes) and the keys it needs.
     * @returns its modSeq and the first of its keys
     */
    nextChange(
      accountId: AccountId,
      more: { octets: number; messages: number; keys: number } = NOTHING_MORE,
    ): { modSeq: ModSeq; firstKey: MessageKey } {
      const row = takeModSeq.get(more.keys, more.octets, more.messages, accountId)
      assert(row !== undefined, 'a change belongs to an account')
      assert(row[1] <= UID_MAX, 'message keys have run out')
      return { modSeq: row[0] as ModSeq, firstKey: (row[1] - more.keys) as MessageKey }
    },
    /** @returns the first of `newUids` uids */
    change(
      at: { accountId: AccountId; mailboxId: MailboxId; modSeq: ModSeq },
      counts: Counts,
      newUids: number,
    ): number {
      const { messages, unseen, deleted, octets } = counts
      const row = changeMailbox.get(messages, unseen, deleted, octets, newUids, at.modSeq, at.accountId, at.mailboxId)
      assert(row !== undefined && row[0] <= UID_MAX + 1, 'uids have run out')
      return row[0] - newUids
    },
    flagsChanged(at: { accountId: AccountId; mailboxId: MailboxId; modSeq: ModSeq }): void {
      changeFlagsModSeq.run(at.modSeq, at.accountId, at.mailboxId)
    },

    /** Those of the keywords that the mailbox knows, in its case. */
    existingKeywords(accountId: AccountId, mailboxId: MailboxId, keywords: readonly string[]): readonly string[] {
      if (keywords.length === 0) return keywords
      const known = new Map(selectKeywords.all(accountId, mailboxId))
      return keywords.map((keyword) => known.get(keyword.toLowerCase())).filter((keyword) => keyword !== undefined)
    },
    /** Keywords in the mailbox's case, new ones noted; null when that is one too many. */
    canonKeywords(accountId: AccountId, mailboxId: MailboxId, keywords: readonly string[]): readonly string[] | null {
      if (keywords.length === 0) return keywords
      if (keywords.length > KEYWORDS_PER_MAILBOX_MAX) return null
      const known = knownKeywords(accountId, mailboxId, keywords.length)
      const fresh = keywords.filter((keyword) => !known.has(keyword.toLowerCase()))
      if (known.size + fresh.length > KEYWORDS_PER_MAILBOX_MAX) return null
      for (const keyword of fresh) insertKeyword.run(accountId, mailboxId, keyword.toLowerCase(), keyword)
      return keywords.map((keyword) => known.get(keyword.toLowerCase()) ?? keyword)
    },
  }
}

/** Sorted, disjoint, below `uidNext`: what `*` and overlaps come to. */
export function plainRanges(ranges: readonly UidRange[], uidNext: number): { from: number; to: number }[] {
  const sorted = ranges
    .map(({ from, to }) => ({ from: Math.min(from, to), to: Math.min(Math.max(from, to), uidNext - 1) }))
    .filter(({ from, to }) => from <= to)
    .toSorted((a, b) => a.from - b.from)
  const plain: { from: number; to: number }[] = []
  for (const range of sorted) {
    const last = plain.at(-1)
    if (last !== undefined && range.from <= last.to + 1) last.to = Math.max(last.to, range.to)
    else plain.push(range)
  }
  return plain
}

/** Whether so much more is too much (RFC 9208 §5.1, §5.2). */
export const overQuota = (account: AccountRow, more: { octets: number; messages: number }): boolean =>
  (account.quotaOctets !== null && account.usedOctets + more.octets > account.quotaOctets) ||
  (account.quotaMessages !== null && account.usedMessages + more.messages > account.quotaMessages)

/** Reads a `json_group_array` of uids: a tenth of the time that rows take. */
export const uidsOf = (json: string): Uid[] => JSON.parse(json) as Uid[]
