/** Strings, numbers and names of variables, as an argument or tag wants them. */
import type { Catalog } from './catalog.ts'
import type { Place } from './lexer.ts'
import type { SyntaxArgument } from './parser.ts'
import type { Value, ValueKind } from './spec.ts'
import { decodeCharacters, parseTemplate, type Text } from './text.ts'

/** Where a script is checked: what it has so far, and where problems go. */
export type Scope = {
  readonly catalog: Catalog
  /** Capabilities by `require`. */
  readonly required: ReadonlySet<string>
  /** By `require`, or by `ihave` somewhere above. */
  has(capability: string): boolean
  /** Variables that are declared global, and those that the script sets. */
  readonly globals: ReadonlySet<string>
  readonly locals: Set<string>
  problem(where: Place, message: string): void
}

/** What is wanted: of a tag or a positional argument. */
export type Wanted = {
  readonly kind: ValueKind
  readonly constant?: boolean
  readonly variable?: boolean
  check?(value: string | number): string | null
}

const KINDS: Record<ValueKind, string> = {
  string: 'a string',
  strings: 'a string or a list of strings',
  number: 'a number',
}

export type ValueReader = (given: SyntaxArgument | undefined, where: Place, spec: Wanted, what: string) => Value | null

export function createValueReader({ catalog, required, globals, locals, problem }: Scope): ValueReader {
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

  function readValue(given: SyntaxArgument | undefined, where: Place, spec: Wanted, what: string): Value | null {
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

  return readValue
}
