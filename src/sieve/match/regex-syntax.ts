/** Extended regular expressions (POSIX.2, draft-ietf-sieve-regex) as a tree. */
import { SIEVE_REGEX_MAX_CHARACTERS, SIEVE_REGEX_REPEAT_MAX } from '../../model/limits.ts'
import { err, ok, type Result } from '../../std/result.ts'

/** Whether a code point belongs. */
export type CharacterSet = (code: number) => boolean

export type RegexNode =
  | { readonly is: 'set'; readonly set: CharacterSet }
  | { readonly is: 'place'; readonly place: Place }
  | { readonly is: 'sequence' | 'choice'; readonly of: readonly RegexNode[] }
  | { readonly is: 'group'; readonly index: number; readonly of: RegexNode }
  | { readonly is: 'repeat'; readonly least: number; readonly most: number; readonly of: RegexNode }

/** Where nothing is eaten. The words of the last four are GNU's. */
export type Place = 'start' | 'end' | 'word-edge' | 'no-word-edge' | 'word-start' | 'word-end'

const DEPTH_MAX = 50
export const GROUPS_MAX = 50

class Wrong extends Error {}

export const isWord: CharacterSet = (code) => code === 95 || isIn('alnum')(code)

/** POSIX' classes; beyond ASCII by Unicode's properties. */
const CLASSES: Record<string, RegExp> = {
  alnum: /[\p{L}\p{N}]/u,
  alpha: /\p{L}/u,
  blank: /[ \t]/,
  cntrl: /\p{Cc}/u,
  digit: /[0-9]/,
  graph: /[^\p{Z}\p{C}]/u,
  lower: /\p{Ll}/u,
  print: /[^\p{Cc}\p{Zl}\p{Zp}]/u,
  punct: /[!-/:-@[-`{-~\p{P}]/u,
  space: /\s/,
  upper: /\p{Lu}/u,
  xdigit: /[0-9A-Fa-f]/,
}

const isIn = (name: string): CharacterSet => {
  const pattern = CLASSES[name]!
  return (code) => pattern.test(String.fromCodePoint(code))
}

/**
 * @param options.fold how letters are folded when case does not count; texts come folded
 * @returns the tree and how many groups it has, or what is wrong with the expression
 */
export function parseRegex(
  source: string,
  options: { readonly fold: ((text: string) => string) | null },
): Result<{ tree: RegexNode; groups: number }, string> {
  if (source.length > SIEVE_REGEX_MAX_CHARACTERS) return err(`longer than ${SIEVE_REGEX_MAX_CHARACTERS} characters`)
  try {
    return ok(parse([...source], options.fold))
  } catch (error) {
    if (error instanceof Wrong) return err(error.message)
    throw error
  }
}

function parse(
  letters: readonly string[],
  fold: ((text: string) => string) | null,
): { tree: RegexNode; groups: number } {
  let at = 0
  let groups = 0

  /** Case folded, a text's letter comes as its folded form: a set takes it when it holds any form of it. */
  const forCase = (set: CharacterSet): CharacterSet => {
    if (fold === null) return set
    return (code) => {
      if (set(code)) return true
      const upper = String.fromCodePoint(code).toUpperCase()
      // Only where folding leads back: in ASCII's folding `Ä` is no form of `ä`.
      return [...upper].length === 1 && fold(upper) === String.fromCodePoint(code) && set(upper.codePointAt(0)!)
    }
  }
  const literal = (letter: string): RegexNode => {
    const code = (fold === null ? letter : fold(letter)).codePointAt(0)!
    return { is: 'set', set: (other) => other === code }
  }

  function choice(depth: number): RegexNode {
    if (depth > DEPTH_MAX) throw new Wrong(`groups within groups deeper than ${DEPTH_MAX}`)
    const of = [sequence(depth)]
    while (letters[at] === '|') {
      at++
      of.push(sequence(depth))
    }
    return of.length === 1 ? of[0]! : { is: 'choice', of }
  }
  /** POSIX: a `)` that nothing opened is itself. */
  const isSequenceOver = (depth: number): boolean =>
    at >= letters.length || letters[at] === '|' || (letters[at] === ')' && depth > 0)
  function sequence(depth: number): RegexNode {
    const of: RegexNode[] = []
    while (!isSequenceOver(depth)) of.push(repeated(depth))
    return of.length === 1 ? of[0]! : { is: 'sequence', of }
  }
  function repeated(depth: number): RegexNode {
    let node = atom(depth)
    for (let times = 0; ; times++) {
      const range = readRepeat()
      if (range === null) return node
      if (times > 3) throw new Wrong('too many repeats one after another')
      node = { is: 'repeat', least: range[0], most: range[1], of: node }
    }
  }
  function readRepeat(): [number, number] | null {
    const letter = letters[at]
    if (letter === '*' || letter === '+' || letter === '?') {
      at++
      return letter === '*' ? [0, Infinity] : letter === '+' ? [1, Infinity] : [0, 1]
    }
    if (letter !== '{') return null
    const end = letters.indexOf('}', at)
    const text = end === -1 ? '' : letters.slice(at + 1, end).join('')
    const numbers = /^([0-9]{1,4})(,([0-9]{0,4}))?$/.exec(text)
    if (numbers === null)
      throw new Wrong('“{” wants a number of repeats, such as {2} or {2,5}; a literal one is “\\\\{”')
    const least = Number(numbers[1])
    const most = numbers[2] === undefined ? least : numbers[3] === '' ? Infinity : Number(numbers[3])
    if (most < least) throw new Wrong(`{${text}}: the second number is smaller`)
    if (least > SIEVE_REGEX_REPEAT_MAX || (most !== Infinity && most > SIEVE_REGEX_REPEAT_MAX))
      throw new Wrong(`{${text}}: more than ${SIEVE_REGEX_REPEAT_MAX} repeats`)
    at = end + 1
    return [least, most]
  }
  function atom(depth: number): RegexNode {
    const letter = letters[at++]!
    switch (letter) {
      case '(': {
        const index = ++groups
        if (groups > GROUPS_MAX) throw new Wrong(`more than ${GROUPS_MAX} groups`)
        const of = choice(depth + 1)
        if (letters[at] !== ')') throw new Wrong('“(” is never closed')
        at++
        return { is: 'group', index, of }
      }
      case '[':
        return { is: 'set', set: bracket() }
      case '.':
        return { is: 'set', set: () => true }
      case '^':
        return { is: 'place', place: 'start' }
      case '$':
        return { is: 'place', place: 'end' }
      case '*':
      case '+':
      case '?':
      case '{':
        throw new Wrong(`“${letter}” has nothing before it to repeat`)
      case '\\':
        return escaped()
      default:
        return literal(letter)
    }
  }
  /** Interop: GNU's `\w \W \s \S \b \B \< \>` are in scripts that were written for Pigeonhole. */
  function escaped(): RegexNode {
    const letter = letters[at++]
    switch (letter) {
      case undefined:
        throw new Wrong('a backslash at the end')
      case 'w':
        return { is: 'set', set: isWord }
      case 'W':
        return { is: 'set', set: (code) => !isWord(code) }
      case 's':
        return { is: 'set', set: isIn('space') }
      case 'S':
        return { is: 'set', set: (code) => !isIn('space')(code) }
      case 'b':
        return { is: 'place', place: 'word-edge' }
      case 'B':
        return { is: 'place', place: 'no-word-edge' }
      case '<':
        return { is: 'place', place: 'word-start' }
      case '>':
        return { is: 'place', place: 'word-end' }
      default:
        if (/[1-9]/.test(letter)) throw new Wrong(`“\\${letter}” refers to a group, which no Sieve expression may`)
        if (/[A-Za-z]/.test(letter)) throw new Wrong(`“\\${letter}” means nothing here`)
        return literal(letter)
    }
  }
  function bracket(): CharacterSet {
    const negated = letters[at] === '^'
    if (negated) at++
    const sets: CharacterSet[] = []
    const singles = new Set<number>()
    for (let first = true; ; first = false) {
      const letter = letters[at]
      if (letter === undefined) throw new Wrong('“[” is never closed')
      at++
      if (letter === ']' && !first) break
      if (letter === '[' && letters[at] === ':') {
        sets.push(isIn(readNamed(':', (name) => name in CLASSES)))
        continue
      }
      const start = letter === '[' && /[.=]/.test(letters[at] ?? '') ? readNamed(letters[at]!, isSingle) : letter
      // POSIX: a `-` is a range's unless it stands first or last.
      if (letters[at] === '-' && letters[at + 1] !== ']' && at + 1 < letters.length) {
        at++
        let last = letters[at++]!
        if (last === '[' && /[.=]/.test(letters[at] ?? '')) last = readNamed(letters[at]!, isSingle)
        const [from, to] = [start.codePointAt(0)!, last.codePointAt(0)!]
        if (to < from) throw new Wrong(`[${start}-${last}]: the range ends before it begins`)
        sets.push((code) => code >= from && code <= to)
      } else singles.add(start.codePointAt(0)!)
    }
    const any = forCase((code) => singles.has(code) || sets.some((set) => set(code)))
    return negated ? (code) => !any(code) : any
  }
  function readNamed(mark: string, known: (name: string) => boolean): string {
    const end = letters.findIndex((letter, i) => i > at && letter === mark && letters[i + 1] === ']')
    const name = end === -1 ? '' : letters.slice(at + 1, end).join('')
    if (!known(name)) throw new Wrong(`[${mark}${name.slice(0, 20)}${mark}] is unknown`)
    at = end + 2
    return name
  }

  const tree = choice(0)
  return { tree, groups }
}

const isSingle = (name: string): boolean => [...name].length === 1
