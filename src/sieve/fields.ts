/** Which header fields a test looks at: of the letter or, with `:mime`, of a part (RFC 5703 §4), all or one (RFC 5260 §6). */
import { HEADER_BLOCK_MAX_OCTETS } from '../model/limits.ts'
import type { Part } from '../model/message.ts'
import { parameterValue } from '../format/header/parameters.ts'
import { hasTag, spend, tagNumber, type Machine } from './machine.ts'
import { partsOf, readOctets } from './message/body.ts'
import { readFields, type Field } from './message/edited-header.ts'
import type { Node, Steps } from './spec.ts'

/** Fields with these names, name by name. */
export function findFields(machine: Machine, node: Node, names: readonly string[]): Field[] | Steps<Field[]> {
  spend(machine, names.length)
  if (hasTag(node, 'mime')) return findMimeFields(machine, node, names)
  return pickIndex(
    node,
    names.flatMap((name) => machine.header.named(name)),
  )
}

function* findMimeFields(machine: Machine, node: Node, names: readonly string[]): Steps<Field[]> {
  const found: Field[] = []
  for (const part of mimeParts(machine, node)) {
    const fields = yield* fieldsOfPart(machine, part)
    spend(machine, 1 + ((names.length * fields.length) >> 2))
    for (const name of names) {
      const wanted = name.toLowerCase()
      found.push(...fields.filter((field) => field.name === wanted))
    }
  }
  return pickIndex(node, found)
}

/** RFC 5703 §4.1: the part that `foreverypart` is at, or the letter; with `:anychild` all that it holds too. */
export function mimeParts(machine: Machine, node: Node): Iterable<Part> {
  const part = machine.parts.at(-1) ?? machine.letter.root
  return hasTag(node, 'anychild') ? partsOf(part) : [part]
}

/** The letter's own header is the edited one. */
export function* fieldsOfPart(machine: Machine, part: Part): Steps<readonly Field[]> {
  if (part === machine.letter.root) return machine.header.fields
  const known = machine.partFields.get(part.headerStart)
  if (known !== undefined) return known
  const end = Math.min(part.bodyStart, part.headerStart + HEADER_BLOCK_MAX_OCTETS)
  const block = yield* readOctets(machine, part.headerStart, end)
  const fields = readFields(block, parameterValue(part.parameters, 'charset'))
  machine.partFields.set(part.headerStart, fields)
  return fields
}

/** RFC 5260 §6: `:index`, counted from the end with `:last`. */
export function pickIndex(node: Node, fields: Field[]): Field[] {
  const index = tagNumber(node, 'index')
  if (index === null) return fields
  const field = hasTag(node, 'last') ? fields.at(-index) : fields[index - 1]
  return index < 1 || field === undefined ? [] : [field]
}
