import { SIEVE_DUPLICATE_DEFAULT_MS } from '../../model/limits.ts'
import { SECOND } from '../../std/clock.ts'
import type { Remembered } from '../contract.ts'
import { ask, hasTag, keyOf, tagNumber, tagString, tell, type Machine, spend } from '../machine.ts'
import type { Extension, Node, Steps } from '../spec.ts'

/** RFC 7352 §3.1. @returns null when the letter has no such thing */
function uniqueId(machine: Machine, node: Node): string | null {
  const given = tagString(machine, node, 'uniqueid')
  if (given !== null) return given
  const name = tagString(machine, node, 'header') ?? 'Message-ID'
  const [field] = machine.header.named(name)
  return field === undefined ? null : field.text().trim()
}

function* testDuplicate(machine: Machine, node: Node): Steps<boolean> {
  const id = uniqueId(machine, node)
  const seconds = tagNumber(node, 'seconds')
  if (id === null || seconds === 0) return false
  spend(machine, id.length >> 4)
  const forMs = Math.min(
    seconds === null ? SIEVE_DUPLICATE_DEFAULT_MS : seconds * SECOND,
    machine.limits.duplicateMaxMs,
  )
  const handle = tagString(machine, node, 'handle')
  const what: Remembered = { what: 'duplicate', key: keyOf(handle === null ? [id] : [id, handle]) }
  const seen = yield* ask<boolean>({ ask: 'seen', what })
  // RFC 7352 §3.3: with `:last` the time begins anew with each one.
  if (!seen || hasTag(node, 'last')) machine.remember.set(what.key, { ...what, forMs })
  if (seen) tell(machine, node, 'note', 'a duplicate: its like came before')
  return seen
}

/** RFC 7352. */
export const duplicate: Extension = {
  capability: 'duplicate',
  tests: [
    {
      name: 'duplicate',
      tags: [
        { name: 'header', group: 'id', takes: 'string' },
        { name: 'uniqueid', group: 'id', takes: 'string' },
        { name: 'handle', takes: 'string' },
        { name: 'seconds', takes: 'number' },
        { name: 'last' },
      ],
      run: testDuplicate,
    },
  ],
}
