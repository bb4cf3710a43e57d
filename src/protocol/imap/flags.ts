import { KEYWORD_MAX_OCTETS } from '../../model/limits.ts'
import { SYSTEM_FLAGS, type Flag } from '../../model/mailbox.ts'
import { Fault, type Cursor } from './cursor.ts'

const SYSTEM = new Map(SYSTEM_FLAGS.map((flag) => [flag.toUpperCase(), flag]))

const BACKSLASH = 0x5c

/** One flag; system flags come back in their one case. \Recent may be read, never set (RFC 3501 §2.3.2). */
export function parseFlag(cursor: Cursor): Flag {
  if (cursor.peek() !== BACKSLASH) return keyword(cursor)
  cursor.at++
  const name = `\\${cursor.atom()}`
  const flag = SYSTEM.get(name.toUpperCase())
  if (flag === undefined) throw new Fault(`Unknown system flag ${name}`)
  return flag
}

/** RFC 9051 §9 flag-keyword. */
export function keyword(cursor: Cursor): Flag {
  const name = cursor.atom()
  if (name.length > KEYWORD_MAX_OCTETS) throw new Fault('Keyword is too long', { status: 'NO', code: 'LIMIT' })
  return name
}

export const parseFlagList = (cursor: Cursor): Flag[] => unique(cursor.list(() => parseFlag(cursor), { empty: true }))

/** STORE also takes flags without parentheses (RFC 9051 §9 store-att-flags). */
export function parseStoreFlags(cursor: Cursor): Flag[] {
  if (cursor.peek() === 0x28) return parseFlagList(cursor)
  const flags = [parseFlag(cursor)]
  while (cursor.skip(' ')) flags.push(parseFlag(cursor))
  return unique(flags)
}

/** Flags compare without case. */
function unique(flags: readonly Flag[]): Flag[] {
  const seen = new Map<string, Flag>()
  for (const flag of flags) {
    const key = flag.toLowerCase()
    if (!seen.has(key)) seen.set(key, flag)
  }
  return [...seen.values()]
}
