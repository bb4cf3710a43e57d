import { forbidWith } from '../deliver.ts'
import { act, string } from '../machine.ts'
import type { CommandSpec, Extension } from '../spec.ts'

const refuse = (kind: 'reject' | 'ereject'): CommandSpec => ({
  name: kind,
  args: [{ what: 'the reason', kind: 'string' }],
  run(machine, node) {
    // RFC 5429 §2.4. Choice: a letter is refused or delivered, not both, as in Pigeonhole.
    forbidWith(machine, node, ['reject', 'vacation', 'keep', 'fileinto', 'redirect'])
    machine.keeps = false
    const text = string(machine, node, 0)
    act(
      machine,
      node,
      { do: 'reject', line: node.line, header: 0, kind, text },
      `refused: ${text.trim().slice(0, 100)}`,
    )
    return null
  },
})

/** RFC 5429 §2.2. */
export const reject: Extension = { capability: 'reject', commands: [refuse('reject')] }

/** RFC 5429 §2.1. */
export const ereject: Extension = { capability: 'ereject', commands: [refuse('ereject')] }
