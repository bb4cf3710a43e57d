import type { Flag } from '../../../model/mailbox.ts'
import { Fault, type Cursor } from '../cursor.ts'
import { parseStoreFlags } from '../flags.ts'
import { parseSequenceSet, type SequenceSet } from '../sequence-set.ts'

export type StoreArgs = {
  readonly set: SequenceSet
  readonly mode: 'add' | 'remove' | 'replace'
  readonly silent: boolean
  readonly flags: readonly Flag[]
  /** RFC 7162 §3.1.3. */
  readonly unchangedSince: number | null
}

/** STORE and UID STORE (RFC 9051 §6.4.6). */
export function parseStore(cursor: Cursor): StoreArgs {
  cursor.space()
  const set = parseSequenceSet(cursor)
  cursor.space()
  let unchangedSince: number | null = null
  if (cursor.peek() === 0x28) {
    cursor.list(() => {
      cursor.expect('UNCHANGEDSINCE ')
      if (unchangedSince !== null) throw new Fault('UNCHANGEDSINCE twice')
      unchangedSince = cursor.modSeq()
    })
    cursor.space()
  }
  const mode = cursor.skip('+') ? 'add' : cursor.skip('-') ? 'remove' : 'replace'
  cursor.expect('FLAGS')
  const silent = cursor.skip('.SILENT')
  cursor.space()
  return { set, mode, silent, flags: parseStoreFlags(cursor), unchangedSince }
}
