/** The writing end of the search index: one for each data directory, in the thread that indexes. docs/adr/0012-search-index.md */
import { rmSync, statSync } from 'node:fs'
import {
  FREE_SPACE_MIN_OCTETS,
  SEARCH_BLOCK_MESSAGES,
  SEARCH_FRESH_GRAMS_MAX,
  STORE_BUSY_TIMEOUT_MS,
} from '../../model/limits.ts'
import type { AccountId, MessageKey, ModSeq } from '../../model/ids.ts'
import { type IndexedMessage, type SearchIndex, StoreError } from '../contract.ts'
import { type Files, realFiles } from '../files.ts'
import { type Database, openPlain, type Statement } from '../sqlite/database.ts'
import { eachPlace, encodeBlock } from './block.ts'
import { damagedMarkPath, indexFiles, indexPath, searchPath } from './paths.ts'
import { ACCOUNT_STEP, INDEX_SCHEMA, INDEX_VERSION, octetsOf, shortsOf, versionOf, wordsOf } from './schema.ts'
import { readStatus } from './status.ts'

/** Room that a step may take, and share of a device that is kept free for mail (space.ts): the index leaves twice that. */
const STEP_OCTETS = 16 * 1024 * 1024
const SHARE_OF_DEVICE = 0.05

/**
 * Opens the index, making it when it is missing, of another version or damaged.
 * @throws StoreError when the device does not give it
 */
export function openSearchIndex(options: { dataDir: string; files?: Files }): SearchIndex {
  const { dataDir, files = realFiles } = options
  const path = indexPath(dataDir)
  files.makeDirectory(searchPath(dataDir))
  let db = openOrMake(path)
  let open = true
  let inode = inodeOf(path)
  let blocks = blockWriter(db)
  let is = statementsOf(db)

  function close(): void {
    if (open) db.close()
    open = false // A reset may find it so: the one before did not get to its end.
  }

  function atomic(work: () => void): void {
    db.exec('BEGIN IMMEDIATE')
    try {
      work()
      db.exec('COMMIT')
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK')
      blocks.countAnew()
      throw error
    }
  }

  function forget(accountId: AccountId): void {
    const from = accountId * ACCOUNT_STEP
    const to = from + ACCOUNT_STEP
    is.removeAccount.run(accountId) // From here on nobody asks for the rest.
    is.removeFresh.run(from, to)
    blocks.countAnew()
    for (const [place] of is.blocks.all(from, to)) blocks.remove(accountId, place - from)
  }

  return {
    mark(accountId) {
      const row = is.account.get(accountId)
      if (row === undefined) return null
      const [lastKey, modSeq, messages] = row
      return { accountId, lastKey: lastKey as MessageKey, modSeq: modSeq as ModSeq, messages }
    },
    accounts: () => is.accounts.all().map(([accountId]) => accountId as AccountId),
    add(messages, { accountId, lastKey, modSeq, messages: entries }) {
      atomic(() => {
        for (const message of messages) addFresh(is.insertFresh, accountId, message)
        is.setAccount.run(accountId, lastKey, modSeq, entries, messages.length)
        blocks.make(accountId, messages)
      })
    },
    retain(accountId, living) {
      const alive = new Set(living)
      blocks.countAnew()
      const from = accountId * ACCOUNT_STEP
      atomic(() => {
        const gone = is.freshIds.all(from, from + ACCOUNT_STEP).filter(([id]) => !alive.has(id - from))
        for (const [id] of gone) is.removeOneFresh.run(id)
        is.countDown.run(gone.length, accountId)
      })
      for (const [place, octets] of is.blocks.all(from, from + ACCOUNT_STEP)) {
        const keys = wordsOf(octets)
        const kept = keys.reduce((sum, key) => sum + (alive.has(key) ? 1 : 0), 0)
        if (kept * 2 >= keys.length) continue
        atomic(() => {
          const messages = blocks.messages(accountId, place - from, keys).filter((each) => alive.has(each.messageKey))
          for (const message of messages) addFresh(is.insertFresh, accountId, message)
          blocks.remove(accountId, place - from)
          is.countDown.run(keys.length - kept, accountId)
          blocks.make(accountId, messages)
        })
      }
    },
    forget: (accountId) => atomic(() => forget(accountId)),
    reset() {
      close()
      files.makeDirectory(searchPath(dataDir))
      removeFiles(dataDir)
      db = openOrMake(path)
      open = true
      inode = inodeOf(path)
      blocks = blockWriter(db)
      is = statementsOf(db)
    },
    needsReset: () => inodeOf(path) !== inode || inode === null || exists(damagedMarkPath(dataDir)),
    takeWishes() {
      const wishes = is.wishes.all().map(([accountId]) => (accountId === 0 ? null : (accountId as AccountId)))
      if (wishes.length > 0) is.removeWishes.run()
      return wishes
    },
    hasRoom() {
      const { freeOctets, totalOctets } = files.space(dataDir)
      return freeOctets > 2 * Math.min(FREE_SPACE_MIN_OCTETS, totalOctets * SHARE_OF_DEVICE) + STEP_OCTETS
    },
    status: () => readStatus(db, path),
    close,
  }
}

