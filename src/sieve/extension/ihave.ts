import { string, ScriptError, strings, constants } from '../machine.ts'
import type { Extension } from '../spec.ts'

/** RFC 5463. */
export const ihave: Extension = {
  capability: 'ihave',
  commands: [
    {
      name: 'error',
      args: [{ what: 'the message', kind: 'string' }],
      run(machine, node) {
        throw new ScriptError(string(machine, node, 0).slice(0, 500))
      },
    },
  ],
  tests: [
    {
      name: 'ihave',
      args: [{ what: 'the names of extensions', kind: 'strings', constant: true }],
      check(node, checker) {
        for (const name of constants(node, 0)) checker.require(node, name, 'later')
      },
      run(machine, node) {
        const names = strings(machine, node, 0)
        const { available, enabled } = machine.frame
        // RFC 5463 §4 (4): all or none.
        if (!names.every((name) => available.has(name))) return false
        for (const name of names) enabled.add(name)
        return true
      },
    },
  ],
}
