/** Tags and positional arguments of a command or test, fitted to its table (RFC 5228 §2.6). */
import type { Owned } from './catalog.ts'
import { createValueReader, type Scope, type Wanted } from './check-values.ts'
import type { Place } from './lexer.ts'
import { findComparator } from './match/comparator.ts'
import { RELATIONS, type Match, type MatchType, type Relation } from './match/match.ts'
import { compileRegex } from './match/regex.ts'
import type { SyntaxArgument, SyntaxTest } from './parser.ts'
import type { ArgumentSpec, Node, TagSpec, Value } from './spec.ts'
import type { Text } from './text.ts'

/** Tags of a group that belong to matching; the value of `comparator` and `relation` tags is a string. */
const MATCH_TAGS: readonly TagSpec[] = [
  { name: 'is', group: 'match' },
  { name: 'contains', group: 'match' },
  { name: 'matches', group: 'match' },
  { name: 'comparator', takes: 'string', constant: true },
]

export type Spec = {
  readonly tags?: readonly TagSpec[]
  readonly args?: readonly ArgumentSpec[]
  readonly matching?: boolean
}

const MATCH_TYPES: readonly MatchType[] = ['is', 'contains', 'matches', 'regex', 'count', 'value']
/** Of all expressions together: past it the rest are looked at when they run, so that checking takes no longer than reading. */
const TRIED_INSTRUCTIONS_MAX = 200_000

export type ArgumentScope = Scope & {
  /** What is not here, but may be somewhere else. */
  unknown(where: Place, message: string): void
  /** What must have been switched on when this runs: none for what is required. */
  guardsOf(capability: string | null): string[]
}

export type ArgumentReader = {
  /** Adds to `guards` what must have been switched on. */
  readArguments(
    syntax: SyntaxTest,
    owner: Owned<Spec>,
    guards: string[],
  ): { tags: Map<string, Value>; args: (Value | null)[] }
  readMatch(where: Place, owner: Owned<Spec>, tags: ReadonlyMap<string, Value>, guards: string[]): Match | null
  tryRegexes(where: Place, node: Node): void
}

