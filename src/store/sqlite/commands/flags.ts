/** `setFlags`: one UPDATE for each range, however many messages it names. */
import type { ModSeq, Uid } from '../../../model/ids.ts'
import type { Flag } from '../../../model/mailbox.ts'
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
  const peekModSeq = db.prepare<[number]>('SELECT mod_seq + 1 FROM account WHERE account_id = ?')
  const decode = flagDecoder()

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
      // `+`: by uid, not by the index on mod_seq that the update moves entries about in.
      const where = `${RANGE} AND +mod_seq <= ? AND (${change.differs})`
      const before = db.cached<[number, number]>(
        `SELECT total((flags & ${SEEN}) = 0), total((flags & ${DELETED}) <> 0) FROM entry WHERE ${where}`,
      )
      const update = db.cached<[number, number, string]>(
        `UPDATE entry SET flags = ${change.bits}, keywords = ${change.keywords}, mod_seq = ?
         WHERE ${where} RETURNING uid, flags, keywords`,
      )
      const next = (peekModSeq.get(accountId)?.[0] ?? 0) as ModSeq
      const newest = unchangedSince ?? Number.MAX_SAFE_INTEGER
      const modified: Uid[] = []
      const changed: { uid: Uid; flags: readonly Flag[] }[] = []
      const counts = { messages: 0, unseen: 0, deleted: 0, octets: 0 }
      for (const { from, to } of plainRanges(uids, mailbox.uidNext)) {
        const range = [accountId, mailboxId, from, to] as const
        if (unchangedSince !== null) {
          for (const uid of uidsOf(selectModified.get(...range, unchangedSince)?.[0] ?? '[]')) modified.push(uid)
        }
        const [unseen, deleted] = before.get(...range, newest, ...change.differsValues) ?? [0, 0]
        counts.unseen -= unseen
        counts.deleted -= deleted
        for (const row of update.all(...change.newValues, next, ...range, newest, ...change.differsValues)) {
          if ((row[1] & SEEN) === 0) counts.unseen++
          if ((row[1] & DELETED) !== 0) counts.deleted++
          changed.push({ uid: row[0] as Uid, flags: decode(row[1], row[2]) })
        }
      }
      if (changed.length === 0) return { at: 'done', modSeq: null, changed, modified }
      const modSeq = rows.nextModSeq(accountId)
      rows.change({ accountId, mailboxId, modSeq }, counts, 0)
      work.mailboxChanged(accountId, mailboxId, modSeq)
      return { at: 'done', modSeq, changed, modified }
    },
  }
}
