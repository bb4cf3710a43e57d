import { IMAP_ID_FIELDS_MAX, IMAP_ID_VALUE_MAX_OCTETS } from '../../../model/limits.ts'
import { Fault, type Cursor } from '../cursor.ts'

/** RFC 2971 §3.1: what the client says of itself; null for NIL. Longer than §3.3 allows is refused. */
export function parseId(cursor: Cursor): ReadonlyMap<string, string | null> | null {
  cursor.space()
  if (cursor.skip('NIL')) return null
  const values = cursor.list(() => cursor.nstring(), { empty: true })
  if (values.length % 2 !== 0) throw new Fault('ID needs pairs')
  if (values.length > 2 * IMAP_ID_FIELDS_MAX) throw new Fault('ID has too many fields')
  const fields = new Map<string, string | null>()
  for (let i = 0; i < values.length; i += 2) {
    const [name = null, value = null] = values.slice(i, i + 2)
    if (name === null) throw new Fault('ID field without a name')
    if (Buffer.byteLength(value ?? '') > IMAP_ID_VALUE_MAX_OCTETS) throw new Fault('ID value is too long')
    fields.set(name.toLowerCase(), value)
  }
  return fields
}
