/**
 * Whether a regular expression takes linear time (S25): its source is taken apart, hostile texts are made for each of its
 * endless repetitions, and their time is measured at two lengths.
 */
import { createContext, Script } from 'node:vm'

export type Found = { readonly at: number; readonly source: string; readonly flags: string }

/** Regular expression literals of a source file. `code`: the same text with the insides of literals blanked (`scan.ts`). */
export function regexLiterals(text: string, code: string): Found[] {
  const found: Found[] = []
  for (const match of code.matchAll(/\/( +)\/([dgimsuvy]*)/g)) {
    const source = text.slice(match.index + 1, match.index + 1 + match[1]!.length)
    if (source.trim() !== '' || code[match.index - 1] === '(') found.push({ at: match.index, source, flags: match[2]! })
  }
  return found
}

// Taking apart ---------------------------------------------------------------------------------------------------------

type Node = {
  /** As written, without the quantifier. */
  readonly source: string
  /** Null: one character (or an assertion). */
  readonly alternatives: readonly (readonly Node[])[] | null
  readonly isAssertion: boolean
  readonly min: number
  readonly max: number
}

/** Takes the common grammar of regular expressions apart; back references and the like are atoms. */
function takeApart(source: string): readonly (readonly Node[])[] {
  let at = 0
  const quantifier = (): { min: number; max: number } => {
    const rest = source.slice(at)
    const braces = /^\{(\d+)(?:(,)(\d*))?\}/.exec(rest)
    let range = { min: 1, max: 1 }
    if (rest.startsWith('*')) range = { min: 0, max: Infinity }
    else if (rest.startsWith('+')) range = { min: 1, max: Infinity }
    else if (rest.startsWith('?')) range = { min: 0, max: 1 }
    else if (braces !== null) {
      const min = Number(braces[1])
      range = { min, max: braces[2] === undefined ? min : braces[3] === '' ? Infinity : Number(braces[3]) }
    } else return range
    at += braces?.[0].length ?? 1
    if (source[at] === '?') at++
    return range
  }
  const atomEnd = (): number => {
    if (source[at] === '[') {
      let end = at + 1
      while (source[end] !== ']') end += source[end] === '\\' ? 2 : 1
      return end + 1
    }
    if (source[at] !== '\\') return at + String.fromCodePoint(source.codePointAt(at)!).length
    const long = /^\\(?:u\{[^}]*\}|u[\da-f]{4}|x[\da-f]{2}|[pP]\{[^}]*\}|c[a-z]|k<[^>]*>)/i.exec(source.slice(at))
    return at + (long?.[0].length ?? 2)
  }
  const alternatives = (): Node[][] => {
    const list: Node[][] = [[]]
    while (at < source.length && source[at] !== ')') {
      if (source[at] === '|') {
        at++
        list.push([])
        continue
      }
      const start = at
      let inner: Node[][] | null = null
      let isAssertion = false
      if (source[at] === '(') {
        const opening = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>|[a-z-]+:))?/.exec(source.slice(at))![0]
        isAssertion = /[=!]$/.test(opening)
        at += opening.length
        inner = alternatives()
        at++
      } else {
        isAssertion = '^$'.includes(source[at]!) || /^\\[bB]/.test(source.slice(at))
        at = atomEnd()
      }
      const whole = source.slice(start, at)
      list.at(-1)!.push({ source: whole, alternatives: inner, isAssertion, ...quantifier() })
    }
    return list
  }
  return alternatives()
}

// Hostile texts --------------------------------------------------------------------------------------------------------

const CANDIDATES = [
  ...Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code)),
  ...'\u0300\u1100\u2028\u3042\uac00\ufeff\ufffd\ud800\udc00',
  '\u{1f600}',
]
const GOOD_ENOUGH = 3

/** Characters that an atom takes, those first that most other atoms take too. */
function samplesOf(atom: string, others: readonly string[], flags: string): readonly string[] {
  const tests = [atom, ...others].map((one) => new RegExp(`^(?:${one})$`, flags.replace(/[gy]/g, '')))
  return CANDIDATES.filter((char) => tests[0]!.test(char))
    .map((char) => ({ char, shared: tests.filter((one) => one.test(char)).length }))
    .toSorted((a, b) => b.shared - a.shared)
    .slice(0, GOOD_ENOUGH)
    .map(({ char }) => char)
}

