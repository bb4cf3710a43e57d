/** What the junk filter has learnt, in a database of its own beside the store: all of it can be lost, and is learnt again. */
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { JUNK_SENDERS_MAX, STORE_BUSY_TIMEOUT_MS } from '../../model/limits.ts'
import type { AccountId, MessageKey, ModSeq } from '../../model/ids.ts'
import type { Log } from '../../std/log.ts'
import {
  StoreError,
  type JunkLabel,
  type JunkLetter,
  type JunkMemory,
  type JunkReads,
  type JunkSender,
  type JunkWords,
} from '../contract.ts'
import { type Files, realFiles } from '../files.ts'
import { type Database, openPlain, openReader } from '../sqlite/database.ts'

/** Another version is thrown away and learnt anew; so is what was made of other words (core/junk/tokens.ts). */
const JUNK_VERSION = 1
/** Whose words are those of all accounts together. */
const ALL = 0

const SCHEMA = `
  CREATE TABLE account (account_id INTEGER PRIMARY KEY, mod_seq INTEGER NOT NULL) STRICT;

  CREATE TABLE words (
    account_id INTEGER PRIMARY KEY, -- 0: all
    version INTEGER NOT NULL,
    good INTEGER NOT NULL,
    junk INTEGER NOT NULL,
    octets BLOB NOT NULL -- core/junk/word-table.ts
  ) STRICT;

  CREATE TABLE letter (
    account_id INTEGER NOT NULL,
    message_key INTEGER NOT NULL,
    label TEXT NOT NULL,
    saved_at INTEGER NOT NULL,
    senders TEXT NOT NULL, -- one a line
    PRIMARY KEY (account_id, message_key)
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX letter_waiting ON letter (account_id, saved_at) WHERE label = 'waiting';

  CREATE TABLE sender (
    account_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    written INTEGER NOT NULL,
    good INTEGER NOT NULL,
    junk INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
  ) STRICT, WITHOUT ROWID;

  -- Accounts that somebody wants learnt anew; 0: all.
  CREATE TABLE wish (account_id INTEGER PRIMARY KEY) STRICT;

  PRAGMA user_version = ${JUNK_VERSION};
`

const junkPath = (dataDir: string): string => join(dataDir, 'junk')
const memoryPath = (dataDir: string): string => join(junkPath(dataDir), 'memory.db')
/** A reader found damage; the writer begins anew. */
const damagedPath = (dataDir: string): string => join(junkPath(dataDir), 'damaged')

/** All that it consists of; there need not be any. */
export const junkFiles = (dataDir: string): readonly string[] => [
  damagedPath(dataDir),
  ...['', '-wal', '-shm'].map((end) => `${memoryPath(dataDir)}${end}`),
]

const inodeOf = (path: string): number | null => statSync(path, { throwIfNoEntry: false })?.ino ?? null
const versionOf = (db: Database): number => db.prepare<[number]>('PRAGMA user_version').get()?.[0] ?? 0

function openFile(path: string): Database {
  const db = openPlain(path, STORE_BUSY_TIMEOUT_MS)
  try {
    // A commit need not be on the device: what a power cut takes is learnt again.
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA cell_size_check = ON;
      PRAGMA temp_store = MEMORY;
      PRAGMA journal_size_limit = ${8 * 1024 * 1024};
    `)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function openOrMake(path: string): Database {
  try {
    const db = openFile(path)
    if (versionOf(db) === JUNK_VERSION) return db
    db.close()
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== 'damaged') throw error
  }
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
  const db = openFile(path)
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`)
  return db
}

type WordsRow = readonly [version: number, good: number, junk: number, octets: Uint8Array]
const WORDS = 'SELECT version, good, junk, octets FROM words WHERE account_id = ?'
const wordsOf = (row: WordsRow | undefined): JunkWords | null =>
  row === undefined ? null : { version: row[0], good: row[1], junk: row[2], octets: row[3] }

