import { SIEVE_INCLUDE_DEPTH_MAX, SIEVE_INCLUDES_MAX } from '../../model/limits.ts'
import type { IncludedName, Program } from '../contract.ts'
import { runBlock } from '../evaluate.ts'
import { ask, hasTag, ScriptError, string, constants, texts, type Flow, type Machine } from '../machine.ts'
import { insideOf } from '../program.ts'
import type { Extension, Node, Steps } from '../spec.ts'

/** RFC 5804 §1.6: what a script may be called. */
export function scriptNameProblem(name: string): string | null {
  if (name === '') return 'the name of a script is empty'
  if ([...name].length > 128) return 'the name of a script is longer than 128 characters'
  return /[\0-\x1f\x7f-\x9f\u2028\u2029/]/.test(name) ? 'the name of a script holds a character that it may not' : null
}

const locationOf = (node: Node): 'personal' | 'global' => (hasTag(node, 'global') ? 'global' : 'personal')

function* runInclude(machine: Machine, node: Node): Steps<Flow> {
  const name: IncludedName = {
    location: locationOf(node),
    name: string(machine, node, 0),
    optional: hasTag(node, 'optional'),
  }
  const key = `${name.location} ${name.name}`
  const before = machine.included.get(key)
  if (hasTag(node, 'once') && before !== undefined && before !== null) return null
  // RFC 6609 §3.1: neither itself nor one that includes it.
  if (machine.running.includes(key)) throw new ScriptError(`the script “${name.name}” includes itself`)
  if (machine.running.length >= SIEVE_INCLUDE_DEPTH_MAX)
    throw new ScriptError(`scripts include one another deeper than ${SIEVE_INCLUDE_DEPTH_MAX}`)
  if (++machine.includes > SIEVE_INCLUDES_MAX) throw new ScriptError(`more than ${SIEVE_INCLUDES_MAX} includes`)
  const program = before === undefined ? yield* findScript(name) : before
  machine.included.set(key, program)
  if (program === null) {
    if (name.optional) return null
    throw new ScriptError(`there is no ${name.location} script “${name.name}” to include`)
  }
  return yield* runScript(machine, program, key, name.name)
}

function* findScript(name: IncludedName): Steps<Program | null> {
  const found = yield* ask<Program | { readonly why: string } | null>({ ask: 'script', name })
  if (found !== null && 'why' in found)
    throw new ScriptError(`the script “${name.name}” cannot be included: ${found.why}`)
  return found
}

function* runScript(machine: Machine, program: Program, key: string, name: string): Steps<Flow> {
  const outer = machine.frame
  const line = machine.line
  const { commands, available } = insideOf(program)
  machine.frame = { script: name, variables: new Map(), enabled: new Set(), available, reasons: [] }
  machine.running.push(key)
  const flow = yield* runBlock(machine, commands)
  machine.running.pop()
  machine.frame = outer
  machine.line = line
  return flow === 'stop' ? 'stop' : null // RFC 6609 §3.3: `return` ends the included script only.
}

/** RFC 6609. */
export const include: Extension = {
  capability: 'include',
  commands: [
    {
      name: 'include',
      tags: [
        { name: 'personal', group: 'location' },
        { name: 'global', group: 'location' },
        { name: 'once' },
        { name: 'optional' },
      ],
      args: [
        {
          what: 'the name of the script',
          kind: 'string',
          constant: true,
          check: (name) => scriptNameProblem(String(name)),
        },
      ],
      check(node, checker) {
        const [name] = texts(node, 0)
        if (typeof name === 'string') checker.include(name, locationOf(node), hasTag(node, 'optional'))
      },
      run: runInclude,
    },
    { name: 'return', run: () => 'return' },
    {
      name: 'global',
      args: [{ what: 'the names of variables', kind: 'strings', constant: true }],
      check(node, checker) {
        // RFC 6609 §3.4.1.
        if (!checker.has('variables')) checker.problem(node, '“global” wants: require "variables";')
        for (const name of constants(node, 0)) checker.declareGlobal(node, name)
      },
      run: () => null,
    },
  ],
}
