/** The reading end of the search index, one in each thread. Whatever is wrong with the index, a search goes on without it. */
import { statSync, writeFileSync } from 'node:fs'
import type { Log } from '../../std/log.ts'
import { READ_AT_ONCE_MAX_OCTETS } from '../../model/limits.ts'
import type { AccountId, MessageKey } from '../../model/ids.ts'
import { type MessageChoice, type SearchReads, StoreError } from '../contract.ts'
import { type Database, openReader } from '../sqlite/database.ts'
import { createTurns } from '../sqlite/turns.ts'
import { bitmapOctets, hasBit, keepThose, rowOf } from './block.ts'
import { damagedMarkPath, indexPath } from './paths.ts'
import { ACCOUNT_STEP, INDEX_VERSION, shortsOf, versionOf, wordsOf } from './schema.ts'
import { readStatus } from './status.ts'

type Opened = { readonly inode: number; readonly db: Database; readonly ask: Ask }
type Ask = (accountId: AccountId, grams: readonly number[]) => MessageChoice | null

export function openSearchReads(options: { dataDir: string; log: Log }): SearchReads {
  const { dataDir, log } = options
  const path = indexPath(dataDir)
  const turns = createTurns()
  let current: Opened | null = null

  /** As it lies there now: it may have been made anew, or be gone. @throws StoreError */
  function opened(): Opened | null {
    const inode = statSync(path, { throwIfNoEntry: false })?.ino ?? null
    if (inode === current?.inode) return current
    close()
    if (inode === null) return null
    const db = openReader(path)
    try {
      if (versionOf(db) === INDEX_VERSION) return (current = { inode, db, ask: asking(db) })
    } catch (error) {
      db.close()
      throw error
    }
    db.close()
    return null
  }

  function close(): void {
    current?.db.close()
    current = null
  }

  function failed(error: unknown): null {
    if (!(error instanceof StoreError)) throw error
    log.warn({ event: 'search.index.failed', kind: error.kind, error: error.message })
    if (error.kind === 'damaged') {
      close()
      leaveMark(damagedMarkPath(dataDir))
    }
    return null
  }

  return {
    async candidates(accountId, grams) {
      await turns.spend(READ_AT_ONCE_MAX_OCTETS) // A turn of the event loop each.
      try {
        const index = opened()
        return index === null || grams.length === 0 ? null : index.ask(accountId, grams)
      } catch (error) {
        return failed(error)
      }
    },
    async status() {
      try {
        const index = opened()
        return index === null ? null : readStatus(index.db, path)
      } catch (error) {
        return failed(error)
      }
    },
    close,
  }
}

/** The writer sees it and begins anew; where it cannot be left, the search goes on without an index. */
function leaveMark(path: string): void {
  try {
    writeFileSync(path, '')
  } catch {
    // The device is full or read-only: the next search tries again.
  }
}

function asking(db: Database): Ask {
  const upTo = db.prepare<[number]>('SELECT up_to FROM account WHERE account_id = ?')
  const fresh = db.prepare<[number, Uint8Array | null]>(
    'SELECT fresh_id, grams FROM fresh WHERE fresh_id > ? AND fresh_id < ?',
  )
  const blocks = db.prepare<[number, Uint8Array]>(
    'SELECT place_id, keys FROM block WHERE place_id > ? AND place_id < ?',
  )
  const list = db.prepare<[Uint8Array]>('SELECT octets FROM list WHERE account_id = ? AND block_id = ? AND row = ?')

  /** Grams of one row together, so that it is read once. */
  function byRow(grams: readonly number[]): Map<number, number[]> {
    const rows = new Map<number, number[]>()
    for (const gram of new Set(grams)) {
      const row = rowOf(gram)
      const others = rows.get(row)
      if (others === undefined) rows.set(row, [gram])
      else others.push(gram)
    }
    return rows
  }

  function fromBlock(at: readonly [number, number], keys: Uint32Array, rows: Map<number, number[]>): number[] {
    const bits = new Uint8Array(bitmapOctets(keys.length)).fill(0xff)
    for (const [row, grams] of rows) {
      const found = list.get(...at, row)
      if (found === undefined) return []
      keepThose(bits, found[0], grams, keys.length)
      if (bits.every((octet) => octet === 0)) return []
    }
    return [...keys].filter((_, place) => hasBit(bits, place))
  }

  function all(accountId: AccountId, grams: readonly number[]): MessageChoice | null {
    const [above] = upTo.get(accountId) ?? []
    if (above === undefined) return null
    const from = accountId * ACCOUNT_STEP
    const to = from + ACCOUNT_STEP
    const rows = byRow(grams)
    const keys: number[] = []
    for (const [place, octets] of blocks.all(from, to)) {
      for (const key of fromBlock([accountId, place - from], wordsOf(octets), rows)) keys.push(key)
    }
    for (const [id, octets] of fresh.all(from, to)) {
      const has = octets === null ? null : shortsOf(octets)
      if (has === null || grams.every((gram) => has.includes(gram))) keys.push(id - from)
    }
    return { above: above as MessageKey, keys: Float64Array.from(keys).toSorted() }
  }

  return (accountId, grams) => {
    db.exec('BEGIN') // One commit: what waits becomes a block in between.
    try {
      return all(accountId, grams)
    } finally {
      if (db.inTransaction) db.exec('ROLLBACK')
    }
  }
}
