/**
 * What an extension is made of. One file in `extension/` holds one extension: its capability, its commands and tests with the
 * shapes of their arguments, and the tags that it adds to those of others. `extensions.ts` lists them.
 */
import type { Match } from './match/match.ts'
import type { Flow, Machine, Question } from './machine.ts'
import type { Place } from './lexer.ts'
import type { Text } from './text.ts'

export type Extension = {
  /** Null: always there. */
  readonly capability: string | null
  /** Capabilities that it brings along (RFC 6131 §2). */
  readonly implies?: readonly string[]
  /** RFC 5463 §4: may not be switched on by `ihave`, since it changes how a script is read. */
  readonly changesLanguage?: boolean
  readonly commands?: readonly CommandSpec[]
  readonly tests?: readonly TestSpec[]
  readonly adds?: readonly Addition[]
}

export type Addition = { readonly to: readonly string[]; readonly tags: readonly TagSpec[] }

export type ValueKind = 'string' | 'strings' | 'number'

export type TagSpec = {
  /** Lower-case, without colon. */
  readonly name: string
  /** At most one tag of a group may be given. Default: the name. */
  readonly group?: string
  readonly takes?: ValueKind
  /** The value may hold no variables. */
  readonly constant?: boolean
  /** Means something beside this tag only. */
  readonly needs?: string
  /** Of a constant string or a number. @returns what is wrong, or null */
  check?(value: string | number): string | null
}

export type ArgumentSpec = {
  /** For people: `the mailbox`. */
  readonly what: string
  readonly kind: ValueKind
  readonly optional?: boolean
  readonly constant?: boolean
  /** Names variables (RFC 5229 §3), which come as templates of one piece. */
  readonly variable?: boolean
  check?(value: string | number): string | null
}

type AnySpec = {
  readonly name: string
  /** Takes match types and a comparator (RFC 5228 §2.7). */
  readonly matching?: boolean
  readonly tags?: readonly TagSpec[]
  readonly args?: readonly ArgumentSpec[]
  readonly tests?: 'one' | 'list'
  /** Whether it may ask for the letter's octets. */
  readonly readsBody?: boolean
  /** Looks at what the table cannot say. */
  check?(node: Node, checker: Checker): void
}

export type CommandSpec = AnySpec & {
  readonly block?: boolean
  /** Follows only one of these, and is part of it: `elsif` (RFC 5228 §3.1). */
  readonly after?: readonly string[]
  /** Nothing but these may stand before it (RFC 5228 §3.2). */
  readonly first?: boolean
  run(machine: Machine, node: Node): Flow | Steps<Flow>
}

export type TestSpec = AnySpec & { run(machine: Machine, node: Node): boolean | Steps<boolean> }

/** What must be asked for is yielded, and its answer comes back. */
export type Steps<T> = Generator<Question, T, unknown>

/** A command or test whose arguments fit its spec. */
export type Node = Place & {
  readonly name: string
  readonly tags: ReadonlyMap<string, Value>
  /** By the places of the spec's `args`; null for an optional one that is not there. */
  readonly args: readonly (Value | null)[]
  readonly match: Match | null
  readonly tests: readonly Test[]
  readonly block: readonly Command[]
}
export type Command = Node & { readonly spec: CommandSpec; next: Command | null; readonly guards: readonly string[] }
export type Test = Node & { readonly spec: TestSpec; readonly guards: readonly string[] }

/** `true` for a tag without value. */
export type Value = number | true | readonly Text[]

/** What a spec's `check` may use. */
export type Checker = {
  problem(where: Place, message: string): void
  warn(where: Place, message: string): void
  has(capability: string): boolean
  /** RFC 5228 §3.2, RFC 5463 §4. `later`: by `ihave`, so that it is asked again when it runs. */
  require(where: Place, capability: string, when: 'now' | 'later'): void
  include(name: string, location: 'personal' | 'global', optional: boolean): void
  declareGlobal(where: Place, name: string): void
  /** How deep in commands of this name. */
  inside(name: string): number
  /** Names of the `foreverypart` loops around. */
  readonly loops: readonly (string | null)[]
}
