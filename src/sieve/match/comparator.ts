/** Collations (RFC 4790): how texts compare. `fold` keeps the length, so that places in the folded text are places in the text. */
import { fold as foldCase } from './case.ts'

export type Comparator = {
  readonly name: string
  /** The capability that a script must require; null: none (RFC 5228 §2.7.3). */
  readonly capability: string | null
  /** Whether it can look for a part of a text, and so serve `:contains`, `:matches` and `:regex`. */
  readonly substrings: boolean
  readonly ignoresCase: boolean
  /** What must be done to a text before anything else; may change its length. */
  prepare(text: string): string
  fold(text: string): string
  /** Below, at or above zero; of texts that are prepared and folded. */
  compare(a: string, b: string): number
}

const same = (text: string): string => text

/** RFC 4790 §9.3: octets of UTF-8, which is the order of code points. */
const compareOctets = (a: string, b: string): number => (a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b)))

/** RFC 4790 §9.1.1: leading digits count; a text without any is above all numbers. */
function compareNumbers(a: string, b: string): number {
  const left = leadingDigits(a)
  const right = leadingDigits(b)
  if (left === null || right === null) return Number(left === null) - Number(right === null)
  if (left.length !== right.length) return left.length - right.length
  return left === right ? 0 : left < right ? -1 : 1
}

function leadingDigits(text: string): string | null {
  const digits = /^[0-9]+/.exec(text)
  return digits === null ? null : digits[0].replace(/^0+/, '')
}

const toLower = (text: string): string => text.toLowerCase()

export const COMPARATORS: readonly Comparator[] = [
  {
    name: 'i;ascii-casemap', // RFC 4790 §9.2
    capability: null,
    substrings: true,
    ignoresCase: true,
    prepare: same,
    fold: (text) => text.replace(/[A-Z]+/g, toLower),
    compare: compareOctets,
  },
  {
    name: 'i;octet', // RFC 4790 §9.3
    capability: null,
    substrings: true,
    ignoresCase: false,
    prepare: same,
    fold: same,
    compare: compareOctets,
  },
  {
    name: 'i;ascii-numeric', // RFC 4790 §9.1
    capability: 'comparator-i;ascii-numeric',
    substrings: false,
    ignoresCase: false,
    prepare: same,
    fold: same,
    compare: compareNumbers,
  },
  {
    // Choice: RFC 5051 decomposes; here letters are composed, as in searches, and match one for one: in Russian `й` is a letter
    // of its own, and match variables are pieces of the text.
    name: 'i;unicode-casemap',
    capability: 'comparator-i;unicode-casemap',
    substrings: true,
    ignoresCase: true,
    prepare: (text) => text.normalize('NFC'),
    fold: foldCase,
    compare: compareOctets,
  },
]

export const ASCII_CASEMAP = COMPARATORS[0]!

export function findComparator(name: string): Comparator | null {
  return COMPARATORS.find((comparator) => comparator.name === name.toLowerCase()) ?? null
}
