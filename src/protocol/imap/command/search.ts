import type { Cursor } from '../cursor.ts'
import { parseSearch, type SearchArgs } from '../search.ts'

/** SEARCH and UID SEARCH (RFC 9051 §6.4.4). */
export function parseSearchCommand(cursor: Cursor): SearchArgs {
  cursor.space()
  return parseSearch(cursor)
}
