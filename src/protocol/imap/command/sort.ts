import { Fault, type Cursor } from '../cursor.ts'
import { parseCharset, parseProgram, parseReturns, type SearchArgs } from '../search.ts'

const KEYS = [
  'ARRIVAL',
  'CC',
  'DATE',
  'FROM',
  'SIZE',
  'SUBJECT',
  'TO',
  'DISPLAYFROM', // RFC 5957 §5
  'DISPLAYTO',
] as const

export type SortKey = (typeof KEYS)[number]
export type SortCriterion = { readonly key: SortKey; readonly reverse: boolean }

export type SortArgs = SearchArgs & { readonly criteria: readonly SortCriterion[] }

/** SORT and UID SORT (RFC 5256 §5), with return options (RFC 5267 §5). */
export function parseSort(cursor: Cursor): SortArgs {
  cursor.space()
  const { returns, partial } = parseReturns(cursor)
  const criteria = parseCriteria(cursor)
  cursor.space()
  const charset = parseCharset(cursor)
  cursor.space()
  return { returns, partial, criteria, charset, key: parseProgram(cursor) }
}

/** A criterion that stands there already decides nothing and is dropped. */
function parseCriteria(cursor: Cursor): SortCriterion[] {
  const criteria = new Map<SortKey, SortCriterion>()
  cursor.list(() => {
    let name = cursor.word()
    const reverse = name === 'REVERSE'
    if (reverse) {
      cursor.space()
      name = cursor.word()
    }
    const key = KEYS.find((known) => known === name)
    if (key === undefined) throw new Fault(`Unknown sort criterion ${name}`)
    if (!criteria.has(key)) criteria.set(key, { key, reverse })
  })
  return [...criteria.values()]
}
