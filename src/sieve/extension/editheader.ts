import { SIEVE_HEADER_FIELD_MAX_OCTETS, SIEVE_HEADERS_ADDED_MAX } from '../../model/limits.ts'
import { pickIndex } from '../fields.ts'
import { hasTag, ScriptError, spend, string, strings, tell, texts } from '../machine.ts'
import { createMatcher, matchCount } from '../match/match.ts'
import { printText } from '../message/print.ts'
import type { ArgumentSpec, Extension } from '../spec.ts'
import { INDEX_TAGS } from './date.ts'

/** RFC 5322 §2.2, §3.6.8. */
const NAME = /^[!-9;-~]{1,100}$/
/** RFC 5293 §6. */
const NOT_DELETED: readonly string[] = ['received', 'auto-submitted']
/** Choice: what tells the way of a letter is the servers' to write (RFC 5293 §6 lets us). */
const NOT_ADDED: readonly string[] = ['received', 'return-path', 'delivered-to']

const FIELD_NAME: ArgumentSpec = {
  what: 'the name of the header',
  kind: 'string',
  check: (name) => (NAME.test(String(name)) ? null : `“${String(name).slice(0, 60)}” is no name for a header`),
}

function checkName(name: string): void {
  if (!NAME.test(name)) throw new ScriptError(`“${name.slice(0, 60)}” is no name for a header`)
}

/** RFC 5293. */
export const editheader: Extension = {
  capability: 'editheader',
  commands: [
    {
      name: 'addheader',
      tags: [{ name: 'last' }],
      args: [FIELD_NAME, { what: 'the value', kind: 'string' }],
      run(machine, node) {
        const name = string(machine, node, 0)
        checkName(name)
        if (NOT_ADDED.includes(name.toLowerCase())) {
          tell(machine, node, 'note', `the header ${name} is not added: servers write it`)
          return null
        }
        const value = string(machine, node, 1)
        const lines = value.length > SIEVE_HEADER_FIELD_MAX_OCTETS ? value : printText(name, value)
        if (lines.length > SIEVE_HEADER_FIELD_MAX_OCTETS)
          throw new ScriptError(`the header ${name} is longer than ${SIEVE_HEADER_FIELD_MAX_OCTETS} octets`)
        if (machine.header.fields.filter((field) => field.range === null).length >= SIEVE_HEADERS_ADDED_MAX)
          throw new ScriptError(`more than ${SIEVE_HEADERS_ADDED_MAX} headers are added`)
        spend(machine, machine.header.fields.length)
        machine.header.add(name, value, lines, hasTag(node, 'last') ? 'last' : 'first')
        tell(machine, node, 'action', `the header ${name} added`)
        return null
      },
    },
    {
      name: 'deleteheader',
      matching: true,
      tags: INDEX_TAGS,
      args: [FIELD_NAME, { what: 'the patterns', kind: 'strings', optional: true }],
      run(machine, node) {
        const name = string(machine, node, 0)
        checkName(name)
        if (NOT_DELETED.includes(name.toLowerCase())) {
          tell(machine, node, 'note', `the header ${name} stays: it may not be deleted`)
          return null
        }
        // RFC 5293 §5: counted before the patterns are looked at.
        const fields = pickIndex(node, [...machine.header.named(name)])
        const match = node.match!
        const patterns = texts(node, 1).length === 0 ? null : strings(machine, node, 1)
        let gone = fields
        if (patterns !== null && match.type === 'count')
          gone = matchCount(machine, match, fields.length, patterns) ? fields : []
        else if (patterns !== null) {
          const matcher = createMatcher(machine, match, patterns)
          gone = fields.filter((field) => matcher(field.text()))
        }
        spend(machine, gone.length * (1 + machine.header.fields.length))
        for (const field of gone) machine.header.remove(field)
        tell(machine, node, gone.length > 0 ? 'action' : 'note', `the header ${name} deleted, ${gone.length} of it`)
        return null
      },
    },
  ],
}
