/** Strings of a script: constant, or with variables to be put in (RFC 5229 §3). */
import { SIEVE_MATCH_VARIABLES_MAX, SIEVE_VARIABLE_NAME_MAX_CHARACTERS } from '../model/limits.ts'
import { err, ok, type Result } from '../std/result.ts'

export type Variable =
  | { readonly kind: 'match'; readonly index: number }
  | { readonly kind: 'local' | 'global'; readonly name: string }

export type Template = { readonly pieces: readonly (string | Variable)[]; readonly raw: string }
export type Text = string | Template

/** RFC 5229 §3: variable-ref; what is no name stays as it is. */
const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*|[0-9]+)\}/g
const IDENTIFIER = /^[a-z_][a-z0-9_]*$/

/** RFC 5228 §2.4.2.4. Blanks are spelled so that each has one way to match. */
const ENCODED = /\$\{(hex|unicode):([ \t\r\n0-9A-Fa-f]*)\}/gi

/** The unexpanded text (RFC 5230 §4.2 tracks by it). */
export const rawText = (text: Text): string => (typeof text === 'string' ? text : text.raw)

/** @returns null for a name that no variable may have */
export function variableName(name: string): string | null {
  const lower = name.toLowerCase() // RFC 5229 §4: names are case-insensitive.
  return IDENTIFIER.test(lower) && lower.length <= SIEVE_VARIABLE_NAME_MAX_CHARACTERS ? lower : null
}

/**
 * @param globals names that the script has declared global so far (RFC 6609 §3.4.1)
 * @param namespaces that the script may use
 * @returns what is wrong otherwise
 */
export function parseTemplate(
  raw: string,
  globals: ReadonlySet<string>,
  namespaces: ReadonlySet<string>,
): Result<Text, string> {
  if (!raw.includes('${')) return ok(raw)
  const pieces: (string | Variable)[] = []
  let end = 0
  for (const found of raw.matchAll(REFERENCE)) {
    const variable = readReference(found[1]!, globals, namespaces)
    if (!variable.ok) return variable
    if (found.index > end) pieces.push(raw.slice(end, found.index))
    pieces.push(variable.value)
    end = found.index + found[0].length
  }
  if (end < raw.length) pieces.push(raw.slice(end))
  return ok(end === 0 ? raw : { pieces, raw })
}

function readReference(
  written: string,
  globals: ReadonlySet<string>,
  namespaces: ReadonlySet<string>,
): Result<Variable, string> {
  if (/^[0-9]/.test(written)) {
    const index = Number(written)
    // RFC 5229 §6: what is not supported is an error of syntax.
    return index > SIEVE_MATCH_VARIABLES_MAX
      ? err(`\${${written}} is out of reach: match variables go up to \${${SIEVE_MATCH_VARIABLES_MAX}}`)
      : ok({ kind: 'match', index })
  }
  const dot = written.indexOf('.')
  const name = variableName(written.slice(dot + 1))
  if (dot === -1) {
    if (name === null) return err(`the name of the variable \${${written.slice(0, 40)}…} is too long`)
    return ok({ kind: globals.has(name) ? 'global' : 'local', name })
  }
  const namespace = written.slice(0, dot).toLowerCase()
  // RFC 5229 §3: a namespace without its extension must be an error.
  if (!namespaces.has(namespace)) return err(`there are no variables “${namespace}.…” here`)
  return name === null ? err(`“${written}” names no variable`) : ok({ kind: 'global', name })
}

/**
 * Undoes `${hex:…}` and `${unicode:…}` (RFC 5228 §2.4.2.4). Neighbouring octets are read as UTF-8 together, what is none as
 * U+FFFD.
 */
export function decodeCharacters(text: string): Result<string, string> {
  if (!text.includes('${')) return ok(text)
  let wrong: string | null = null
  // Octets of neighbouring `${hex:…}` may make one character: they are collected as latin-1 between marks of no text's own.
  let octets: number[] = []
  let result = ''
  let end = 0
  const flush = (): void => {
    if (octets.length > 0) result += Buffer.from(octets).toString('utf8')
    octets = []
  }
  for (const found of text.matchAll(ENCODED)) {
    const numbers = readNumbers(found[2]!, found[1]!.toLowerCase() === 'hex')
    if (numbers === null) continue
    if (found.index > end) {
      flush()
      result += text.slice(end, found.index)
    }
    end = found.index + found[0].length
    if (found[1]!.toLowerCase() === 'hex') octets.push(...numbers)
    else {
      flush()
      const outside = numbers.find((code) => code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      if (outside !== undefined) wrong ??= `${found[0].slice(0, 40)} names no Unicode character`
      else result += String.fromCodePoint(...numbers)
    }
  }
  flush()
  return wrong === null ? ok(result + text.slice(end)) : err(wrong)
}

/** @returns null when the sequence is not well-formed */
function readNumbers(text: string, octets: boolean): number[] | null {
  const words = text.trim().split(/[ \t\r\n]+/)
  const valid = words.every((word) => (octets ? /^[0-9A-Fa-f]{1,2}$/ : /^[0-9A-Fa-f]+$/).test(word))
  return valid && words.length <= 1000 ? words.map((word) => Number.parseInt(word, 16)) : null
}
