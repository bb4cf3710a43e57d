/** A run's state, and what commands and tests may do with it. */
import { createHash } from 'node:crypto'
import {
  SIEVE_EXPANDED_MAX_CHARACTERS,
  SIEVE_STEPS_PER_TEST_MAX,
  SIEVE_STEPS_PER_TURN_MAX,
  SIEVE_VARIABLE_MAX_CHARACTERS,
  SIEVE_VARIABLES_MAX,
} from '../model/limits.ts'
import type { Address } from '../model/address.ts'
import type { Part } from '../model/message.ts'
import type {
  Action,
  Environment,
  Flags,
  IncludedName,
  Letter,
  Program,
  Remembered,
  RunLimits,
  TraceLine,
} from './contract.ts'
import { oneLine } from './message/print.ts'
import type { EditedHeader } from './message/edited-header.ts'
import type { Field } from './message/edited-header.ts'
import type { Regex } from './match/regex.ts'
import type { Node, Steps } from './spec.ts'
import type { Text, Variable } from './text.ts'

export type Question =
  | { readonly ask: 'octets'; readonly start: number; readonly end: number }
  | { readonly ask: 'script'; readonly name: IncludedName }
  | { readonly ask: 'mailbox'; readonly mailbox: string }
  | { readonly ask: 'special-use'; readonly use: string; readonly mailbox: string | null }
  | { readonly ask: 'seen'; readonly what: Remembered }
  | { readonly ask: 'pause' }

/** What comes after a command; null: the next one. */
export type Flow = 'stop' | 'return' | { readonly breakTo: string | null } | null

/** Ends the run (RFC 5228 §2.10.6). Thrown by what a script does wrong; only `run.ts` catches it. */
export class ScriptError extends Error {
  override name = 'ScriptError'
}

/** What belongs to one script of a run: variables are its own (RFC 6609 §3.4). */
export type Frame = {
  readonly script: string | null
  readonly variables: Map<string, string>
  /** Capabilities that `ihave` has switched on. */
  readonly enabled: Set<string>
  /** Capabilities that `ihave` may switch on. */
  readonly available: ReadonlySet<string>
  /** Lines of the tests that led here, the innermost last. */
  readonly reasons: number[]
}

export type Machine = {
  readonly letter: Letter
  readonly environment: Environment
  readonly limits: RunLimits
  /** All `currentdate` tests see this (RFC 5260 §5). */
  readonly now: number
  readonly header: EditedHeader
  frame: Frame
  /** Of the command or test that runs. */
  line: number
  readonly globals: Map<string, string>
  /** RFC 5229 §3.2: index 0 is what matched. */
  matched: readonly string[]
  /** The internal variable of RFC 5232 §2. */
  flags: Flags
  readonly actions: Action[]
  keeps: boolean
  readonly remember: Map<string, Remembered & { readonly forMs: number }>
  readonly trace: TraceLine[]
  /** Parts that `foreverypart` is at, the innermost last. */
  readonly parts: Part[]
  /** Texts of parts that have been read. */
  readonly texts: Map<string, string>
  bodyOctetsLeft: number
  /** Headers of parts that have been read, by where they start. */
  readonly partFields: Map<number, readonly Field[]>
  readonly regexes: Map<string, Regex>
  /** Whether `vacation` was met. */
  answered: boolean
  /** Whom `notify` writes to. */
  readonly notified: Address[]
  /** Scripts that were included, and those that are running. */
  readonly included: Map<string, Program | null>
  readonly running: string[]
  includes: number
  redirects: number
  steps: number
  pausedAt: number
  /** Steps when the command or test that runs began. */
  enteredAt: number
}

/** Counts work. */
export function spend(machine: Machine, steps: number): void {
  machine.steps += steps
  if (machine.steps > machine.limits.steps || machine.steps - machine.enteredAt > SIEVE_STEPS_PER_TEST_MAX)
    throw new ScriptError('the script takes too long; its tests look at too much text, or too often')
}

/** Lets others have their turn when it is time; asked between commands. */
export const isPauseDue = (machine: Machine): boolean => machine.steps - machine.pausedAt > SIEVE_STEPS_PER_TURN_MAX

