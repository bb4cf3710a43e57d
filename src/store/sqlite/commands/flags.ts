/** `setFlags`: one UPDATE for each range, however many messages it names. */
import { assert } from '../../../std/assert.ts'
import type { ModSeq, Uid } from '../../../model/ids.ts'
import type { Flag } from '../../../model/mailbox.ts'
import { type FlagClasses, isFlagIn } from '../../../model/rights.ts'
import type { Database, SqlValue } from '../database.ts'
import { DELETED, flagDecoder, joinKeywords, keywordToken, maskOf, SEEN, splitFlags } from '../flags.ts'
import type { Handlers } from '../work.ts'
import { type MailboxRows, plainRanges, uidsOf } from './mailbox-rows.ts'

/** Flags are below this (flags.ts); with it a uid, of 32 bits, stays a safe integer. */
const FLAGS_END = 32

/** SQL for the new flags, and for whether they differ from the old, with the values each binds. */
type Change = {
  readonly bits: string
  readonly keywords: string
  readonly newValues: readonly SqlValue[]
  readonly differs: string
  readonly differsValues: readonly SqlValue[]
}

/** A flag of another kind stays as it is. */
function replaceOnly(bits: number, keywords: readonly string[], only: FlagClasses): Change {
  const mask = maskOf(only)
  const newBits = '((flags & ~?) | ?)'
  if (!only.others) {
    const differs = `${newBits} <> flags`
    const values = [mask, bits & mask]
    return { bits: newBits, keywords: 'keywords', newValues: values, differs, differsValues: values }
  }
  const whole = changeFor('replace', bits, keywords, null)
  const [, text] = whole.newValues
  return {
    bits: newBits,
    keywords: '?',
    newValues: [mask, bits & mask, text!],
    differs: whole.differs.replace('flags <> ?', `${newBits} <> flags`),
    differsValues: [mask, bits & mask, ...whole.differsValues.slice(1)],
  }
}

function changeFor(
  mode: 'add' | 'remove' | 'replace',
  bits: number,
  keywords: readonly string[],
  only: FlagClasses | null,
): Change {
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
      if (only !== null) return replaceOnly(bits, keywords, only)
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
  // A uid with its flags as one number: half the text of two arrays. Most mailboxes have no keywords to be read.
  const selectChanged = db.prepare<[uidsWithFlags: string, lastKeywords: string | null]>(
    `SELECT json_group_array(uid * ${FLAGS_END} + flags), max(keywords)
     FROM (SELECT uid, flags, keywords FROM entry WHERE ${RANGE} AND mod_seq = ? ORDER BY uid)`,
  )
  const selectChangedKeywords = db.prepare<[string]>(
    `SELECT json_group_array(keywords) FROM (SELECT keywords FROM entry WHERE ${RANGE} AND mod_seq = ? ORDER BY uid)`,
  )
  const peekModSeq = db.prepare<[number]>('SELECT mod_seq + 1 FROM account WHERE account_id = ?')
  const decode = flagDecoder()

  type Tally = { unseen: number; deleted: number }

  /** Entries with this modSeq, which only the change at hand can have given them; they are added to the tally. */
  function changedBy(
    at: { accountId: number; mailboxId: number; modSeq: number },
    span: readonly [number, number],
    tally: Tally,
  ): { uid: Uid; flags: readonly Flag[] }[] {
    const where = [at.accountId, at.mailboxId, ...span, at.modSeq] as const
    const [text, lastKeywords] = selectChanged.get(...where) ?? ['[]', null]
    const hasKeywords = lastKeywords !== null && lastKeywords !== ''
    const keywords = hasKeywords ? (JSON.parse(selectChangedKeywords.get(...where)?.[0] ?? '[]') as string[]) : null
    return (JSON.parse(text) as number[]).map((both, i) => {
      const bits = both % FLAGS_END
      if ((bits & SEEN) === 0) tally.unseen++
      if ((bits & DELETED) !== 0) tally.deleted++
      return { uid: ((both - bits) / FLAGS_END) as Uid, flags: decode(bits, keywords?.[i] ?? '') }
    })
  }

  return {
    setFlags({ accountId, mailboxId, uids, mode, flags: named, unchangedSince, only }, work) {
      const mailbox = rows.find(accountId, mailboxId)
      if (mailbox === null) return { at: 'not-found' }
      const flags = only === undefined ? named : named.filter((flag) => isFlagIn(flag, only))
      const { bits, keywords } = splitFlags(flags)
      const canon =
        mode === 'remove'
          ? rows.existingKeywords(accountId, mailboxId, keywords)
          : rows.canonKeywords(accountId, mailboxId, keywords)
      if (canon === null) return { at: 'too-many-keywords' }

      const change = changeFor(mode, bits, canon, only ?? null)
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
      /** Whether the mailbox's counters can change. */
      const isCounted = mode === 'replace' || (bits & (SEEN | DELETED)) !== 0
      const ranges = plainRanges(uids, mailbox.uidNext)
      let touched = 0
      for (const { from, to } of ranges) {
        const range = [accountId, mailboxId, from, to] as const
        if (unchangedSince !== null) {
          for (const uid of uidsOf(selectModified.get(...range, unchangedSince)?.[0] ?? '[]')) modified.push(uid)
        }
        if (isCounted) {
          const [unseen, deleted] = before.get(...range, newest, ...change.differsValues) ?? [0, 0]
          counts.unseen -= unseen
          counts.deleted -= deleted
        }
        touched += update.run(...change.newValues, next, ...range, newest, ...change.differsValues)
      }
      const [first, last] = [ranges[0], ranges.at(-1)]
      if (touched === 0 || first === undefined || last === undefined) {
        return { at: 'done', modSeq: null, changed: [], modified }
      }
      const { modSeq } = rows.nextChange(accountId)
      assert(modSeq === next, 'one command changes an account at a time')
      const tally = isCounted ? counts : { unseen: 0, deleted: 0 }
      const changed = changedBy({ accountId, mailboxId, modSeq }, [first.from, last.to], tally)
      assert(changed.length === touched, 'what changed is what was touched')
      rows.change({ accountId, mailboxId, modSeq }, counts, 0)
      rows.flagsChanged({ accountId, mailboxId, modSeq })
      work.mailboxChanged(accountId, mailboxId, modSeq)
      return { at: 'done', modSeq, changed, modified }
    },
  }
}
