/** Mailboxes, entries and bodies, read. Lists come in batches; each batch is one snapshot. */
import { ENTRIES_PER_BATCH, FLAG_ROWS_PER_BATCH, ROW_COST_OCTETS } from '../../../model/limits.ts'
import type { MailboxId, MessageKey, ModSeq, Uid, UidValidity } from '../../../model/ids.ts'
import type { MailboxEntry, MailboxInfo, SpecialUse, UidRange } from '../../../model/mailbox.ts'
import { type FlagRow, type MailReads, type SortRow, type StoredMessage, StoreError } from '../../contract.ts'
import type { BodyReader } from '../bodies.ts'
import { plainRanges } from '../commands/mailbox-rows.ts'
import type { Database, SqlValue, Statement } from '../database.ts'
import { flagDecoder } from '../flags.ts'
import { decodeSummary, sortKeysFrom } from '../summary-codec.ts'
import { messageId } from '../work.ts'
import { contentReads } from './content.ts'
import { objectReads } from './objects.ts'

type MailboxRow = [
  mailboxId: number,
  name: string,
  specialUse: string | null,
  subscribed: number,
  uidValidity: number,
  uidNext: number,
  highestModSeq: number,
  messages: number,
  unseen: number,
  deleted: number,
  sizeOctets: number,
]
type EntryRow = [
  uid: number,
  modSeq: number,
  flags: number,
  keywords: string,
  internalDate: number,
  savedAt: number,
  sizeOctets: number,
  messageKey: number,
]
type MessageRow = [...EntryRow, summary: string]
export type BodyRow = [bodyId: number, segmentId: number, offset: number, length: number, crc32: number]

type PlainRange = { readonly from: number; readonly to: number }
/** Entries with a modSeq above `since` and not above `until`. */
type Wanted = { readonly ranges: readonly PlainRange[]; readonly since: number; readonly until: number }

const UIDS_PER_BATCH = 100_000
/** Flags of the system, as one number below this. */
const FLAG_BITS = 32
/** Lists of uids that are remembered, for as long as a session holds them. */
const LISTS_MAX = 1000
const UID_LIMIT = 4_294_967_296

const mailboxOf = (row: MailboxRow): MailboxInfo => ({
  mailboxId: row[0] as MailboxId,
  name: row[1],
  specialUse: row[2] as SpecialUse | null,
  subscribed: row[3] === 1,
  uidValidity: row[4] as UidValidity,
  uidNext: row[5] as Uid,
  highestModSeq: row[6] as ModSeq,
  messages: row[7],
  unseen: row[8],
  deleted: row[9],
  sizeOctets: row[10],
})

