/** From syntax to checked commands: every name, tag and argument is looked up in the tables of the extensions. */
import { SIEVE_PROBLEMS_MAX } from '../model/limits.ts'
import type { IncludedName, ScriptProblem } from './contract.ts'
import type { Place } from './lexer.ts'
import { ScriptError } from './machine.ts'
import { findComparator } from './match/comparator.ts'
import { compileRegex } from './match/regex.ts'
import { RELATIONS, type Match, type MatchType, type Relation } from './match/match.ts'
import { oneLine } from './message/print.ts'
import type { SyntaxArgument, SyntaxCommand, SyntaxTest } from './parser.ts'
import type {
  ArgumentSpec,
  Checker,
  Command,
  CommandSpec,
  Node,
  TagSpec,
  Test,
  TestSpec,
  Value,
  ValueKind,
} from './spec.ts'
import type { Catalog, Owned } from './catalog.ts'
import { decodeCharacters, parseTemplate, type Text } from './text.ts'

export type CheckedScript = {
  readonly commands: readonly Command[]
  readonly errors: readonly ScriptProblem[]
  readonly warnings: readonly ScriptProblem[]
  readonly requires: readonly string[]
  readonly includes: readonly IncludedName[]
  readonly readsBody: boolean
}

/** Tags of a group that belong to matching; the value of `comparator` and `relation` tags is a string. */
const MATCH_TAGS: readonly TagSpec[] = [
  { name: 'is', group: 'match' },
  { name: 'contains', group: 'match' },
  { name: 'matches', group: 'match' },
  { name: 'comparator', takes: 'string', constant: true },
]

type Spec = { readonly tags?: readonly TagSpec[]; readonly args?: readonly ArgumentSpec[]; readonly matching?: boolean }

