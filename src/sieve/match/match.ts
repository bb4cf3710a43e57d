/** Match types (RFC 5228 §2.7.1, RFC 5231, draft-ietf-sieve-regex). */
import { SIEVE_MATCH_VARIABLES_MAX } from '../../model/limits.ts'
import { ScriptError, spend, type Machine } from '../machine.ts'
import { ASCII_CASEMAP, type Comparator } from './comparator.ts'
import { compileGlob, matchGlob } from './glob.ts'
import { compileRegex, matchRegex, type Regex } from './regex.ts'

export type Relation = 'gt' | 'ge' | 'lt' | 'le' | 'eq' | 'ne'
export const RELATIONS: readonly Relation[] = ['gt', 'ge', 'lt', 'le', 'eq', 'ne']

export type MatchType = 'is' | 'contains' | 'matches' | 'regex' | 'count' | 'value'
export type Match = {
  readonly type: MatchType
  readonly comparator: Comparator
  /** Of `count` and `value`. */
  readonly relation: Relation | null
  /** Whether match variables are kept (RFC 5229 §3.2): only when the script has variables. */
  readonly keeps: boolean
}

export const PLAIN_MATCH: Match = { type: 'is', comparator: ASCII_CASEMAP, relation: null, keeps: false }

/** Whether any value matches any key, values first. Sets match variables. */
export function matchAny(machine: Machine, match: Match, values: readonly string[], keys: readonly string[]): boolean {
  if (match.type === 'count') return matchCount(machine, match, values.length, keys)
  const matcher = createMatcher(machine, match, keys)
  return values.some(matcher)
}

/** `:count` (RFC 5231 §4.2): the number, as text, is compared with each key. */
export function matchCount(machine: Machine, match: Match, count: number, keys: readonly string[]): boolean {
  const { comparator, relation } = match
  spend(machine, 1 + keys.length)
  return keys.some((key) => holds(comparator.compare(comparator.fold(String(count)), comparator.fold(key)), relation!))
}

/** For values that come one by one. */
export function createMatcher(machine: Machine, match: Match, keys: readonly string[]): (value: string) => boolean {
  const { comparator } = match
  const charge = (steps: number): void => spend(machine, steps)
  const prepare = (text: string): string => comparator.fold(comparator.prepare(text))
  const folded = match.type === 'regex' ? [] : keys.map(prepare)
  for (const key of keys) charge(1 + (key.length >> 4))
  const globs = match.type === 'matches' ? folded.map(compileGlob) : []
  const regexes = match.type === 'regex' ? keys.map((key) => findRegex(machine, key, comparator)) : []

  return (value) => {
    const prepared = comparator.prepare(value)
    const text = comparator.fold(prepared)
    charge(1 + keys.length + (value.length >> 4))
    switch (match.type) {
      case 'is':
        return folded.some((key) => (comparator.substrings ? key === text : comparator.compare(text, key) === 0))
      case 'contains':
        return folded.some((key) => {
          charge(1 + (text.length >> 6))
          return text.includes(key)
        })
      case 'matches':
        return globs.some((glob) => {
          charge(1 + (text.length >> 4))
          const places = matchGlob(glob, text, charge)
          if (places !== null && match.keeps) keep(machine, prepared, [[0, prepared.length], ...places])
          return places !== null
        })
      case 'regex':
        return regexes.some((regex) => {
          const found = matchRegex(regex, text, charge, match.keeps)
          if (found !== null && match.keeps) keep(machine, prepared, pairs(found))
          return found !== null
        })
      case 'value':
        return folded.some((key) => holds(comparator.compare(text, key), match.relation!))
      case 'count':
        throw new ScriptError(':count has nothing to count here')
    }
  }
}

export function holds(order: number, relation: Relation): boolean {
  switch (relation) {
    case 'gt':
      return order > 0
    case 'ge':
      return order >= 0
    case 'lt':
      return order < 0
    case 'le':
      return order <= 0
    case 'eq':
      return order === 0
    case 'ne':
      return order !== 0
  }
}

function keep(machine: Machine, text: string, places: readonly (readonly [number, number])[]): void {
  machine.matched = places
    .slice(0, SIEVE_MATCH_VARIABLES_MAX + 1)
    .map(([start, end]) => (start === -1 ? '' : text.slice(start, end)))
}

function pairs(found: readonly number[]): [number, number][] {
  const result: [number, number][] = []
  for (let i = 0; i < found.length; i += 2) result.push([found[i]!, found[i + 1]!])
  return result
}

function findRegex(machine: Machine, source: string, comparator: Comparator): Regex {
  const name = `${comparator.name} ${source}`
  const known = machine.regexes.get(name)
  if (known !== undefined) return known
  const made = compileRegex(comparator.prepare(source), comparator.ignoresCase ? comparator.fold : null)
  if (!made.ok) throw new ScriptError(`the regular expression “${source.slice(0, 100)}” is wrong: ${made.error}`)
  spend(machine, 10 * made.value.code.length)
  machine.regexes.set(name, made.value)
  return made.value
}
