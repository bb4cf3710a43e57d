import { Fault, type Cursor } from '../cursor.ts'
import { parseFetchItems, type FetchItem } from '../fetch.ts'
import { parsePartialRange, type PartialRange } from '../partial.ts'
import { parseSequenceSet, type SequenceSet } from '../sequence-set.ts'

export type FetchArgs = {
  readonly set: SequenceSet
  readonly items: readonly FetchItem[]
  /** RFC 7162 §3.1.4.1. */
  readonly changedSince: number | null
  /** RFC 7162 §3.2.6; only with UID FETCH. */
  readonly vanished: boolean
  /** RFC 9394 §3.3; only with UID FETCH. */
  readonly partial: PartialRange | null
}

/** FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 4466 §2.4). */
export function parseFetch(cursor: Cursor): FetchArgs {
  cursor.space()
  const set = parseSequenceSet(cursor)
  cursor.space()
  const items = parseFetchItems(cursor)
  let changedSince: number | null = null
  let vanished = false
  let partial: PartialRange | null = null
  if (cursor.skip(' ')) {
    cursor.list(() => {
      const name = cursor.word()
      if (name === 'CHANGEDSINCE') {
        cursor.space()
        changedSince = cursor.modSeq()
      } else if (name === 'VANISHED') vanished = true
      else if (name === 'PARTIAL') {
        if (partial !== null) throw new Fault('PARTIAL twice')
        cursor.space()
        partial = parsePartialRange(cursor)
      } else throw new Fault(`Unknown fetch modifier ${name}`)
    })
  }
  if (vanished && changedSince === null) throw new Fault('VANISHED needs CHANGEDSINCE') // RFC 7162 §3.2.6
  return { set, items, changedSince, vanished, partial }
}