const atomsOf = (alternatives: readonly (readonly Node[])[]): string[] =>
  alternatives.flat().flatMap((node) => {
    if (node.alternatives !== null) return atomsOf(node.alternatives)
    return node.isAssertion || /^\\(?:\d|k)/.test(node.source) ? [] : [node.source]
  })

export type Pump = { readonly prefix: string; readonly pump: string }

/** For each endless repetition: a way to come to it, and something for it to repeat. */
export function pumpsOf(source: string, flags: string): Pump[] {
  const tree = takeApart(source)
  const atoms = [...new Set(atomsOf(tree))]
  const samples = new Map(atoms.map((atom) => [atom, samplesOf(atom, atoms, flags)]))
  const pumps = new Map<string, Pump>()

  const shortest = (node: Node, min = node.min): string => {
    if (node.isAssertion) return ''
    const one =
      node.alternatives === null
        ? (samples.get(node.source)?.[0] ?? '')
        : node.alternatives[0]!.map((inner) => shortest(inner)).join('')
    return one.repeat(min)
  }
  const walk = (alternatives: readonly (readonly Node[])[], before: string): void => {
    for (const sequence of alternatives) {
      let prefix = before
      for (const node of sequence) {
        if (node.max >= ENDLESS) for (const pump of bodies(node)) pumps.set(`${prefix}\0${pump}`, { prefix, pump })
        if (node.alternatives !== null) walk(node.alternatives, prefix)
        prefix += shortest(node)
      }
    }
  }
  const bodies = (node: Node): readonly string[] => {
    if (node.alternatives === null) return samples.get(node.source) ?? []
    return node.alternatives.map((sequence) =>
      sequence.map((inner) => shortest(inner, Math.max(1, inner.min))).join(''),
    )
  }
  walk(tree, '')
  return [...pumps.values()].filter(({ pump }) => pump !== '')
}

/** Repetitions that stop earlier cost a constant. */
const ENDLESS = 1000

// Measuring ------------------------------------------------------------------------------------------------------------

const SHORT = 20_000
/** What a linear expression never needs for the long text. */
const SUSPICIOUS_MS = 20
const RATIO_MAX = 3
const TRIES = 3
/** V8 looks for this between the steps back of a match. */
const GIVE_UP_MS = 400

const sandbox = createContext({ regex: /x/, text: '' })
const script = new Script('regex.lastIndex = 0; regex.global ? text.replace(regex, "") : regex.exec(text)')

/** Milliseconds of CPU; Infinity when it was given up. */
function measure(regex: RegExp, text: string): number {
  Object.assign(sandbox, { regex, text })
  const before = process.cpuUsage()
  try {
    script.runInContext(sandbox, { timeout: GIVE_UP_MS })
  } catch {
    return Infinity
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Two failures to match: at the end, and everywhere. */
const textsOf = ({ prefix, pump }: Pump, length: number): string[] => {
  const pumped = pump.repeat(Math.ceil(length / pump.length))
  return [
    `${prefix}${pumped}\u0001`,
    `${pumped}\n\u0001!`,
    `${(prefix + pump.repeat(2)).repeat(Math.ceil(length / (prefix + pump).length / 2))}\u0001`,
  ]
}

/** @returns the text that takes more than linear time, as a prefix and what is repeated; null when there is none */
export function superLinear(source: string, flags: string): Pump | null {
  const regex = new RegExp(source, flags)
  for (const pump of pumpsOf(source, flags)) {
    // An exponential one would never come back from a long text.
    const steps = [25, 50, SHORT]
    for (const length of steps) {
      const count = textsOf(pump, length).length
      for (let i = 0; i < count; i++) if (isSuperLinear(regex, pump, { length, i })) return pump
    }
  }
  return null
}

function isSuperLinear(regex: RegExp, pump: Pump, { length, i }: { length: number; i: number }): boolean {
  for (let tries = 0; tries < TRIES; tries++) {
    const long = measure(regex, textsOf(pump, 2 * length)[i]!)
    if (long < SUSPICIOUS_MS) return false
    if (long === Infinity) continue
    if (long / Math.max(0.01, measure(regex, textsOf(pump, length)[i]!)) <= RATIO_MAX) return false
  }
  return true
}