// Async in signature: what a statement throws becomes a rejection.
export function mailReads(db: Database, bodies: BodyReader): MailReads {
  const MAILBOX = `SELECT mailbox_id, name, special_use,
      EXISTS (SELECT 1 FROM subscription s WHERE s.account_id = mailbox.account_id AND s.name = mailbox.name),
      uid_validity, uid_next, highest_mod_seq, messages, unseen, deleted, size_octets
    FROM mailbox WHERE account_id = ?`
  const allMailboxes = db.prepare<MailboxRow>(`${MAILBOX} ORDER BY name <> 'INBOX', name`)
  const oneMailbox = db.prepare<MailboxRow>(`${MAILBOX} AND mailbox_id = ?`)
  const mailboxNamed = db.prepare<MailboxRow>(`${MAILBOX} AND name = ?`)
  const allSubscriptions = db.prepare<[string]>('SELECT name FROM subscription WHERE account_id = ? ORDER BY name')
  const someUids = db.prepare<[string]>(
    `SELECT json_group_array(uid) FROM (SELECT uid FROM entry WHERE account_id = ? AND mailbox_id = ? AND uid > ?
     ORDER BY uid LIMIT ${UIDS_PER_BATCH})`,
  )
  const stateOf = db.prepare<[highestModSeq: number, uidValidity: number]>(
    'SELECT highest_mod_seq, uid_validity FROM mailbox WHERE account_id = ? AND mailbox_id = ?',
  )
  const newest = db.prepare<[all: number, flags: number]>(
    'SELECT highest_mod_seq, flags_mod_seq FROM mailbox WHERE account_id = ? AND mailbox_id = ?',
  )
  const ENTRY = 'uid, mod_seq, flags, keywords, internal_date, saved_at, size_octets, message_key'
  const RANGE = 'account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?'
  const IN_ORDER = `ORDER BY uid LIMIT ${ENTRIES_PER_BATCH}`
  const WITH_SUMMARY = 'entry JOIN message ON message_id = account_id * 4294967296 + message_key'
  const someEntries = db.prepare<EntryRow>(
    `SELECT ${ENTRY} FROM entry WHERE ${RANGE} AND mod_seq > ? AND mod_seq <= ? ${IN_ORDER}`,
  )
  const someMessages = db.prepare<MessageRow>(
    `SELECT ${ENTRY}, summary FROM ${WITH_SUMMARY} WHERE ${RANGE} AND mod_seq > ? AND mod_seq <= ? ${IN_ORDER}`,
  )
  // One text for a batch: as rows it would cost three times as much. Few messages have keywords.
  const someFlags = db.prepare<[packed: string, keywords: string]>(
    `SELECT json_group_array(uid * ${FLAG_BITS} + flags),
        json_group_object(CAST(uid AS TEXT), keywords) FILTER (WHERE keywords <> '')
      FROM (SELECT uid, flags, keywords FROM entry WHERE ${RANGE} ORDER BY uid LIMIT ${FLAG_ROWS_PER_BATCH})`,
  )
  // One text for a batch: it costs half of what its rows would.
  const someSortRows = db.prepare<[string | null]>(
    `SELECT group_concat(line, char(10)) FROM
       (SELECT uid || char(9) || internal_date || char(9) || size_octets || char(9)
          || substr(summary, 1, instr(summary, char(10)) - 1) AS line
        FROM ${WITH_SUMMARY} WHERE ${RANGE} ${IN_ORDER})`,
  )
  const lastUnchanged = db.prepare<[number]>(
    'SELECT uid FROM entry WHERE account_id = ? AND mailbox_id = ? AND mod_seq <= ? ORDER BY uid DESC LIMIT 1',
  )
  const changedUids = db.prepare<[string]>(
    `SELECT json_group_array(uid) FROM
       (SELECT uid FROM entry WHERE account_id = ? AND mailbox_id = ? AND mod_seq > ? ORDER BY uid)`,
  )
  const runsSince = db.prepare<[number, number]>(
    `SELECT first_uid, last_uid FROM expunged WHERE account_id = ? AND mailbox_id = ? AND mod_seq > ?`,
  )
  const allKeywords = db.prepare<[string]>(
    'SELECT name FROM keyword WHERE account_id = ? AND mailbox_id = ? ORDER BY name_key',
  )
  const bodyOf = db.prepare<BodyRow>(
    `SELECT body_id, segment_id, offset, length, crc32 FROM message JOIN body USING (body_id) WHERE message_id = ?`,
  )
  const flagsOf = flagDecoder()
  /** Lists of uids that somebody still holds, shared by all who ask; up to date at `modSeq` or a little later. */
  const lists = new Map<string, { modSeq: number; uidValidity: number; uids: WeakRef<Uint32Array> }>()

  async function uidsAfter(accountId: number, mailboxId: number, first: number): Promise<Uint32Array> {
    const read: Uint32Array[] = []
    for (let after = first; ;) {
      const batch = Uint32Array.from(JSON.parse(someUids.get(accountId, mailboxId, after)?.[0] ?? '[]') as number[])
      await bodies.turns.spend(batch.length)
      if (read.length === 0 && batch.length < UIDS_PER_BATCH) return batch
      read.push(batch)
      if (batch.length < UIDS_PER_BATCH) return joined(read)
      after = batch.at(-1) ?? after
    }
  }

  const entryOf = (row: EntryRow | MessageRow): MailboxEntry => ({
    uid: row[0] as Uid,
    modSeq: row[1] as ModSeq,
    flags: flagsOf(row[2], row[3]),
    internalDate: row[4],
    savedAt: row[5],
    sizeOctets: row[6],
    messageKey: row[7] as MessageKey,
  })
  const messageOf = (row: MessageRow): StoredMessage => ({ ...entryOf(row), summary: decodeSummary(row[8]) })

  /** Batches of about ENTRIES_PER_BATCH over all ranges together. */
  async function* batches<Row extends EntryRow | MessageRow, T>(
    statement: Statement<Row>,
    read: (row: Row) => T,
    at: readonly SqlValue[],
    { ranges, since, until }: Wanted,
  ): AsyncGenerator<readonly T[]> {
    let batch: T[] = []
    for (const { from, to } of ranges) {
      for (let next = from; next <= to;) {
        const rows = statement.all(...at, next, to, since, until)
        await bodies.turns.spend(rows.length * ROW_COST_OCTETS)
        for (const row of rows) batch.push(read(row))
        next = rows.length < ENTRIES_PER_BATCH ? to + 1 : (rows.at(-1)?.[0] ?? to) + 1
        if (batch.length < ENTRIES_PER_BATCH) continue
        yield batch
        batch = []
      }
    }
    if (batch.length > 0) yield batch
  }

  async function* flagRows(
    at: readonly [number, number],
    uids: readonly UidRange[],
  ): AsyncGenerator<readonly FlagRow[]> {
    for (const { from, to } of plainRanges(uids, UID_LIMIT)) {
      for (let next = from; next <= to;) {
        const [packed, keywordsByUid] = someFlags.get(...at, next, to) ?? ['[]', '{}']
        const numbers = JSON.parse(packed) as number[]
        const keywords = keywordsByUid === '{}' ? null : new Map(Object.entries(JSON.parse(keywordsByUid) as object))
        await bodies.turns.spend((numbers.length * ROW_COST_OCTETS * ENTRIES_PER_BATCH) / FLAG_ROWS_PER_BATCH)
        const rows = numbers.map((number): FlagRow => {
          const bits = number % FLAG_BITS
          const uid = (number - bits) / FLAG_BITS
          return { uid: uid as Uid, flags: flagsOf(bits, keywords?.get(String(uid)) ?? '') }
        })
        if (rows.length > 0) yield rows
        next = rows.length < FLAG_ROWS_PER_BATCH ? to + 1 : (rows.at(-1)?.uid ?? to) + 1
      }
    }
  }

  async function* sortRows(
    at: readonly [number, number],
    uids: readonly UidRange[],
  ): AsyncGenerator<readonly SortRow[]> {
    for (const { from, to } of plainRanges(uids, UID_LIMIT)) {
      for (let next = from; next <= to;) {
        const lines = someSortRows.get(...at, next, to)?.[0] ?? null
        const rows = lines === null ? [] : lines.split('\n').map(sortRowOf)
        await bodies.turns.spend(rows.length * ROW_COST_OCTETS)
        if (rows.length > 0) yield rows
        next = rows.length < ENTRIES_PER_BATCH ? to + 1 : (rows.at(-1)?.uid ?? to) + 1
      }
    }
  }

  /** Narrows to what changed; everything, when that is asked for. */
  function wanted(at: readonly [number, number], uids: readonly UidRange[], changedSince: ModSeq | undefined): Wanted {
    const ranges = plainRanges(uids, UID_LIMIT)
    const since = changedSince ?? 0
    if (since === 0) return { ranges, since: -1, until: Number.MAX_SAFE_INTEGER }
    // What changes from here on is left to the next call: with it, an older change elsewhere could be passed over.
    const [until, flags] = newest.get(...at) ?? [0, 0]
    if (until <= since) return { ranges: [], since, until }
    // Without a change to flags, what is new are the newest uids: no look at the rest of a large mailbox.
    if (flags <= since) {
      const first = (lastUnchanged.get(...at, since)?.[0] ?? 0) + 1
      return { ranges: rangesFrom(ranges, first), since, until }
    }
    const changed = JSON.parse(changedUids.get(...at, since)?.[0] ?? '[]') as number[]
    return { ranges: intersect(ranges, changed), since, until }
  }

  async function* list<Row extends EntryRow | MessageRow, T>(
    statement: Statement<Row>,
    read: (row: Row) => T,
    at: readonly [number, number],
    uids: readonly UidRange[],
    changedSince: ModSeq | undefined,
  ): AsyncGenerator<readonly T[]> {
    yield* batches(statement, read, at, wanted(at, uids, changedSince))
  }

  return {
    mailboxes: async (accountId) => allMailboxes.all(accountId).map(mailboxOf),
    mailbox: async (accountId, mailboxId) => orNull(oneMailbox.get(accountId, mailboxId)),
    mailboxByName: async (accountId, name) => orNull(mailboxNamed.get(accountId, name)),
    subscriptions: async (accountId) => allSubscriptions.all(accountId).map(([name]) => name),
    async uids(accountId, mailboxId) {
      const key = `${accountId}/${mailboxId}`
      const [modSeq, uidValidity] = stateOf.get(accountId, mailboxId) ?? [0, 0]
      const last = lists.get(key)
      const before = last?.uids.deref()
      let uids: Uint32Array
      if (last === undefined || before === undefined || last.uidValidity !== uidValidity || last.modSeq > modSeq) {
        uids = await uidsAfter(accountId, mailboxId, 0)
      } else if (last.modSeq === modSeq) return before
      else if (runsSince.get(accountId, mailboxId, last.modSeq) !== undefined) {
        uids = await uidsAfter(accountId, mailboxId, 0)
      } else {
        const more = await uidsAfter(accountId, mailboxId, before.at(-1) ?? 0)
        uids = more.length === 0 ? before : joined([before, more])
      }
      lists.set(key, { modSeq, uidValidity, uids: new WeakRef(uids) })
      if (lists.size > LISTS_MAX) lists.delete(lists.keys().next().value ?? '')
      return uids
    },
    entries: (accountId, mailboxId, uids, options) =>
      list(someEntries, entryOf, [accountId, mailboxId], uids, options?.changedSince),
    messages: (accountId, mailboxId, uids, options) =>
      list(someMessages, messageOf, [accountId, mailboxId], uids, options?.changedSince),
    flagRows: (accountId, mailboxId, uids) => flagRows([accountId, mailboxId], uids),
    sortRows: (accountId, mailboxId, uids) => sortRows([accountId, mailboxId], uids),
    async expungedSince(accountId, mailboxId, since) {
      const uids: Uid[] = []
      // A uid goes once: runs do not overlap.
      for (const [first, last] of runsSince.all(accountId, mailboxId, since).toSorted(([a], [b]) => a - b)) {
        for (let uid = first; uid <= last; uid++) uids.push(uid as Uid)
      }
      await bodies.turns.spend(uids.length)
      return uids
    },
    keywords: async (accountId, mailboxId) => allKeywords.all(accountId, mailboxId).map(([name]) => name),
    ...contentReads(db, bodies.turns),
    ...objectReads(db),
    async read(accountId, messageKey, start, end) {
      const find = () => {
        const row = bodyOf.get(messageId(accountId, messageKey))
        if (row === undefined) throw new StoreError('damaged', 'the message is gone')
        return bodyRef(row)
      }
      return bodies.read(find, start, end)
    },
  }
}

