import { Fault, type Cursor } from '../cursor.ts'
import { parseCharset, parseProgram, type SearchKey } from '../search.ts'

/** REFS is as REFERENCES without its look at subjects, as Dovecot and Cyrus have it. */
export const THREAD_ALGORITHMS = ['ORDEREDSUBJECT', 'REFERENCES', 'REFS'] as const
export type ThreadAlgorithm = (typeof THREAD_ALGORITHMS)[number]

export type ThreadArgs = {
  readonly algorithm: ThreadAlgorithm
  readonly charset: string | null
  readonly key: SearchKey
}

/** THREAD and UID THREAD (RFC 5256 §5). */
export function parseThread(cursor: Cursor): ThreadArgs {
  cursor.space()
  const name = cursor.word()
  const algorithm = THREAD_ALGORITHMS.find((known) => known === name)
  if (algorithm === undefined) throw new Fault('Unknown threading algorithm')
  cursor.space()
  const charset = parseCharset(cursor)
  cursor.space()
  return { algorithm, charset, key: parseProgram(cursor) }
}
