import { Fault, type Cursor } from '../cursor.ts'

const PAIRS_MAX = 30
const VALUE_MAX = 1024

/** RFC 2971 §3.1: what the client says of itself; null for NIL. */
export function parseId(cursor: Cursor): ReadonlyMap<string, string | null> | null {
  cursor.space()
  if (cursor.skip('NIL')) return null
  const values = cursor.list(() => cursor.nstring(), { empty: true })
  if (values.length % 2 !== 0) throw new Fault('ID needs pairs')
  const fields = new Map<string, string | null>()
  for (let i = 0; i < values.length && fields.size < PAIRS_MAX; i += 2) {
    const name = values[i]
    if (name === null || name === undefined) throw new Fault('ID field without a name')
    fields.set(name.toLowerCase().slice(0, 30), values[i + 1]?.slice(0, VALUE_MAX) ?? null)
  }
  return fields
}
