import { Fault, type Cursor } from '../cursor.ts'

/** RFC 4978 §5. */
export function parseCompress(cursor: Cursor): null {
  cursor.space()
  const algorithm = cursor.word()
  if (algorithm !== 'DEFLATE') throw new Fault(`Unknown compression ${algorithm}`)
  return null
}
