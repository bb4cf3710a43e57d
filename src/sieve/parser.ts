/** The generic grammar (RFC 5228 §8.2): which commands there are is not known here. */
import { SIEVE_COMMANDS_MAX, SIEVE_NESTING_MAX, SIEVE_STRINGS_MAX } from '../model/limits.ts'
import { err, ok, type Result } from '../std/result.ts'
import type { ScriptProblem } from './contract.ts'
import { oneLine } from './message/print.ts'
import { createLexer, type Mark, type Place, type Token } from './lexer.ts'

export type SyntaxArgument = Place &
  (
    | { readonly kind: 'number'; readonly value: number }
    | { readonly kind: 'tag'; readonly name: string }
    | { readonly kind: 'strings'; readonly values: readonly string[]; readonly list: boolean }
  )

export type SyntaxTest = Place & {
  readonly name: string
  readonly args: readonly SyntaxArgument[]
  readonly tests: readonly SyntaxTest[]
  /** Whether `tests` stood in parentheses. */
  readonly list: boolean
}

export type SyntaxCommand = SyntaxTest & { readonly block: readonly SyntaxCommand[] | null }

/** Where parsing stopped: thrown and caught in this file. */
class Stopped extends Error {
  readonly problem: ScriptProblem
  constructor(where: Place, message: string) {
    super(message)
    this.problem = { line: where.line, column: where.column, message: oneLine(message) }
  }
}

/** Parses a whole script, or says what is wrong first. Never throws. */
export function parse(script: string): Result<readonly SyntaxCommand[], ScriptProblem> {
  try {
    return ok(parseScript(script))
  } catch (error) {
    if (error instanceof Stopped) return err(error.problem)
    throw error
  }
}

function parseScript(script: string): SyntaxCommand[] {
  const lexer = createLexer(script)
  let token: Token = lexer.next()
  let commands = 0
  let strings = 0

  function stop(where: Place, message: string): never {
    throw new Stopped(where, message)
  }
  function advance(): Token {
    const taken = token
    token = lexer.next()
    if (token.kind === 'bad') stop(token, token.why)
    return taken
  }
  const isMark = (mark: Mark): boolean => token.kind === 'mark' && token.mark === mark
  function expect(mark: Mark, where: string): void {
    if (!isMark(mark)) stop(token, `expected “${mark}” ${where}, found ${nameOf(token)}`)
    advance()
  }
  function count(where: Place): void {
    if (++commands > SIEVE_COMMANDS_MAX) stop(where, `more than ${SIEVE_COMMANDS_MAX} commands and tests`)
  }
  function readString(): string {
    const taken = token
    if (taken.kind !== 'string') stop(taken, `expected a string, found ${nameOf(taken)}`)
    if (++strings > SIEVE_STRINGS_MAX) stop(taken, `more than ${SIEVE_STRINGS_MAX} strings`)
    advance()
    return taken.value
  }
  function readList(where: Place): SyntaxArgument {
    advance()
    const values: string[] = []
    // Choice: `[]` is a list without strings; the grammar has none, Pigeonhole and others take it.
    if (!isMark(']')) {
      values.push(readString())
      while (isMark(',')) {
        advance()
        values.push(readString())
      }
    }
    expect(']', 'at the end of a list of strings')
    return { kind: 'strings', values, list: true, line: where.line, column: where.column }
  }
  function readArguments(): SyntaxArgument[] {
    const args: SyntaxArgument[] = []
    for (;;) {
      const { line, column } = token
      if (token.kind === 'string') args.push({ kind: 'strings', values: [readString()], list: false, line, column })
      else if (token.kind === 'number') args.push({ kind: 'number', value: token.value, line, column })
      else if (token.kind === 'tag') args.push({ kind: 'tag', name: token.name, line, column })
      else if (isMark('[')) {
        args.push(readList(token))
        continue
      } else return args
      if (args.at(-1)!.kind !== 'strings') advance()
    }
  }
  function readTests(depth: number): { tests: SyntaxTest[]; list: boolean } {
    if (token.kind === 'identifier') return { tests: [readTest(depth)], list: false }
    if (!isMark('(')) return { tests: [], list: false }
    advance()
    const tests = [readTest(depth)]
    while (isMark(',')) {
      advance()
      tests.push(readTest(depth))
    }
    expect(')', 'at the end of a list of tests')
    return { tests, list: true }
  }
  function readTest(depth: number): SyntaxTest {
    const start = token
    if (start.kind !== 'identifier') stop(start, `expected a test, found ${nameOf(start)}`)
    if (depth > SIEVE_NESTING_MAX) stop(start, `tests within tests deeper than ${SIEVE_NESTING_MAX}`)
    count(start)
    advance()
    const args = readArguments()
    return { name: start.name, line: start.line, column: start.column, args, ...readTests(depth + 1) }
  }
  function readCommand(depth: number): SyntaxCommand {
    const start = token
    if (start.kind !== 'identifier') stop(start, `expected a command, found ${nameOf(start)}`)
    count(start)
    advance()
    const args = readArguments()
    const tests = readTests(1)
    const head = { name: start.name, line: start.line, column: start.column, args, ...tests }
    if (isMark('{')) return { ...head, block: readBlock(depth + 1) }
    expect(';', `after “${start.name}”`)
    return { ...head, block: null }
  }
  function readBlock(depth: number): SyntaxCommand[] {
    if (depth > SIEVE_NESTING_MAX) stop(token, `blocks within blocks deeper than ${SIEVE_NESTING_MAX}`)
    const open = advance()
    const block: SyntaxCommand[] = []
    while (!isMark('}')) {
      if (token.kind === 'end') stop(open, 'this block is never closed with “}”')
      block.push(readCommand(depth))
    }
    advance()
    return block
  }

  if (token.kind === 'bad') stop(token, token.why)
  const all: SyntaxCommand[] = []
  while (token.kind !== 'end') all.push(readCommand(0))
  return all
}

function nameOf(token: Token): string {
  switch (token.kind) {
    case 'identifier':
      return `“${token.name}”`
    case 'tag':
      return `“:${token.name}”`
    case 'number':
      return 'a number'
    case 'string':
      return 'a string'
    case 'mark':
      return `“${token.mark}”`
    case 'end':
      return 'the end of the script'
    case 'bad':
      return token.why
  }
}
