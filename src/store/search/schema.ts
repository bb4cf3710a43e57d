/** The index's tables. Another version is thrown away and made anew: there is nothing to migrate. */
import type { Database } from '../sqlite/database.ts'

export const INDEX_VERSION = 1

/** Blocks and waiting messages are clustered by one integer, `account_id * 2^32 + n`. */
export const INDEX_SCHEMA = `
  CREATE TABLE account (
    account_id INTEGER PRIMARY KEY,
    up_to INTEGER NOT NULL, -- message key
    mod_seq INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    messages INTEGER NOT NULL, -- in the index, living or not
    next_block INTEGER NOT NULL
  ) STRICT;

  -- Messages that wait until there are enough for a block.
  CREATE TABLE fresh (
    fresh_id INTEGER PRIMARY KEY, -- account_id * 2^32 + message_key
    grams BLOB -- two octets each; null: always a candidate
  ) STRICT;

  CREATE TABLE block (
    place_id INTEGER PRIMARY KEY, -- account_id * 2^32 + block_id
    keys BLOB NOT NULL -- message keys by place, four octets each
  ) STRICT;

  CREATE TABLE list (
    account_id INTEGER NOT NULL,
    block_id INTEGER NOT NULL,
    row INTEGER NOT NULL,
    octets BLOB NOT NULL, -- block.ts
    PRIMARY KEY (account_id, block_id, row)
  ) STRICT, WITHOUT ROWID;

  -- Accounts that somebody wants indexed anew; 0: all.
  CREATE TABLE wish (account_id INTEGER PRIMARY KEY) STRICT;

  PRAGMA user_version = ${INDEX_VERSION};
`

export const ACCOUNT_STEP = 4_294_967_296

export function versionOf(db: Database): number {
  return db.prepare<[number]>('PRAGMA user_version').get()?.[0] ?? 0
}

/** Numbers as octets of this machine, and back; the index does not travel. */
export const octetsOf = (numbers: Uint16Array | Uint32Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)

export function shortsOf(octets: Uint8Array): Uint16Array {
  const own = octets.byteOffset % 2 === 0 ? octets : octets.slice()
  return new Uint16Array(own.buffer, own.byteOffset, own.byteLength >> 1)
}

export function wordsOf(octets: Uint8Array): Uint32Array {
  const own = octets.byteOffset % 4 === 0 ? octets : octets.slice()
  return new Uint32Array(own.buffer, own.byteOffset, own.byteLength >> 2)
}
