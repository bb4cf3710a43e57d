/** Changes one key of gavan.toml and nothing else: comments, order and spacing stay. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { parse, type TomlTable } from 'smol-toml'
import { err, ok, type Result } from '../../std/result.ts'

export type Edit =
  | { readonly key: 'clients'; readonly value: string }
  /** A port's switch, in whichever way the file has it: `"on"`, or `enabled` of a table. */
  | { readonly key: `ports.${string}`; readonly value: 'on' | 'off' }
  /** Any key as a whole, whatever it was before. */
  | { readonly key: string; readonly set: PlainValue }

export type PlainValue =
  | string
  | number
  | true
  | readonly string[]
  | { readonly [key: string]: string | number | true | readonly string[] }

/**
 * Every way to write the change is tried until the result, parsed again, differs in that key only.
 * @param text valid TOML
 * @returns the new text, the same when there is nothing to change; or why it cannot be changed by a program
 */
export function editToml(text: string, edit: Edit): Result<string, string> {
  const before = parse(text)
  const wanted = expected(text, edit)
  if (isDeepStrictEqual(before, wanted)) return ok(text)
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const lines = text.split(newline)
  for (const candidate of 'set' in edit ? placesOf(lines, edit) : candidates(lines, edit)) {
    const changed = candidate.join(newline)
    if (isDeepStrictEqual(parsed(changed), wanted)) return ok(changed)
  }
  return err(`${edit.key} is written in a way that only a person can change`)
}

function parsed(text: string): TomlTable | null {
  try {
    return parse(text)
  } catch {
    return null
  }
}

const isTable = (value: unknown): value is TomlTable =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** Made by the parser and then changed: its tables are not plain objects. */
function expected(text: string, edit: Edit): TomlTable {
  const table = parse(text)
  if ('set' in edit) return withValue(table, edit)
  if (edit.key === 'clients') table['clients'] = edit.value
  else {
    const service = edit.key.slice('ports.'.length)
    const ports = table['ports'] === undefined ? parse('[ports]')['ports'] : table['ports']
    if (!isTable(ports)) return table
    const now = ports[service]
    if (isTable(now)) now['enabled'] = edit.value === 'on'
    else ports[service] = edit.value
    table['ports'] = ports
  }
  return table
}

function withValue(table: TomlTable, { key, set }: PlainEdit): TomlTable {
  const path = key.split('.')
  const last = path.pop()!
  let at = table
  for (const name of path) {
    const there = at[name]
    const next = isTable(there) ? there : (parse('[x]')['x'] as TomlTable) // Where a value is in the way, no text fits.
    at[name] = next
    at = next
  }
  at[last] = parse(`value = ${printValue(set)}`)['value']!
  return table
}

type PlainEdit = Extract<Edit, { set: unknown }>

/** As TOML, on one line. */
export function printValue(value: PlainValue): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' || value === true) return String(value)
  if (Array.isArray(value)) return `[${value.map((each: string) => JSON.stringify(each)).join(', ')}]`
  const pairs = Object.entries(value as Record<string, PlainValue>)
  return `{ ${pairs.map(([name, each]) => `${name} = ${printValue(each)}`).join(', ')} }`
}

/** Where the key stands now, else the end of its table, else of the top. */
function* placesOf(lines: readonly string[], { key, set }: PlainEdit): Generator<string[]> {
  const dot = key.lastIndexOf('.')
  const [parent, last] = [key.slice(0, Math.max(0, dot)), key.slice(dot + 1)]
  const value = printValue(set)
  for (const [index, line] of lines.entries()) {
    for (const name of new Set([key, last])) {
      const [left, right] = assignment(line, name) ?? []
      const old = right === undefined ? null : ANY_VALUE.exec(right)
      if (left !== undefined && right !== undefined && old !== null)
        yield lines.with(index, left + value + right.slice(old[0].length))
    }
    if (parent !== '' && isHeaderOf(line, parent))
      yield lines.toSpliced(endOfTable(lines, index), 0, `${last} = ${value}`)
  }
  yield lines.toSpliced(endOfTable(lines, -1), 0, `${key} = ${value}`)
  yield [`${key} = ${value}`, ...lines]
}

/** On one line: text, a list, a table, or a word. */
const ANY_VALUE = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|[\w.+:-]+)/

const HEADER = /^\s*\[/
const isHeaderOf = (line: string, name: string): boolean => line.split('#', 1)[0]!.replaceAll(/\s/g, '') === `[${name}]`

function* candidates(lines: readonly string[], { key, value }: Exclude<Edit, PlainEdit>): Generator<string[]> {
  const service = key === 'clients' ? null : key.slice('ports.'.length)
  const enabled = String(value === 'on')
  for (const [index, line] of lines.entries()) {
    for (const name of service === null ? ['clients'] : [key, service]) {
      const text = replaceValue(line, name, JSON.stringify(value))
      if (text !== null) yield lines.with(index, text)
      const inTable = service === null ? null : replaceInTable(line, name, enabled)
      if (inTable !== null) yield lines.with(index, inTable)
    }
    if (service === null) continue
    for (const name of ['enabled', `${service}.enabled`, `${key}.enabled`]) {
      const text = replaceValue(line, name, enabled)
      if (text !== null) yield lines.with(index, text)
    }
    if (isHeaderOf(line, key)) yield lines.toSpliced(index + 1, 0, `enabled = ${enabled}`)
    if (isHeaderOf(line, 'ports')) yield lines.toSpliced(endOfTable(lines, index), 0, `${service} = "${value}"`)
  }
  const top = endOfTable(lines, -1)
  yield lines.toSpliced(top, 0, `${key} = "${value}"`)
  if (service !== null) yield lines.toSpliced(top, 0, `${key}.enabled = ${enabled}`)
  yield [`${key} = "${value}"`, ...lines]
}

/** Behind the last line of the table that has content; a comment above the next header stays with that. */
function endOfTable(lines: readonly string[], header: number): number {
  const next = lines.findIndex((line, index) => index > header && HEADER.test(line))
  let end = next === -1 ? lines.length : next
  while (end > header + 1 && /^\s*(?:#|$)/.test(lines[end - 1]!)) end -= 1
  return end
}

/** @returns null when the line is no assignment of a plain value to the name */
function replaceValue(line: string, name: string, value: string): string | null {
  const [left, right] = assignment(line, name) ?? []
  if (left === undefined || right === undefined) return null
  const old = /^(?:"[^"]*"|'[^']*'|true|false)/.exec(right)
  return old === null ? null : left + value + right.slice(old[0].length)
}

/** In `name = { enabled = false, port = 1110 }`. */
function replaceInTable(line: string, name: string, enabled: string): string | null {
  const [left, right] = assignment(line, name) ?? []
  if (left === undefined || right?.startsWith('{') !== true) return null
  const old = /\benabled(\s*)=(\s*)(?:true|false)/
  if (old.test(right)) return left + right.replace(old, `enabled$1=$2${enabled}`)
  const empty = /^\{\s*\}/.exec(right)
  return empty === null
    ? `${left}{ enabled = ${enabled},${right.slice(1)}`
    : `${left}{ enabled = ${enabled} }${right.slice(empty[0].length)}`
}

/** What stands before the value, and the value with what follows it. */
function assignment(line: string, name: string): [string, string] | null {
  const equals = line.indexOf('=')
  if (equals === -1 || line.slice(0, equals).replaceAll(/[\s"']/g, '') !== name) return null
  const right = line.slice(equals + 1).trimStart()
  return [line.slice(0, line.length - right.length), right]
}
