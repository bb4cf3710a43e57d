import { readFlags } from '../deliver.ts'
import { readVariable, setVariable, strings, texts, namedVariables, type Machine, spend } from '../machine.ts'
import { matchAny, matchCount } from '../match/match.ts'
import type { Variable } from '../text.ts'
import type { CommandSpec, Extension, Node } from '../spec.ts'

/** RFC 5232 §3: on the variable that is named, or else the internal one. */
function change(
  name: string,
  make: (before: readonly string[], given: readonly string[]) => readonly string[],
): CommandSpec {
  return {
    name,
    args: [
      { what: 'the variable', kind: 'string', variable: true, optional: true },
      { what: 'the flags', kind: 'strings' },
    ],
    run(machine, node) {
      const written = strings(machine, node, 1)
      for (const list of written) spend(machine, list.length >> 2)
      const given = readFlags(written)
      const [variable] = namedVariables(node, 0)
      if (variable === undefined) machine.flags = readFlags(make(machine.flags, given))
      else {
        const before = flagsIn(machine, variable)
        setVariable(machine, variable, readFlags(make(before, given)).join(' '))
      }
      return null
    },
  }
}

function flagsIn(machine: Machine, variable: Variable): string[] {
  const list = readVariable(machine, variable)
  spend(machine, list.length >> 2)
  return readFlags([list])
}

function without(before: readonly string[], given: readonly string[]): string[] {
  const gone = new Set(given.map((flag) => flag.toLowerCase()))
  return before.filter((flag) => !gone.has(flag.toLowerCase()))
}

function testHasFlag(machine: Machine, node: Node): boolean {
  const match = node.match!
  const lists =
    texts(node, 0).length === 0
      ? [machine.flags]
      : namedVariables(node, 0).map((variable) => flagsIn(machine, variable))
  const keys = strings(machine, node, 1)
  // RFC 5232 §4: distinct flags of each variable, added up.
  if (match.type === 'count')
    return matchCount(
      machine,
      match,
      lists.reduce((sum, flags) => sum + flags.length, 0),
      keys,
    )
  // RFC 5232 §2: a key with blanks is a list of flags.
  return matchAny(
    machine,
    match,
    lists.flat(),
    keys.flatMap((key) => key.split(/[ \t\r\n]+/).filter((word) => word !== '')),
  )
}

/** RFC 5232. */
export const imap4flags: Extension = {
  capability: 'imap4flags',
  commands: [
    change('setflag', (_, given) => given),
    change('addflag', (before, given) => [...before, ...given]),
    change('removeflag', without),
  ],
  tests: [
    {
      name: 'hasflag',
      matching: true,
      args: [
        { what: 'the variables', kind: 'strings', variable: true, optional: true },
        { what: 'the flags', kind: 'strings' },
      ],
      run: testHasFlag,
    },
  ],
  adds: [
    { to: ['keep', 'fileinto'], tags: [{ name: 'flags', takes: 'strings' }] },
    { to: ['vacation', 'notify'], tags: [{ name: 'flags', takes: 'strings', needs: 'fcc' }] },
  ],
}