/** @throws StoreError when the device does not give it */
export function openJunkMemory(options: { dataDir: string; files?: Files }): JunkMemory {
  const { dataDir, files = realFiles } = options
  const path = memoryPath(dataDir)
  files.makeDirectory(junkPath(dataDir))
  let db = openOrMake(path)
  let open = true
  let inode = inodeOf(path)
  let is = statementsOf(db)

  function close(): void {
    if (open) db.close()
    open = false
  }

  function atomic(work: () => void): void {
    db.exec('BEGIN IMMEDIATE')
    try {
      work()
      db.exec('COMMIT')
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  const setWords = (accountId: number, { good, junk, octets }: Omit<JunkWords, 'version'>): void => {
    is.setWords.run(accountId, good, junk, octets)
  }

  return {
    mark: (accountId) => (is.mark.get(accountId)?.[0] ?? null) as ModSeq | null,
    accounts: () => is.accounts.all().map(([accountId]) => accountId as AccountId),
    words: (accountId) => wordsOf(is.words.get(accountId ?? ALL)),
    letters(accountId, messageKeys) {
      const found = new Map<MessageKey, JunkLetter>()
      for (const messageKey of messageKeys) {
        const row = is.letter.get(accountId, messageKey)
        if (row === undefined) continue
        const [label, savedAt, senders] = row
        found.set(messageKey, {
          messageKey,
          label: label as JunkLabel,
          savedAt,
          senders: senders === '' ? [] : senders.split('\n'),
        })
      }
      return found
    },
    waiting: (accountId, savedBefore) =>
      is.waiting.all(accountId, savedBefore).map(([messageKey]) => messageKey as MessageKey),
    keep(accountId, { modSeq, letters, senders, words }) {
      atomic(() => {
        for (const { messageKey, label, savedAt, senders: names } of letters)
          is.setLetter.run(accountId, messageKey, label, savedAt, names.join('\n'))
        let room = senders.size === 0 ? 0 : JUNK_SENDERS_MAX - (is.countSenders.get(accountId)?.[0] ?? 0)
        for (const [name, { written, good, junk }] of senders) {
          if (is.sender.get(accountId, name) === undefined && room-- <= 0) continue
          is.addSender.run(accountId, name, written, good, junk)
        }
        if (words !== null) {
          setWords(accountId, words.own)
          setWords(ALL, words.all)
        }
        is.setMark.run(accountId, modSeq)
      })
    },
    forget(accountId, all) {
      atomic(() => {
        if (all !== null) setWords(ALL, all)
        for (const remove of is.removeAccount) remove.run(accountId)
      })
    },
    reset() {
      close()
      files.makeDirectory(junkPath(dataDir))
      removeJunkMemory(dataDir)
      db = openOrMake(path)
      open = true
      inode = inodeOf(path)
      is = statementsOf(db)
    },
    needsReset: () => inodeOf(path) !== inode || inode === null || inodeOf(damagedPath(dataDir)) !== null,
    takeWishes() {
      const wishes = is.wishes.all().map(([accountId]) => (accountId === ALL ? null : (accountId as AccountId)))
      if (wishes.length > 0) is.removeWishes.run()
      return wishes
    },
    close,
  }
}

function statementsOf(db: Database) {
  return {
    mark: db.prepare<[number]>('SELECT mod_seq FROM account WHERE account_id = ?'),
    accounts: db.prepare<[number]>('SELECT account_id FROM account ORDER BY account_id'),
    setMark: db.prepare('INSERT OR REPLACE INTO account (account_id, mod_seq) VALUES (?, ?)'),
    words: db.prepare<WordsRow>(WORDS),
    setWords: db.prepare(
      `INSERT INTO words (account_id, version, good, junk, octets) VALUES (?, abs(random()) >> 12, ?, ?, ?)
       ON CONFLICT DO UPDATE SET version = excluded.version, good = excluded.good, junk = excluded.junk,
         octets = excluded.octets`,
    ),
    letter: db.prepare<[string, number, string]>(
      'SELECT label, saved_at, senders FROM letter WHERE account_id = ? AND message_key = ?',
    ),
    setLetter: db.prepare(
      'INSERT OR REPLACE INTO letter (account_id, message_key, label, saved_at, senders) VALUES (?, ?, ?, ?, ?)',
    ),
    waiting: db.prepare<[number]>(
      `SELECT message_key FROM letter WHERE account_id = ? AND label = 'waiting' AND saved_at < ? ORDER BY saved_at LIMIT 1024`,
    ),
    countSenders: db.prepare<[number]>('SELECT count(*) FROM sender WHERE account_id = ?'),
    sender: db.prepare<[number]>('SELECT 1 FROM sender WHERE account_id = ? AND name = ?'),
    addSender: db.prepare(
      `INSERT INTO sender (account_id, name, written, good, junk) VALUES (?1, ?2, max(0, ?3), max(0, ?4), max(0, ?5))
       ON CONFLICT DO UPDATE SET written = max(0, written + ?3), good = max(0, good + ?4), junk = max(0, junk + ?5)`,
    ),
    removeAccount: ['account', 'words', 'letter', 'sender'].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE account_id = ?`),
    ),
    wishes: db.prepare<[number]>('SELECT account_id FROM wish'),
    removeWishes: db.prepare('DELETE FROM wish'),
  }
}

/** Where no server runs, or before it is made anew. */
export function removeJunkMemory(dataDir: string): void {
  for (const file of junkFiles(dataDir)) rmSync(file, { force: true })
}

/** Asks the learner to begin anew with an account, or with all (null). @throws StoreError */
export function wishForRetraining(dataDir: string, accountId: AccountId | null, files: Files = realFiles): void {
  files.makeDirectory(junkPath(dataDir))
  const db = openOrMake(memoryPath(dataDir))
  try {
    db.prepare('INSERT OR IGNORE INTO wish (account_id) VALUES (?)').run(accountId ?? ALL)
  } finally {
    db.close()
  }
}

/** The reading end, one in each thread. What is wrong with it is logged, and nothing is known then. */
export function openJunkReads(options: { dataDir: string; log: Log }): JunkReads {
  const { dataDir, log } = options
  const path = memoryPath(dataDir)
  let current: { readonly inode: number; readonly db: Database } | null = null

  /** As it lies there now. @throws StoreError */
  function opened(): Database | null {
    const inode = inodeOf(path)
    if (inode !== null && inode === current?.inode) return current.db
    close()
    if (inode === null) return null
    const db = openReader(path)
    if (versionOf(db) !== JUNK_VERSION) {
      db.close()
      return null
    }
    current = { inode, db }
    return db
  }

  function close(): void {
    current?.db.close()
    current = null
  }

  function asked<T>(otherwise: T, question: (db: Database) => T): T {
    try {
      const db = opened()
      return db === null ? otherwise : question(db)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      log.warn({ event: 'junk.memory.failed', kind: error.kind, error: error.message })
      close()
      if (error.kind === 'damaged') leaveMark(damagedPath(dataDir))
      return otherwise
    }
  }

  return {
    words: (accountId) => asked(null, (db) => wordsOf(db.cached<WordsRow>(WORDS).get(accountId ?? ALL))),
    version: (accountId) =>
      asked(
        null,
        (db) =>
          db.cached<[number]>('SELECT version FROM words WHERE account_id = ?').get(accountId ?? ALL)?.[0] ?? null,
      ),
    senders: (accountId, names) =>
      asked(new Map<string, JunkSender>(), (db) => {
        const one = db.cached<[number, number, number]>(
          'SELECT written, good, junk FROM sender WHERE account_id = ? AND name = ?',
        )
        const found = new Map<string, JunkSender>()
        for (const name of names) {
          const row = one.get(accountId, name)
          if (row !== undefined) found.set(name, { written: row[0], good: row[1], junk: row[2] })
        }
        return found
      }),
    status: () =>
      asked([], (db) =>
        db
          .cached<[number, number, number, number]>(
            'SELECT account_id, good, junk, length(octets) FROM words ORDER BY account_id',
          )
          .all()
          .map(([accountId, good, junk, octets]) => ({
            accountId: accountId === ALL ? null : (accountId as AccountId),
            good,
            junk,
            octets,
          })),
      ),
    close,
  }
}

/** The writer sees it; where it cannot be left, mail goes on without what was learnt. */
function leaveMark(path: string): void {
  try {
    writeFileSync(path, '')
  } catch {
    // The device takes nothing now.
  }
}
