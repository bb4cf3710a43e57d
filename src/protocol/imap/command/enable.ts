import type { Cursor } from '../cursor.ts'

/** RFC 9051 §6.3.1: upper case. */
export function parseEnable(cursor: Cursor): string[] {
  const names: string[] = []
  do {
    cursor.space()
    names.push(capability(cursor))
  } while (!cursor.done)
  return names
}

/** `UTF8=ACCEPT` is an atom already. */
const capability = (cursor: Cursor): string => cursor.word()