/** A text with its variables put in (RFC 5229 §3). */
export function expand(machine: Machine, text: Text): string {
  if (typeof text === 'string') return text
  let result = ''
  for (const piece of text.pieces) {
    result += typeof piece === 'string' ? piece : readVariable(machine, piece)
    if (result.length > SIEVE_EXPANDED_MAX_CHARACTERS)
      throw new ScriptError(`a string grew longer than ${SIEVE_EXPANDED_MAX_CHARACTERS} characters`)
  }
  spend(machine, text.pieces.length + (result.length >> 6))
  return result
}

export function readVariable(machine: Machine, variable: Variable): string {
  if (variable.kind === 'match') return machine.matched[variable.index] ?? ''
  const variables = variable.kind === 'global' ? machine.globals : machine.frame.variables
  return variables.get(variable.name) ?? ''
}

export function setVariable(machine: Machine, variable: Variable, value: string): void {
  if (variable.kind === 'match') return
  const variables = variable.kind === 'global' ? machine.globals : machine.frame.variables
  if (variables.size >= SIEVE_VARIABLES_MAX && !variables.has(variable.name))
    throw new ScriptError(`more than ${SIEVE_VARIABLES_MAX} variables`)
  // RFC 5229 §6: cut, not an error.
  variables.set(variable.name, cut(value, SIEVE_VARIABLE_MAX_CHARACTERS))
}

/** At most `max` UTF-16 units, no character in halves. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text
  const half = (text.charCodeAt(max - 1) & 0xfc00) === 0xd800
  return text.slice(0, half ? max - 1 : max)
}

// Arguments --------------------------------------------------------------------------------------------------------------

export const hasTag = (node: Node, name: string): boolean => node.tags.has(name)

/** A tag's strings, expanded; null when it is not given. */
export function tagStrings(machine: Machine, node: Node, name: string): string[] | null {
  const value = node.tags.get(name)
  return Array.isArray(value) ? (value as readonly Text[]).map((text) => expand(machine, text)) : null
}

export function tagString(machine: Machine, node: Node, name: string): string | null {
  return tagStrings(machine, node, name)?.[0] ?? null
}

export function tagNumber(node: Node, name: string): number | null {
  const value = node.tags.get(name)
  return typeof value === 'number' ? value : null
}

/** An argument's strings, expanded; empty when an optional one is not there. */
export function strings(machine: Machine, node: Node, index: number): string[] {
  const value = node.args[index]
  return Array.isArray(value) ? (value as readonly Text[]).map((text) => expand(machine, text)) : []
}

export function string(machine: Machine, node: Node, index: number): string {
  return strings(machine, node, index)[0] ?? ''
}

/** The variable that an argument names (`variable` in its spec). */
export function namedVariables(node: Node, index: number): Variable[] {
  const named = texts(node, index).map((text) => (typeof text === 'string' ? null : text.pieces[0]!))
  return named.filter((piece) => typeof piece === 'object' && piece !== null)
}

/** As written, variables and all. */
export function texts(node: Node, index: number): readonly Text[] {
  const value = node.args[index]
  return Array.isArray(value) ? (value as readonly Text[]) : []
}

/** Of an argument that is constant: strings as written. */
export const constants = (node: Node, index: number): readonly string[] =>
  texts(node, index).filter((text) => typeof text === 'string')

// What is done -----------------------------------------------------------------------------------------------------------

export function tell(machine: Machine, node: { readonly line: number }, kind: TraceLine['kind'], text: string): void {
  if (machine.trace.length >= TRACE_MAX) return
  const reason = machine.frame.reasons.at(-1)
  const because = kind === 'action' && reason !== undefined ? ` (the test in line ${reason} was true)` : ''
  machine.trace.push({ script: machine.frame.script, line: node.line, kind, text: oneLine(text) + because })
}

const TRACE_MAX = 500

/** Adds an action. A second one into the same mailbox takes the place of the first (RFC 5228 §2.10.3). */
export function act(machine: Machine, node: Node, action: Action, text: string): void {
  tell(machine, node, 'action', text)
  if (machine.actions.length >= machine.limits.actions)
    throw new ScriptError(`more than ${machine.limits.actions} actions`)
  machine.actions.push(action)
}

/** A key of what is remembered: equal for equal pieces, and for no others. */
export function keyOf(pieces: readonly string[]): string {
  const hash = createHash('sha256')
  // RFC 5230 §4.2: each piece is told by its length, so that none can pass for another.
  for (const piece of pieces) hash.update(`${piece.length}:`).update(piece, 'utf8')
  return hash.digest('base64url')
}

/** `yield*` this to ask. */
export function* ask<T>(question: Question): Steps<T> {
  return (yield question) as T
}
