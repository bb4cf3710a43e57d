/** From syntax to checked commands: every name, tag and argument is looked up in the tables of the extensions. */
import { SIEVE_PROBLEMS_MAX } from '../model/limits.ts'
import type { Catalog, Owned } from './catalog.ts'
import { createArgumentReader, firstString, type Spec } from './check-arguments.ts'
import type { IncludedName, ScriptProblem } from './contract.ts'
import type { Place } from './lexer.ts'
import { ScriptError } from './machine.ts'
import { oneLine } from './message/print.ts'
import type { SyntaxCommand, SyntaxTest } from './parser.ts'
import type { Checker, Command, CommandSpec, Node, Test, TestSpec, Value } from './spec.ts'

export type CheckedScript = {
  readonly commands: readonly Command[]
  readonly errors: readonly ScriptProblem[]
  readonly warnings: readonly ScriptProblem[]
  readonly requires: readonly string[]
  readonly includes: readonly IncludedName[]
  readonly readsBody: boolean
}

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

  const report = (list: ScriptProblem[], { line, column }: Place, message: string): void => {
    if (list.length < SIEVE_PROBLEMS_MAX) list.push({ line, column, message: oneLine(message) })
  }
  const problem = (where: Place, message: string): void => report(errors, where, message)
  /** Errors of what may be known elsewhere: `ihave` can keep a script from it. */
  const unknowns = new WeakSet<ScriptProblem>()
  const unknown = (where: Place, message: string): void => {
    problem(where, message)
    unknowns.add(errors.at(-1)!)
  }
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

  const guardsOf = (capability: string | null): string[] =>
    capability === null || required.has(capability) ? [] : [capability]

  const scope = { catalog, required, has, globals, locals, problem, unknown, guardsOf }
  const { readArguments, readMatch, tryRegexes } = createArgumentReader(scope)

  // Commands and tests -----------------------------------------------------------------------------------------------

  function look<T extends Spec>(
    syntax: SyntaxTest,
    kind: 'command' | 'test',
    found: Owned<T> | undefined,
    other: boolean,
  ): { owner: Owned<T>; guards: string[] } | null {
    if (found === undefined) {
      const hint = other ? (kind === 'command' ? ', it is a test' : ', it is a command') : ''
      unknown(syntax, `there is no ${kind} “${syntax.name.slice(0, 60)}”${hint}`)
      return null
    }
    const capability = found.capability
    if (capability !== null && !has(capability)) {
      unknown(syntax, `“${syntax.name}” wants: require "${capability}";`)
      return null
    }
    return { owner: found, guards: guardsOf(capability) }
  }

  /**
   * RFC 5463 §4 (2): with `ihave`, what is unknown here may never be reached. It becomes an error when it runs.
   * What is wrong with what is known stays an error.
   * @returns why, when what was reported since `mark` is put off so
   */
  function putOff(mark: number): string | null {
    if (!required.has('ihave') || !errors.slice(mark).some((error) => unknowns.has(error))) return null
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
