import type { Cursor } from '../cursor.ts'

/** RFC 5267 §5: tags of searching commands. */
export function parseCancelUpdate(cursor: Cursor): readonly string[] {
  const tags: string[] = []
  do {
    cursor.space()
    tags.push(cursor.text())
  } while (!cursor.done)
  return tags
}
