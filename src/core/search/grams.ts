/**
 * What the search index keeps of a text: a number for each three characters in a row of its folded form, so that any part
 * of a word is found (RFC 9051 §6.4.4 asks for substrings). Different grams may share a number: what the index tells
 * is looked into. Characters are UTF-16 units, as in the comparison itself.
 */
import {
  SEARCH_GRAMS_PER_MESSAGE_MAX,
  SEARCH_NEEDLE_GRAMS_MAX,
  SEARCH_TEXT_MAX_CHARACTERS,
} from '../../model/limits.ts'

const GRAMS = 65_536
/** CJK, Hangul, and all outside the basic plane: there two units are a word, so pairs are kept too. */
const WIDE_FROM = 0x2e80
const PAIR = 0xffff

function gramOf(a: number, b: number, c: number): number {
  return Math.imul(Math.imul(Math.imul(a, 0x9e3779b1) ^ b, 0x85ebca77) ^ c, 0xc2b2ae3d) >>> 16
}

/** Serves one message after the other, since it takes 128 KiB. */
export type GramCollector = {
  /** Folded text; pieces are joined. @returns false once there is too much to be indexed */
  add(folded: string): boolean
  /** What comes next does not join what was. */
  part(): void
  /** Each once; null when there was too much. What comes next is another message. */
  take(): Uint16Array | null
}

export function createGramCollector(): GramCollector {
  const seen = new Uint8Array(GRAMS)
  const found = new Uint16Array(SEARCH_GRAMS_PER_MESSAGE_MAX)
  let count = 0
  let characters = 0
  let full = false
  /** The two units before; -1: none. */
  let a = -1
  let b = -1

  function keep(gram: number): void {
    if (seen[gram] === 1) return
    if (count === found.length) {
      full = true
      return
    }
    seen[gram] = 1
    found[count++] = gram
  }

  return {
    add(folded) {
      characters += folded.length
      full ||= characters > SEARCH_TEXT_MAX_CHARACTERS
      for (let i = 0; i < folded.length && !full; i++) {
        const c = folded.charCodeAt(i)
        if (a !== -1) keep(gramOf(a, b, c))
        if (c >= WIDE_FROM && b >= WIDE_FROM) keep(gramOf(PAIR, b, c))
        a = b
        b = c
      }
      return !full
    },
    part() {
      a = -1
      b = -1
    },
    take() {
      const grams = full ? null : found.slice(0, count)
      for (let i = 0; i < count; i++) seen[found[i]!] = 0
      count = characters = 0
      full = false
      a = b = -1
      return grams
    },
  }
}

/** Grams that a text which holds this one has; none when it is too short to tell by. @param folded as `foldForSearch` gives it */
export function gramsOfNeedle(folded: string): readonly number[] {
  const grams = new Set<number>()
  const unit = (at: number): number => folded.charCodeAt(at)
  if (folded.length === 2 && unit(0) >= WIDE_FROM && unit(1) >= WIDE_FROM) grams.add(gramOf(PAIR, unit(0), unit(1)))
  const last = folded.length - 3
  const step = Math.max(1, last / SEARCH_NEEDLE_GRAMS_MAX)
  for (let at = 0; at <= last; at += step) grams.add(gramOf(unit(Math.floor(at)), unit(Math.floor(at) + 1), unit(Math.floor(at) + 2))) // prettier-ignore
  return [...grams].slice(0, SEARCH_NEEDLE_GRAMS_MAX)
}
