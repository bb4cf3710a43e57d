/** `copy`, `move`, `expunge`: a few statements for each range, however many messages it names. */
import { assert } from '../../../std/assert.ts'
import type { AccountId, MailboxId, ModSeq, Uid } from '../../../model/ids.ts'
import type { FlagClasses } from '../../../model/rights.ts'
import type { TransferInput } from '../../contract.ts'
import type { Database, SqlValue, Statement } from '../database.ts'
import { DELETED, keywordsOf, keywordToken, maskOf, SEEN } from '../flags.ts'
import type { Handlers, Work } from '../work.ts'
import { type Counts, type MailboxRow, type MailboxRows, overQuota, plainRanges, uidsOf } from './mailbox-rows.ts'
import { messageCopies } from './message-copies.ts'

const RANGE = 'account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?'
const RANGE_DELETED = `${RANGE} AND (flags & ${DELETED}) <> 0`

type Taken = { readonly uids: Uid[]; readonly counts: Counts }
/** Statements over one range of a mailbox, all entries or those with \Deleted. */
type RangeStatements = {
  readonly describe: Statement<[uids: string, unseen: number, deleted: number, octets: number]>
  readonly release: Statement
  readonly remove: Statement
}
export type Remover = {
  /** Takes entries out of a mailbox and leaves tombstones; counts of the mailbox follow. */
  remove(at: Place, ranges: readonly PlainRange[], taken: Taken): void
}
type Place = { readonly accountId: AccountId; readonly mailboxId: MailboxId; readonly modSeq: ModSeq }
type PlainRange = { readonly from: number; readonly to: number }

const ALL_FLAGS: FlagClasses = { seen: true, deleted: true, others: true }

/** Without flags that do not go along. */
const keptCounts = (counts: Counts, { seen, deleted }: FlagClasses): Counts => ({
  ...counts,
  unseen: seen ? counts.unseen : counts.messages,
  deleted: deleted ? counts.deleted : 0,
})

const negative = ({ messages, unseen, deleted, octets }: Counts): Counts => ({
  messages: -messages,
  unseen: -unseen,
  deleted: -deleted,
  octets: -octets,
})

export function rangeStatements(db: Database, where: string): RangeStatements {
  return {
    describe: db.prepare(
      `SELECT json_group_array(uid), total((flags & ${SEEN}) = 0), total((flags & ${DELETED}) <> 0), total(size_octets)
       FROM (SELECT uid, flags, size_octets FROM entry WHERE ${where} ORDER BY uid)`,
    ),
    release: db.prepare(
      `UPDATE message SET entries = entries - gone.count
       FROM (SELECT account_id * 4294967296 + message_key AS id, count(*) AS count FROM entry WHERE ${where} GROUP BY 1) AS gone
       WHERE message.message_id = gone.id`,
    ),
    remove: db.prepare(`DELETE FROM entry WHERE ${where}`),
  }
}