export function createArgumentReader(scope: ArgumentScope): ArgumentReader {
  const { catalog, required, has, problem, unknown, guardsOf } = scope
  const readValue = createValueReader(scope)
  let instructionsLeft = TRIED_INSTRUCTIONS_MAX

  function findTag(owner: Owned<Spec>, name: string): { tag: TagSpec; capability: string | null } | null {
    const own = owner.spec.tags?.find((tag) => tag.name === name)
    if (own !== undefined) return { tag: own, capability: null }
    if (owner.spec.matching === true) {
      const match = MATCH_TAGS.find((tag) => tag.name === name)
      if (match !== undefined) return { tag: match, capability: null }
    }
    const added = catalog.added(owner, name)
    // The same tag may come from several extensions: one that the script has wins.
    return added.find(({ capability }) => capability === null || has(capability)) ?? added[0] ?? null
  }

  function readArguments(
    syntax: SyntaxTest,
    owner: Owned<Spec>,
    guards: string[],
  ): { tags: Map<string, Value>; args: (Value | null)[] } {
    const tags = new Map<string, Value>()
    const groups = new Map<string, string>()
    const rest: SyntaxArgument[] = []
    for (let i = 0; i < syntax.args.length; i++) {
      const given = syntax.args[i]!
      if (given.kind !== 'tag') {
        rest.push(given)
        continue
      }
      const found = findTag(owner, given.name)
      if (found === null) {
        unknown(given, `“${syntax.name}” has no “:${given.name}”`)
        // What follows may belong to it: nothing more can be said about this command.
        return { tags, args: (owner.spec.args ?? []).map(() => null) }
      }
      const { tag, capability } = found
      if (capability !== null && !has(capability)) {
        unknown(given, `“:${given.name}” wants: require "${capability}";`)
      }
      guards.push(...guardsOf(capability))
      if (rest.length > 0) problem(given, `“:${given.name}” must stand before the other arguments`)
      const group = tag.group ?? tag.name
      const rival = groups.get(group)
      if (rival === tag.name) problem(given, `“:${tag.name}” is given twice`)
      else if (rival !== undefined) problem(given, `“:${tag.name}” and “:${rival}” exclude each other`)
      groups.set(group, tag.name)
      if (tag.takes === undefined) tags.set(tag.name, true)
      else {
        const next = syntax.args[i + 1]
        const value = readValue(next, given, { kind: tag.takes, ...pickChecks(tag) }, `the value of “:${tag.name}”`)
        if (next !== undefined && next.kind !== 'tag') i++
        if (value !== null) tags.set(tag.name, value)
      }
    }
    for (const name of groups.values()) {
      const needs = findTag(owner, name)?.tag.needs
      if (needs !== undefined && !tags.has(needs)) problem(syntax, `“:${name}” means nothing without “:${needs}”`)
    }
    return { tags, args: readPositional(syntax, owner.spec.args ?? [], rest) }
  }

  function readPositional(
    syntax: SyntaxTest,
    specs: readonly ArgumentSpec[],
    given: readonly SyntaxArgument[],
  ): (Value | null)[] {
    let spare = given.length - specs.filter((spec) => spec.optional !== true).length
    if (spare < 0) {
      const missing = specs.filter((spec) => spec.optional !== true)[given.length]
      problem(syntax, `“${syntax.name}” lacks ${missing?.what ?? 'an argument'}`)
      return specs.map(() => null)
    }
    let next = 0
    const values = specs.map((spec) => {
      if (spec.optional === true && spare-- <= 0) return null
      return readValue(given[next++], syntax, spec, spec.what)
    })
    if (next < given.length) problem(given[next]!, `“${syntax.name}” takes no more arguments here`)
    return values
  }

  function readMatch(
    where: Place,
    owner: Owned<Spec>,
    tags: ReadonlyMap<string, Value>,
    guards: string[],
  ): Match | null {
    if (owner.spec.matching !== true) return null
    const type = MATCH_TYPES.find((name) => tags.has(name)) ?? 'is'
    const name = firstString(tags.get('comparator')) ?? 'i;ascii-casemap'
    const comparator = findComparator(name)
    if (comparator === null) {
      unknown(where, `there is no comparator “${name.slice(0, 60)}” here`)
      return null
    }
    if (comparator.capability !== null) {
      if (!has(comparator.capability)) unknown(where, `“${name}” wants: require "${comparator.capability}";`)
      guards.push(...guardsOf(comparator.capability))
    }
    if (!comparator.substrings && ['contains', 'matches', 'regex'].includes(type))
      problem(where, `“:${type}” cannot be done with the comparator “${name}”`) // RFC 5228 §2.7.1
    const relation = type === 'count' || type === 'value' ? readRelation(where, type, tags) : null
    return { type, comparator, relation, keeps: required.has('variables') }
  }

  function readRelation(where: Place, type: MatchType, tags: ReadonlyMap<string, Value>): Relation | null {
    const written = firstString(tags.get(type)) ?? ''
    const relation = RELATIONS.find((name) => name === written.toLowerCase())
    if (relation === undefined) problem(where, `“:${type}” wants one of ${RELATIONS.map((r) => `"${r}"`).join(' ')}`)
    return relation ?? 'eq'
  }

  /** Regular expressions without variables are tried now. */
  function tryRegexes(where: Place, node: Node): void {
    const { match } = node
    if (match === null || match.type !== 'regex') return
    const keys = node.args.at(-1)
    if (!Array.isArray(keys)) return
    for (const key of keys as readonly Text[]) {
      if (typeof key !== 'string' || instructionsLeft <= 0) continue
      const made = compileRegex(
        match.comparator.prepare(key),
        match.comparator.ignoresCase ? match.comparator.fold : null,
      )
      if (made.ok) instructionsLeft -= made.value.code.length
      else problem(where, `the regular expression “${key.slice(0, 100)}” is wrong: ${made.error}`)
    }
  }

  return { readArguments, readMatch, tryRegexes }
}

function pickChecks(tag: TagSpec): Omit<Wanted, 'kind'> {
  return {
    ...(tag.constant === true ? { constant: true } : {}),
    ...(tag.check === undefined ? {} : { check: tag.check }),
  }
}

export function firstString(value: Value | undefined): string | null {
  if (!Array.isArray(value)) return null
  const first = (value as readonly Text[])[0]
  return first === undefined ? null : typeof first === 'string' ? first : first.raw
}