/** @param allowed capabilities that may be required */
export function check(script: readonly SyntaxCommand[], catalog: Catalog, allowed: ReadonlySet<string>): CheckedScript {
  const errors: ScriptProblem[] = []
  const warnings: ScriptProblem[] = []
  const required = new Set<string>()
  /** Switched on by `ihave` somewhere above: to be asked for again when it runs (RFC 5463 §4). */
  const later = new Set<string>()
  const requires: string[] = []
  const includes = new Map<string, IncludedName>()
  const globals = new Set<string>()
  const locals = new Set<string>()
  const loops: (string | null)[] = []
  const around: string[] = []
  let readsBody = false
  let instructionsLeft = TRIED_INSTRUCTIONS_MAX

  const report = (list: ScriptProblem[], { line, column }: Place, message: string): void => {
    if (list.length < SIEVE_PROBLEMS_MAX) list.push({ line, column, message: oneLine(message) })
  }
  const problem = (where: Place, message: string): void => report(errors, where, message)
  const has = (capability: string): boolean => required.has(capability) || later.has(capability)
  const checker: Checker = {
    problem,
    warn: (where, message) => report(warnings, where, message),
    has,
    require(where, capability, when) {
      const known = catalog.capabilities.get(capability)
      if (known === undefined || !allowed.has(capability)) {
        if (when === 'now') problem(where, `there is no extension “${capability.slice(0, 60)}” here`)
        return
      }
      if (when === 'later') {
        if (!known.changesLanguage) later.add(capability)
        return
      }
      if (!required.has(capability)) requires.push(capability)
      required.add(capability)
      for (const implied of known.implies) required.add(implied)
    },
    include(name, location, optional) {
      includes.set(`${location} ${name}`, { name, location, optional })
    },
    declareGlobal(where, name) {
      if (locals.has(name)) problem(where, `the variable “${name}” was set before it is declared global`) // RFC 6609 §3.4.1
      globals.add(name)
    },
    inside: (name) => around.filter((other) => other === name).length,
    loops,
  }

  /** What must have been switched on when this runs: none for what is required. */
  const guardsOf = (capability: string | null): string[] =>
    capability === null || required.has(capability) ? [] : [capability]

  // Strings ----------------------------------------------------------------------------------------------------------

  function readText(where: Place, raw: string, constant: boolean, what: string): Text {
    let decoded = raw
    if (required.has('encoded-character')) {
      const result = decodeCharacters(raw)
      if (!result.ok) {
        problem(where, result.error)
        return raw
      }
      decoded = result.value
    }
    if (!required.has('variables')) return decoded
    const template = parseTemplate(decoded, globals, catalog.namespaces(required))
    if (!template.ok) {
      problem(where, template.error)
      return decoded
    }
    if (constant && typeof template.value !== 'string') problem(where, `${what} may hold no variables`)
    return template.value
  }

  function readValue(
    given: SyntaxArgument | undefined,
    where: Place,
    spec: {
      readonly kind: ValueKind
      readonly constant?: boolean
      readonly variable?: boolean
      check?(value: string | number): string | null
    },
    what: string,
  ): Value | null {
    if (given === undefined || given.kind === 'tag') {
      problem(given ?? where, `${what} is missing: expected ${KINDS[spec.kind]}`)
      return null
    }
    const fits = given.kind === 'number' ? spec.kind === 'number' : spec.kind !== 'number'
    if (!fits || (given.kind === 'strings' && spec.kind === 'string' && given.list)) {
      const found = given.kind === 'number' ? 'a number' : given.list ? 'a list of strings' : 'a string'
      problem(given, `${what} must be ${KINDS[spec.kind]}, not ${found}`)
      return null
    }
    if (given.kind === 'number') {
      reportCheck(given, spec.check?.(given.value) ?? null)
      return given.value
    }
    if (spec.variable === true) return given.values.map((name) => readVariable(given, name))
    const texts = given.values.map((raw) => readText(given, raw, spec.constant === true, what))
    for (const text of texts) {
      if (typeof text === 'string') reportCheck(given, spec.check?.(text) ?? null)
    }
    return texts
  }
  const reportCheck = (where: Place, wrong: string | null): void => {
    if (wrong !== null) problem(where, wrong)
  }

  /** RFC 5229 §4: a constant name; match variables cannot be set. */
  function readVariable(where: Place, name: string): Text {
    if (!required.has('variables')) problem(where, 'naming a variable wants: require "variables";')
    const template = parseTemplate(`\${${name}}`, globals, catalog.namespaces(required))
    if (!template.ok) problem(where, template.error)
    else if (typeof template.value !== 'string' && template.value.pieces.length === 1) {
      const variable = template.value.pieces[0]!
      if (typeof variable === 'object' && variable.kind !== 'match') {
        if (variable.kind === 'local') locals.add(variable.name)
        return template.value
      }
    }
    if (template.ok) problem(where, `“${name.slice(0, 60)}” is no name for a variable`)
    return name
  }

  // Arguments --------------------------------------------------------------------------------------------------------

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
        problem(given, `“${syntax.name}” has no “:${given.name}”`)
        // What follows may belong to it: nothing more can be said about this command.
        return { tags, args: (owner.spec.args ?? []).map(() => null) }
      }
      const { tag, capability } = found
      if (capability !== null && !has(capability)) {
        problem(given, `“:${given.name}” wants: require "${capability}";`)
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
      problem(where, `there is no comparator “${name.slice(0, 60)}” here`)
      return null
    }
    if (comparator.capability !== null) {
      if (!has(comparator.capability)) problem(where, `“${name}” wants: require "${comparator.capability}";`)
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

  // Commands and tests -----------------------------------------------------------------------------------------------

  function look<T extends Spec>(
    syntax: SyntaxTest,
    kind: 'command' | 'test',
    found: Owned<T> | undefined,
    other: boolean,
  ): { owner: Owned<T>; guards: string[] } | null {
    if (found === undefined) {
      const hint = other ? (kind === 'command' ? ', it is a test' : ', it is a command') : ''
      problem(syntax, `there is no ${kind} “${syntax.name.slice(0, 60)}”${hint}`)
      return null
    }
    const capability = found.capability
    if (capability !== null && !has(capability)) {
      problem(syntax, `“${syntax.name}” wants: require "${capability}";`)
      return null
    }
    return { owner: found, guards: guardsOf(capability) }
  }

  /**
   * RFC 5463 §4 (2): with `ihave`, what is unknown here may never be reached. It becomes an error when it runs.
   * @returns whether what was reported since `mark` was put off so
   */
  function putOff(mark: number): string | null {
    if (!required.has('ihave') || errors.length === mark) return null
    const [first] = errors.splice(mark)
    report(warnings, first!, first!.message)
    return first!.message
  }

  function readTest(syntax: SyntaxTest): Test | null {
    const mark = errors.length
    const test = readKnownTest(syntax)
    const wrong = putOff(mark)
    if (wrong === null) return test
    const { name, line, column } = syntax
    const spec: TestSpec = { name, run: () => fail(wrong) }
    return { name, line, column, tags: new Map(), args: [], match: null, tests: [], block: [], spec, guards: [] }
  }

  function readKnownTest(syntax: SyntaxTest): Test | null {
    const name = syntax.name
    const found = look<TestSpec>(syntax, 'test', catalog.test(name, has), catalog.command(name, has) !== undefined)
    if (found === null) return null
    const { owner, guards } = found
    const { tags, args } = readArguments(syntax, owner, guards)
    const tests = readTests(syntax, owner.spec.tests)
    const match = readMatch(syntax, owner, tags, guards)
    const node = { name, line: syntax.line, column: syntax.column, tags, args, match, tests, block: [] }
    finishNode(syntax, owner.spec, node)
    return { ...node, spec: owner.spec, guards }
  }

  function readTests(syntax: SyntaxTest, wanted: 'one' | 'list' | undefined): Test[] {
    const { tests, list } = syntax
    if (wanted === undefined && tests.length > 0) problem(tests[0]!, `“${syntax.name}” takes no test`)
    else if (wanted === 'one' && (list || tests.length !== 1))
      problem(syntax, `“${syntax.name}” wants one test; several go into anyof (…) or allof (…)`)
    else if (wanted === 'list' && !list) problem(syntax, `“${syntax.name}” wants its tests in parentheses`)
    return tests.map(readTest).filter((test) => test !== null)
  }

  function finishNode(where: Place, spec: TestSpec | CommandSpec, node: Node): void {
    if (spec.readsBody === true || node.tags.has('mime')) readsBody = true
    tryRegexes(where, node)
    spec.check?.(node, checker)
  }

  function readCommand(syntax: SyntaxCommand, previous: Command | null): Command | null {
    const mark = errors.length
    const command = readKnownCommand(syntax, previous)
    const wrong = putOff(mark)
    if (wrong === null) return command
    const { name, line, column } = syntax
    const after = command?.spec.after
    const spec: CommandSpec = { name, run: () => fail(wrong), ...(after === undefined ? {} : { after }) }
    const head = { name, line, column, tags: new Map<string, Value>(), args: [], match: null, tests: [], block: [] }
    return { ...head, spec, guards: [], next: null }
  }

  function readKnownCommand(syntax: SyntaxCommand, previous: Command | null): Command | null {
    const name = syntax.name
    const found = look<CommandSpec>(
      syntax,
      'command',
      catalog.command(name, has),
      catalog.test(name, has) !== undefined,
    )
    if (found === null) {
      // What it holds is looked at all the same.
      around.push(name)
      if (syntax.block !== null) readBlock(syntax.block)
      around.pop()
      return null
    }
    const { owner, guards } = found
    const { spec } = owner
    if (spec.after !== undefined && (previous === null || !spec.after.includes(previous.name)))
      problem(syntax, `“${name}” must follow ${spec.after.map((other) => `“${other}”`).join(' or ')}`)
    const { tags, args } = readArguments(syntax, owner, guards)
    const tests = readTests(syntax, spec.tests)
    const match = readMatch(syntax, owner, tags, guards)
    const head = { name, line: syntax.line, column: syntax.column, tags, args, match, tests }
    finishNode(syntax, spec, { ...head, block: [] })
    if (spec.block === true && syntax.block === null) problem(syntax, `“${name}” wants a block in “{ }”`)
    if (spec.block !== true && syntax.block !== null) problem(syntax, `“${name}” takes no block; it ends with “;”`)
    around.push(name)
    if (name === 'foreverypart') loops.push(firstString(tags.get('name')))
    const block = syntax.block === null ? [] : readBlock(syntax.block)
    if (name === 'foreverypart') loops.pop()
    around.pop()
    return { ...head, block, spec, guards, next: null }
  }

  function readBlock(block: readonly SyntaxCommand[]): Command[] {
    const commands: Command[] = []
    let previous: Command | null = null
    let onlyFirsts = around.length === 0
    for (const syntax of block) {
      if (errors.length >= SIEVE_PROBLEMS_MAX) break
      const command = readCommand(syntax, previous)
      if (command?.spec.first === true) {
        if (!onlyFirsts) problem(syntax, `“${command.name}” must stand at the top, before all other commands`) // RFC 5228 §3.2
      } else onlyFirsts = false
      // An `elsif` hangs on its `if`.
      if (command?.spec.after !== undefined && previous !== null) previous.next = command
      else if (command !== null) commands.push(command)
      previous = command
    }
    return commands
  }

  const commands = readBlock(script)
  return { commands, errors, warnings, requires, includes: [...includes.values()], readsBody }
}

function fail(message: string): never {
  throw new ScriptError(message)
}

const KINDS: Record<ValueKind, string> = {
  string: 'a string',
  strings: 'a string or a list of strings',
  number: 'a number',
}
/** Of all expressions together: past it the rest are looked at when they run, so that checking takes no longer than reading. */
const TRIED_INSTRUCTIONS_MAX = 200_000
const MATCH_TYPES: readonly MatchType[] = ['is', 'contains', 'matches', 'regex', 'count', 'value']

function pickChecks(tag: TagSpec): { constant?: boolean; check?: (value: string | number) => string | null } {
  return {
    ...(tag.constant === true ? { constant: true } : {}),
    ...(tag.check === undefined ? {} : { check: tag.check }),
  }
}

function firstString(value: Value | undefined): string | null {
  if (!Array.isArray(value)) return null
  const first = (value as readonly Text[])[0]
  return first === undefined ? null : typeof first === 'string' ? first : first.raw
}