function sortRowOf(line: string): SortRow {
  const fields = line.split('\t')
  return {
    uid: Number(fields[0]) as Uid,
    internalDate: Number(fields[1]),
    sizeOctets: Number(fields[2]),
    keys: sortKeysFrom(fields, 3),
  }
}

export const bodyRef = ([bodyId, segmentId, offset, length, crc32]: BodyRow) => ({
  bodyId,
  segmentId,
  offset,
  length,
  crc32,
})

const orNull = (row: MailboxRow | undefined): MailboxInfo | null => (row === undefined ? null : mailboxOf(row))

function joined(batches: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(batches.reduce((sum, batch) => sum + batch.length, 0))
  let at = 0
  for (const batch of batches) {
    all.set(batch, at)
    at += batch.length
  }
  return all
}

/** Runs of the uids (ascending) that lie in the ranges (ascending, disjoint). */
function intersect(ranges: readonly PlainRange[], uids: readonly number[]) {
  const runs: { from: number; to: number }[] = []
  let i = 0
  for (const uid of uids) {
    while (i < ranges.length && (ranges[i]?.to ?? 0) < uid) i++
    const range = ranges[i]
    if (range === undefined) break
    if (uid < range.from) continue
    const last = runs.at(-1)
    if (last !== undefined && last.to + 1 === uid) last.to = uid
    else runs.push({ from: uid, to: uid })
  }
  return runs
}

const rangesFrom = (ranges: readonly PlainRange[], first: number): PlainRange[] =>
  ranges.filter(({ to }) => to >= first).map(({ from, to }) => ({ from: Math.max(from, first), to }))