export function transferHandlers(
  db: Database,
  rows: MailboxRows,
): Handlers<'copy' | 'move' | 'expunge'> & Transfer & Removal {
  const all = rangeStatements(db, RANGE)
  const deletedOnes = rangeStatements(db, RANGE_DELETED)
  const insertTombstone = db.prepare(
    'INSERT INTO expunged (account_id, mailbox_id, mod_seq, first_uid, last_uid) VALUES (?, ?, ?, ?, ?)',
  )
  const insertCopies = db.prepare(
    `INSERT INTO entry (account_id, mailbox_id, uid, mod_seq, flags, keywords, internal_date, saved_at, size_octets, message_key)
     SELECT account_id, ?, ? + row_number() OVER (ORDER BY uid), ?, flags & ?, iif(?, keywords, ''), internal_date, ?,
       size_octets, message_key
     FROM entry WHERE ${RANGE} ORDER BY uid`,
  )
  const copies = messageCopies(db)
  const retain = db.prepare(
    `UPDATE message SET entries = entries + more.count
     FROM (SELECT account_id * 4294967296 + message_key AS id, count(*) AS count FROM entry WHERE ${RANGE} GROUP BY 1) AS more
     WHERE message.message_id = more.id`,
  )
  const selectKeywordTexts = db.prepare<[string]>(
    `SELECT DISTINCT keywords FROM entry WHERE ${RANGE} AND keywords <> ''`,
  )

  function describe(statements: RangeStatements, at: Omit<Place, 'modSeq'>, ranges: readonly PlainRange[]): Taken {
    const uids: Uid[] = []
    const counts = { messages: 0, unseen: 0, deleted: 0, octets: 0 }
    for (const { from, to } of ranges) {
      const row = statements.describe.get(at.accountId, at.mailboxId, from, to)
      assert(row !== undefined, 'an aggregate has a row')
      for (const uid of uidsOf(row[0])) uids.push(uid)
      counts.unseen += row[1]
      counts.deleted += row[2]
      counts.octets += row[3]
    }
    counts.messages = uids.length
    return { uids, counts }
  }

  function leaveTombstones({ accountId, mailboxId, modSeq }: Place, uids: readonly Uid[]): void {
    for (let i = 0; i < uids.length;) {
      const first = uids[i] ?? 0
      let run = 1
      while (uids[i + run] === first + run) run++
      insertTombstone.run(accountId, mailboxId, modSeq, first, first + run - 1)
      i += run
    }
  }

  function remove(statements: RangeStatements, at: Place, ranges: readonly PlainRange[], taken: Taken): void {
    for (const { from, to } of ranges) statements.remove.run(at.accountId, at.mailboxId, from, to)
    leaveTombstones(at, taken.uids)
    rows.change(at, negative(taken.counts), 0)
  }

  /** Keywords of the copied entries, made known to the target. @returns spellings that differ there, or null: too many */
  function carryKeywords(
    from: Omit<Place, 'modSeq'>,
    to: Omit<Place, 'modSeq'>,
    ranges: readonly PlainRange[],
  ): (readonly [string, string])[] | null {
    const names = new Set<string>()
    for (const range of ranges) {
      for (const [text] of selectKeywordTexts.all(from.accountId, from.mailboxId, range.from, range.to)) {
        for (const name of keywordsOf(text)) names.add(name)
      }
    }
    const list = [...names]
    const canon = rows.canonKeywords(to.accountId, to.mailboxId, list)
    if (canon === null) return null
    return list.map((name, i) => [name, canon[i] ?? name] as const).filter(([name, there]) => name !== there)
  }

  /** @returns the first new uid */
  function insert(
    from: Omit<Place, 'modSeq'>,
    to: { accountId: AccountId; mailbox: MailboxRow; modSeq: ModSeq; now: number; keeps: FlagClasses },
    ranges: readonly PlainRange[],
    taken: Taken,
    respelled: readonly (readonly [string, string])[],
  ): number {
    const { accountId } = to
    const { mailboxId } = to.mailbox
    const counts = keptCounts(taken.counts, to.keeps)
    const first = rows.change({ accountId, mailboxId, modSeq: to.modSeq }, counts, taken.uids.length)
    let base = first - 1 // row_number() begins at 1.
    for (const range of ranges) {
      const kept = [maskOf(to.keeps), to.keeps.others ? 1 : 0] as const
      const source = [from.accountId, from.mailboxId, range.from, range.to] as const
      base +=
        accountId === from.accountId
          ? insertCopies.run(mailboxId, base, to.modSeq, ...kept, to.now, ...source)
          : copies.insertEntries(accountId, [mailboxId, base, to.modSeq, ...kept, to.now, ...source])
    }
    assert(base === first - 1 + taken.uids.length, 'as many copies as sources')
    if (respelled.length > 0) {
      const nested = respelled.reduce((inner) => `replace(${inner}, ?, ?)`, 'keywords')
      const spellings: SqlValue[] = respelled.flatMap(([name, there]) => [keywordToken(name), keywordToken(there)])
      db.cached(`UPDATE entry SET keywords = ${nested} WHERE ${RANGE}`).run(
        ...spellings,
        accountId,
        mailboxId,
        first,
        base,
      )
    }
    return first
  }

  function transfer(input: TransferInput, work: Work, kind: 'copy' | 'move') {
    const { accountId, to, toAccountId = accountId, now, keeps = ALL_FLAGS } = input
    const source = rows.find(accountId, input.from)
    const target = rows.find(toAccountId, to)
    const account = rows.account(toAccountId)
    if (source === null || target === null || account === null) return { at: 'not-found' as const }
    const from = { accountId, mailboxId: source.mailboxId }
    const ranges = plainRanges(input.uids, source.uidNext)
    const taken = describe(all, from, ranges)
    const { uidValidity } = target
    if (taken.uids.length === 0) return { at: 'done' as const, uidValidity, sources: [], uids: [] }
    const isForeign = toAccountId !== accountId
    const added = { octets: taken.counts.octets, messages: taken.uids.length }
    if ((kind === 'copy' || isForeign) && overQuota(account, added)) return { at: 'over-quota' as const }
    const place = { accountId: toAccountId, mailboxId: to }
    const respelled = keeps.others ? carryKeywords(from, place, ranges) : []
    if (respelled === null) return { at: 'too-many-keywords' as const }

    const keys = isForeign ? copies.note(from, ranges) : 0
    const { modSeq, firstKey } =
      kind === 'copy' || isForeign ? rows.nextChange(toAccountId, { ...added, keys }) : rows.nextChange(toAccountId)
    if (isForeign) copies.insertMessages(accountId, toAccountId, firstKey)
    const first = insert(
      from,
      { accountId: toAccountId, mailbox: target, modSeq, now, keeps },
      ranges,
      taken,
      respelled,
    )
    // Over the new entries: in the same mailbox they lie outside the ranges.
    if (kind === 'copy' || isForeign) retain.run(toAccountId, to, first, first + taken.uids.length - 1)
    if (kind === 'move') {
      const gone = isForeign
        ? rows.nextChange(accountId, { octets: -added.octets, messages: -added.messages, keys: 0 })
        : { modSeq }
      if (isForeign) {
        for (const range of ranges) all.release.run(accountId, from.mailboxId, range.from, range.to)
        work.dropped()
      }
      remove(all, { ...from, modSeq: gone.modSeq }, ranges, taken)
      work.mailboxChanged(accountId, from.mailboxId, gone.modSeq)
    }
    work.mailboxChanged(toAccountId, to, modSeq)
    const uids = taken.uids.map((_, i) => (first + i) as Uid)
    return { at: 'done' as const, uidValidity, sources: taken.uids, uids }
  }

  return {
    copy: (input, work) => transfer(input, work, 'copy'),
    move: (input, work) => transfer(input, work, 'move'),
    expunge({ accountId, mailboxId, uids, deletedOnly }, work) {
      const mailbox = rows.find(accountId, mailboxId)
      if (mailbox === null) return { at: 'not-found' }
      const statements = deletedOnly ? deletedOnes : all
      const ranges = plainRanges(uids, mailbox.uidNext)
      const taken = describe(statements, { accountId, mailboxId }, ranges)
      if (taken.uids.length === 0) return { at: 'done', modSeq: null, uids: [] }
      const { modSeq } = rows.nextChange(accountId, {
        octets: -taken.counts.octets,
        messages: -taken.uids.length,
        keys: 0,
      })
      for (const { from, to } of ranges) statements.release.run(accountId, mailboxId, from, to)
      remove(statements, { accountId, mailboxId, modSeq }, ranges, taken)
      work.dropped()
      work.mailboxChanged(accountId, mailboxId, modSeq)
      return { at: 'done', modSeq, uids: taken.uids }
    },
    transfer,
    weigh(at, uid) {
      const { uids, counts } = describe(all, at, [{ from: uid, to: uid }])
      return uids.length === 0 ? null : counts.octets
    },
    takeOut(at, uid, work) {
      const ranges = [{ from: uid, to: uid }]
      const taken = describe(all, at, ranges)
      all.release.run(at.accountId, at.mailboxId, uid, uid)
      remove(all, at, ranges, taken)
      work.dropped()
      work.mailboxChanged(at.accountId, at.mailboxId, at.modSeq)
    },
  }
}

/** For an append that replaces a message: one entry goes, within the change that brings the other. */
export type Removal = {
  /** @returns its octets, or null: it is gone already */
  weigh(at: Omit<Place, 'modSeq'>, uid: Uid): number | null
  takeOut(at: Place, uid: Uid, work: Work): void
}

/** For RENAME of INBOX, which is a move of everything. */
export type Transfer = {
  transfer(
    input: TransferInput,
    work: Work,
    kind: 'copy' | 'move',
  ): { readonly at: 'done' | 'not-found' | 'over-quota' | 'too-many-keywords' }
}
