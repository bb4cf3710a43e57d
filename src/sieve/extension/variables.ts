import { SIEVE_VARIABLE_MAX_CHARACTERS } from '../../model/limits.ts'
import { hasTag, setVariable, string, strings, namedVariables, spend, type Machine } from '../machine.ts'
import { matchAny, matchCount } from '../match/match.ts'
import type { Extension, Node, TagSpec } from '../spec.ts'

/** RFC 5229 §4.1, highest precedence first; `:encodeurl` is RFC 5435 §6. */
const MODIFIERS: readonly { readonly name: string; readonly group: string; apply(text: string): string }[] = [
  { name: 'lower', group: '40', apply: (text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) },
  { name: 'upper', group: '40', apply: (text) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) },
  { name: 'lowerfirst', group: '30', apply: (text) => text.replace(/^[A-Z]/, (letter) => letter.toLowerCase()) },
  { name: 'upperfirst', group: '30', apply: (text) => text.replace(/^[a-z]/, (letter) => letter.toUpperCase()) },
  { name: 'quotewildcard', group: '20', apply: (text) => byLetter(text, (letter) => letter.replace(/[*?\\]/, '\\$&')) },
  { name: 'encodeurl', group: '15', apply: (text) => byLetter(text.toWellFormed(), encodeLetter) },
  { name: 'length', group: '10', apply: (text) => String([...text].length) },
]

/** Letter by letter, so that no code is cut in two where the variable ends. */
function byLetter(text: string, code: (letter: string) => string): string {
  let result = ''
  for (const letter of text) {
    const coded = code(letter)
    if (result.length + coded.length > SIEVE_VARIABLE_MAX_CHARACTERS) break
    result += coded
  }
  return result
}

/** RFC 3986 §2.3: only the unreserved stay. */
function encodeLetter(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

export const MODIFIER_TAGS: readonly TagSpec[] = MODIFIERS.filter(({ name }) => name !== 'encodeurl').map(
  ({ name, group }) => ({ name, group: `precedence ${group}` }),
)

export function modify(node: Node, text: string): string {
  return MODIFIERS.reduce((value, { name, apply }) => (hasTag(node, name) ? apply(value) : value), text)
}

function valueOf(machine: Machine, node: Node): string {
  const value = string(machine, node, 1)
  spend(machine, value.length >> 3)
  return value
}

/** RFC 5229. The checker finds the variables in strings. */
export const variables: Extension = {
  capability: 'variables',
  changesLanguage: true,
  commands: [
    {
      name: 'set',
      tags: MODIFIER_TAGS,
      args: [
        { what: 'the name of the variable', kind: 'string', variable: true },
        { what: 'the value', kind: 'string' },
      ],
      run(machine, node) {
        for (const variable of namedVariables(node, 0))
          setVariable(machine, variable, modify(node, valueOf(machine, node)))
        return null
      },
    },
  ],
  tests: [
    {
      name: 'string',
      matching: true,
      args: [
        { what: 'the strings', kind: 'strings' },
        { what: 'the keys', kind: 'strings' },
      ],
      run(machine, node) {
        const match = node.match!
        const values = strings(machine, node, 0)
        const keys = strings(machine, node, 1)
        // RFC 5229 §5: an empty string counts as none.
        return match.type === 'count'
          ? matchCount(machine, match, values.filter((value) => value !== '').length, keys)
          : matchAny(machine, match, values, keys)
      },
    },
  ],
}
