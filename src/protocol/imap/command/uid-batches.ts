import { Fault, type Cursor } from '../cursor.ts'

export type UidBatchesArgs = {
  /** Messages of a batch. */
  readonly size: number
  /** The first and the last of the batches asked for, from 1 on; null: all. */
  readonly range: { readonly from: number; readonly to: number } | null
}

/** RFC 10022 §3.1: `UIDBATCHES` SP nz-number [SP nz-number `:` nz-number]. */
export function parseUidBatches(cursor: Cursor): UidBatchesArgs {
  cursor.space()
  const size = cursor.nzNumber()
  if (!cursor.skip(' ')) return { size, range: null }
  const from = cursor.nzNumber()
  cursor.expect(':')
  const to = cursor.nzNumber()
  if (from > to) throw new Fault('Batches count up', { code: 'CLIENTBUG' })
  return { size, range: { from, to } }
}
