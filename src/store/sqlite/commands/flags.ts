/** `setFlags`: one UPDATE for each range, however many messages it names. */
import { assert } from '../../../std/assert.ts'
import type { ModSeq, Uid } from '../../../model/ids.ts'
import type { Database, SqlValue } from '../database.ts'
import { DELETED, flagDecoder, joinKeywords, keywordToken, SEEN, splitFlags } from '../flags.ts'
import type { Handlers } from '../work.ts'
import { type MailboxRows, plainRanges, uidsOf } from './mailbox-rows.ts'

/** SQL for the new flags, and for whether they differ from the old, with the values each binds. */
type Change = {
  readonly bits: string
  readonly keywords: string
  readonly newValues: readonly SqlValue[]
  readonly differs: string
  readonly differsValues: readonly SqlValue[]
}

function changeFor(mode: 'add' | 'remove' | 'replace', bits: number, keywords: readonly string[]): Change {
  const tokens = keywords.map(keywordToken)
  switch (mode) {
    case 'add':
      return {
        bits: '(flags | ?)',
        keywords: ['keywords', ...tokens.map(() => `iif(instr(keywords, ?), '', ?)`)].join(' || '),
        newValues: [bits, ...tokens.flatMap((token) => [token, token])],
        differs: ['(flags | ?) <> flags', ...tokens.map(() => 'instr(keywords, ?) = 0')].join(' OR '),
        differsValues: [bits, ...tokens],
      }
    case 'remove':
      return {
        bits: '(flags & ~?)',
        keywords: tokens.reduce((inner) => `replace(${inner}, ?, '')`, 'keywords'),
        newValues: [bits, ...tokens],
        differs: ['(flags & ?) <> 0', ...tokens.map(() => 'instr(keywords, ?) <> 0')].join(' OR '),
        differsValues: [bits, ...tokens],
      }
    case 'replace': {
      const text = joinKeywords(keywords)
      return {
        bits: '?',
        keywords: '?',
        newValues: [bits, text],
        // Keywords have no order: the same length and all of them is the same set.
        differs: ['flags <> ?', 'length(keywords) <> length(?)', ...tokens.map(() => 'instr(keywords, ?) = 0')].join(
          ' OR ',
        ),
        differsValues: [bits, text, ...tokens],
      }
    }
  }
}

export function flagHandlers(db: Database, rows: MailboxRows): Handlers<'setFlags'> {
  const RANGE = 'account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?'
  const selectModified = db.prepare<[string]>(
    `SELECT json_group_array(uid) FROM (SELECT uid FROM entry WHERE ${RANGE} AND mod_seq > ? ORDER BY uid)`,
  )
  const selectChanged = db.prepare<[string, string, string]>(
    `SELECT json_group_array(uid), json_group_array(flags), json_group_array(keywords)
     FROM (SELECT uid, flags, keywords FROM entry WHERE ${RANGE} AND mod_seq = ? ORDER BY uid)`,
  )
  const peekModSeq = db.prepare<[number]>('SELECT mod_seq + 1 FROM account WHERE account_id = ?')
  const decode = flagDecoder()

  /** Entries with this modSeq, which only the change at hand can have given them. */
  function changedBy(at: { accountId: number; mailboxId: number; modSeq: number }, span: readonly [number, number]) {
    const row = selectChanged.get(at.accountId, at.mailboxId, ...span, at.modSeq)
    assert(row !== undefined, 'an aggregate has a row')
    const [uids, bits, keywords] = row.map((text) => JSON.parse(text) as unknown) as [Uid[], number[], string[]]
    return uids.map((uid, i) => ({ uid, bits: bits[i] ?? 0, keywords: keywords[i] ?? '' }))
  }

  return {
    setFlags({ accountId, mailboxId, uids, mode, flags, unchangedSince }, work) {
      const mailbox = rows.find(accountId, mailboxId)
      if (mailbox === null) return { at: 'not-found' }
      const { bits, keywords } = splitFlags(flags)
      const canon =
        mode === 'remove'
          ? rows.existingKeywords(accountId, mailboxId, keywords)
          : rows.canonKeywords(accountId, mailboxId, keywords)
      if (canon === null) return { at: 'too-many-keywords' }

      const change = changeFor(mode, bits, canon)
      const where = `${RANGE} AND mod_seq <= ? AND (${change.differs})`
      const before = db.cached<[number, number]>(
        `SELECT total((flags & ${SEEN}) = 0), total((flags & ${DELETED}) <> 0) FROM entry WHERE ${where}`,
      )
      const update = db.cached(
        `UPDATE entry SET flags = ${change.bits}, keywords = ${change.keywords}, mod_seq = ? WHERE ${where}`,
      )
      const next = (peekModSeq.get(accountId)?.[0] ?? 0) as ModSeq
      const newest = unchangedSince ?? Number.MAX_SAFE_INTEGER
      const modified: Uid[] = []
      const counts = { messages: 0, unseen: 0, deleted: 0, octets: 0 }
      const ranges = plainRanges(uids, mailbox.uidNext)
      let touched = 0
      for (const { from, to } of ranges) {
        const range = [accountId, mailboxId, from, to] as const
        if (unchangedSince !== null) {
          for (const uid of uidsOf(selectModified.get(...range, unchangedSince)?.[0] ?? '[]')) modified.push(uid)
        }
        const [unseen, deleted] = before.get(...range, newest, ...change.differsValues) ?? [0, 0]
        counts.unseen -= unseen
        counts.deleted -= deleted
        touched += update.run(...change.newValues, next, ...range, newest, ...change.differsValues)
      }
      const [first, last] = [ranges[0], ranges.at(-1)]
      if (touched === 0 || first === undefined || last === undefined) {
        return { at: 'done', modSeq: null, changed: [], modified }
      }
      const { modSeq } = rows.nextChange(accountId)
      assert(modSeq === next, 'one command changes an account at a time')
      const changed = changedBy({ accountId, mailboxId, modSeq }, [first.from, last.to]).map((entry) => {
        if ((entry.bits & SEEN) === 0) counts.unseen++
        if ((entry.bits & DELETED) !== 0) counts.deleted++
        return { uid: entry.uid, flags: decode(entry.bits, entry.keywords) }
      })
      assert(changed.length === touched, 'what changed is what was touched')
      rows.change({ accountId, mailboxId, modSeq }, counts, 0)
      rows.flagsChanged({ accountId, mailboxId, modSeq })
      work.mailboxChanged(accountId, mailboxId, modSeq)
      return { at: 'done', modSeq, changed, modified }
    },
  }
}