/** Removes the index where no server runs: it is made anew from the mail. */
export function removeSearchIndex(dataDir: string): void {
  removeFiles(dataDir)
}

/**
 * Asks the indexer to begin anew with an account, or with all (null): at once when it runs, else at its next start.
 * @throws StoreError
 */
export function wishForReindex(dataDir: string, accountId: AccountId | null, files: Files = realFiles): void {
  files.makeDirectory(searchPath(dataDir))
  const db = openOrMake(indexPath(dataDir))
  try {
    db.prepare('INSERT OR IGNORE INTO wish (account_id) VALUES (?)').run(accountId ?? 0)
  } finally {
    db.close()
  }
}

function openOrMake(path: string): Database {
  try {
    const db = openFile(path)
    if (versionOf(db) === INDEX_VERSION) return db
    db.close()
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== 'damaged') throw error
  }
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
  const db = openFile(path)
  db.exec(`BEGIN IMMEDIATE; ${INDEX_SCHEMA} COMMIT;`)
  return db
}

/** A commit need not be on the device: what a power cut takes is indexed again. The order of writes holds (WAL), so nothing breaks. */
function openFile(path: string): Database {
  const db = openPlain(path, STORE_BUSY_TIMEOUT_MS)
  try {
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA cell_size_check = ON;
      PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -8192;
      PRAGMA journal_size_limit = ${8 * 1024 * 1024};
    `)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function removeFiles(dataDir: string): void {
  for (const file of indexFiles(dataDir)) rmSync(file, { force: true })
}

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined
const inodeOf = (path: string): number | null => statSync(path, { throwIfNoEntry: false })?.ino ?? null

function statementsOf(db: Database) {
  return {
    account: db.prepare<[number, number, number]>('SELECT up_to, mod_seq, entries FROM account WHERE account_id = ?'),
    accounts: db.prepare<[number]>('SELECT account_id FROM account ORDER BY account_id'),
    setAccount: db.prepare(
      `INSERT INTO account (account_id, up_to, mod_seq, entries, messages, next_block) VALUES (?, ?, ?, ?, ?, 1)
       ON CONFLICT DO UPDATE SET up_to = excluded.up_to, mod_seq = excluded.mod_seq, entries = excluded.entries,
         messages = messages + excluded.messages`,
    ),
    countDown: db.prepare('UPDATE account SET messages = messages - ? WHERE account_id = ?'),
    removeAccount: db.prepare('DELETE FROM account WHERE account_id = ?'),
    insertFresh: db.prepare('INSERT OR REPLACE INTO fresh (fresh_id, grams) VALUES (?, ?)'),
    removeFresh: db.prepare('DELETE FROM fresh WHERE fresh_id > ? AND fresh_id < ?'),
    removeOneFresh: db.prepare('DELETE FROM fresh WHERE fresh_id = ?'),
    freshIds: db.prepare<[number]>('SELECT fresh_id FROM fresh WHERE fresh_id > ? AND fresh_id < ?'),
    blocks: db.prepare<[number, Uint8Array]>('SELECT place_id, keys FROM block WHERE place_id > ? AND place_id < ?'),
    wishes: db.prepare<[number]>('SELECT account_id FROM wish'),
    removeWishes: db.prepare('DELETE FROM wish'),
  }
}

function addFresh(insert: Statement, accountId: AccountId, { messageKey, grams }: IndexedMessage): void {
  insert.run(accountId * ACCOUNT_STEP + messageKey, grams === null ? null : octetsOf(grams))
}

type Waiting = { readonly messages: number; readonly grams: number }

/** Accounts whose waiting messages are counted. */
const COUNTED_MAX = 10_000

type BlockWriter = {
  /** Makes blocks of what waits, while there is enough for one. Within a transaction. @param added what has come to it */
  make(accountId: AccountId, added: readonly IndexedMessage[]): void
  /** What waits is not what was counted. */
  countAnew(): void
  messages(accountId: AccountId, blockId: number, keys: Uint32Array): readonly IndexedMessage[]
  remove(accountId: AccountId, blockId: number): void
}

function blockWriter(db: Database): BlockWriter {
  const waiting = db.prepare<[count: number, octets: number | null]>(
    `SELECT count(*), sum(length(grams)) FROM fresh WHERE fresh_id > ? AND fresh_id < ? AND grams IS NOT NULL`,
  )
  const some = db.prepare<[number, Uint8Array]>(
    `SELECT fresh_id, grams FROM fresh WHERE fresh_id > ? AND fresh_id < ? AND grams IS NOT NULL
     ORDER BY fresh_id LIMIT ${SEARCH_BLOCK_MESSAGES}`,
  )
  const removeFresh = db.prepare('DELETE FROM fresh WHERE fresh_id = ?')
  const nextBlock = db.prepare<[number]>(
    'UPDATE account SET next_block = next_block + 1 WHERE account_id = ? RETURNING next_block - 1',
  )
  const insertBlock = db.prepare('INSERT INTO block (place_id, keys) VALUES (?, ?)')
  const insertList = db.prepare('INSERT INTO list (account_id, block_id, row, octets) VALUES (?, ?, ?, ?)')
  const lists = db.prepare<[number, Uint8Array]>(
    'SELECT row, octets FROM list WHERE account_id = ? AND block_id = ? ORDER BY row',
  )
  const removeLists = db.prepare('DELETE FROM list WHERE account_id = ? AND block_id = ?')
  const removeBlock = db.prepare('DELETE FROM block WHERE place_id = ?')
  /** What waits, by account, where it has been counted: to count is to read all of it. */
  const counts = new Map<AccountId, Waiting>()

  function count(accountId: AccountId, added: readonly IndexedMessage[]): Waiting {
    const before = counts.get(accountId)
    if (before === undefined) {
      const from = accountId * ACCOUNT_STEP
      const [messages, octets] = waiting.get(from, from + ACCOUNT_STEP) ?? [0, 0]
      return { messages, grams: (octets ?? 0) / 2 }
    }
    let { messages, grams } = before
    for (const one of added) {
      if (one.grams === null) continue
      messages++
      grams += one.grams.length
    }
    return { messages, grams }
  }

  function makeOne(accountId: AccountId): void {
    const from = accountId * ACCOUNT_STEP
    const rows = some.all(from, from + ACCOUNT_STEP)
    const [blockId] = nextBlock.get(accountId) ?? [0]
    const keys = Uint32Array.from(rows, ([id]) => id - from)
    insertBlock.run(from + blockId, octetsOf(keys))
    for (const { row, octets } of encodeBlock(rows.map(([, grams]) => shortsOf(grams)))) {
      insertList.run(accountId, blockId, row, octets)
    }
    for (const [id] of rows) removeFresh.run(id)
  }

  return {
    make(accountId, added) {
      for (let now = count(accountId, added); ; now = count(accountId, [])) {
        counts.set(accountId, now)
        if (counts.size > COUNTED_MAX) counts.clear()
        if (now.messages < SEARCH_BLOCK_MESSAGES && now.grams <= SEARCH_FRESH_GRAMS_MAX) return
        makeOne(accountId)
        counts.delete(accountId)
      }
    },
    countAnew: () => counts.clear(),
    messages(accountId, blockId, keys) {
      const grams = Array.from(keys, (): number[] => [])
      for (const [row, octets] of lists.all(accountId, blockId)) {
        eachPlace({ row, octets }, keys.length, (gram, place) => grams[place]!.push(gram))
      }
      return grams.map((list, place) => ({
        messageKey: keys[place]! as MessageKey,
        grams: Uint16Array.from(list),
      }))
    },
    remove(accountId, blockId) {
      removeLists.run(accountId, blockId)
      removeBlock.run(accountId * ACCOUNT_STEP + blockId)
    },
  }
}
