/** Flags at rest: the system's as bits, keywords as text in which each stands between two spaces (`' a  b '`). */
import { assert } from '../../std/assert.ts'
import type { Flag } from '../../model/mailbox.ts'
import type { FlagClasses } from '../../model/rights.ts'

export const ANSWERED = 1
export const FLAGGED = 2
export const DELETED = 4
export const SEEN = 8
export const DRAFT = 16

const SYSTEM: readonly (readonly [Flag, number])[] = [
  ['\\Answered', ANSWERED],
  ['\\Flagged', FLAGGED],
  ['\\Deleted', DELETED],
  ['\\Seen', SEEN],
  ['\\Draft', DRAFT],
]
/** Bits of the flags of these kinds. */
export const maskOf = ({ seen, deleted, others }: FlagClasses): number =>
  (seen ? SEEN : 0) | (deleted ? DELETED : 0) | (others ? ANSWERED | FLAGGED | DRAFT : 0)

const BIT_OF = new Map<string, number>(SYSTEM)

export type SplitFlags = { readonly bits: number; readonly keywords: readonly string[] }

/** Parts system flags from keywords; a keyword named twice counts once. */
export function splitFlags(flags: readonly Flag[]): SplitFlags {
  let bits = 0
  const keywords: string[] = []
  for (const flag of flags) {
    const bit = BIT_OF.get(flag)
    if (bit !== undefined) bits |= bit
    else {
      assert(flag.length > 0 && !flag.includes(' ') && !flag.startsWith('\\'), 'a keyword is an atom')
      if (!keywords.some((other) => other.toLowerCase() === flag.toLowerCase())) keywords.push(flag)
    }
  }
  return { bits, keywords }
}

export const keywordToken = (keyword: string): string => ` ${keyword} `
export const joinKeywords = (keywords: readonly string[]): string => keywords.map(keywordToken).join('')
export const keywordsOf = (text: string): string[] => (text === '' ? [] : text.slice(1, -1).split('  '))

const DECODED_MAX = 4096

/** Mailboxes have few combinations of flags: each is decoded once and shared. Not to be changed by who gets it. */
export function flagDecoder(): (bits: number, keywords: string) => readonly Flag[] {
  const decoded = new Map<string, readonly Flag[]>()
  const plain: (readonly Flag[] | undefined)[] = []
  return (bits, keywords) => {
    if (keywords === '') return (plain[bits] ??= Object.freeze(decode(bits, keywords)))
    const key = `${bits}${keywords}`
    let flags = decoded.get(key)
    if (flags === undefined) {
      if (decoded.size >= DECODED_MAX) decoded.clear()
      flags = Object.freeze(decode(bits, keywords))
      decoded.set(key, flags)
    }
    return flags
  }
}

function decode(bits: number, keywords: string): Flag[] {
  const flags: Flag[] = []
  for (const [flag, bit] of SYSTEM) if ((bits & bit) !== 0) flags.push(flag)
  flags.push(...keywordsOf(keywords))
  return flags
}
