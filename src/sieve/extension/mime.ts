/** RFC 5703 without replace and enclose, as in Pigeonhole: tests of parts, a loop over them, their text. */
import { decodeWords } from '../../format/header/words.ts'
import { parseContentType, parseDisposition, parameterValue } from '../../format/header/parameters.ts'
import type { Parameters, Part } from '../../model/message.ts'
import { runBlock } from '../evaluate.ts'
import {
  hasTag,
  setVariable,
  tagNumber,
  tagString,
  tagStrings,
  namedVariables,
  type Flow,
  type Machine,
  spend,
} from '../machine.ts'
import { partsOf, plainBody } from '../message/body.ts'
import type { Field } from '../message/edited-header.ts'
import type { Extension, Node, Steps, TagSpec } from '../spec.ts'
import { modify, MODIFIER_TAGS } from './variables.ts'

type Media = {
  readonly type: string
  readonly subtype: string
  readonly whole: string
  readonly parameters: Parameters
}

/** RFC 5703 §4.1: what Content-Type and Content-Disposition say, taken apart. */
function readMedia(field: Field): Media | null {
  if (field.name === 'content-disposition') {
    const disposition = parseDisposition(field.raw())
    return disposition === null ? null : { ...disposition, subtype: '', whole: disposition.type }
  }
  const media = field.name === 'content-type' ? parseContentType(field.raw()) : null
  return media === null ? null : { ...media, whole: `${media.type}/${media.subtype}` }
}

/** Values for `header :mime` with one of its options; null without. */
export function mimeValues(machine: Machine, node: Node, fields: readonly Field[]): string[] | null {
  const names = tagStrings(machine, node, 'param')
  const option = ['type', 'subtype', 'contenttype'].find((name) => hasTag(node, name))
  if (names === null && option === undefined) return null
  return fields.flatMap((field) => {
    const media = readMedia(field)
    if (media === null) return []
    if (names === null) return [option === 'type' ? media.type : option === 'subtype' ? media.subtype : media.whole]
    const values = names.map((name) => parameterValue(media.parameters, name)).filter((value) => value !== null)
    // Interop: encoded words stand in parameters too, against RFC 2047 §5.
    return values.map(decodeWords)
  })
}

const MIME: TagSpec = { name: 'mime' }
const ANY_CHILD: TagSpec = { name: 'anychild', needs: 'mime' }

export const mime: Extension = {
  capability: 'mime',
  adds: [
    { to: ['address', 'exists'], tags: [MIME, ANY_CHILD] },
    {
      to: ['header'],
      tags: [
        MIME,
        ANY_CHILD,
        { name: 'type', group: 'mime option', needs: 'mime' },
        { name: 'subtype', group: 'mime option', needs: 'mime' },
        { name: 'contenttype', group: 'mime option', needs: 'mime' },
        { name: 'param', group: 'mime option', takes: 'strings', needs: 'mime' },
      ],
    },
  ],
}

function* runForEveryPart(machine: Machine, node: Node): Steps<Flow> {
  const name = tagString(machine, node, 'name')
  const around = machine.parts.at(-1)
  // RFC 5703 §3: within a loop only what the part at hand holds.
  for (const part of partsOf(around ?? machine.letter.root)) {
    spend(machine, 1)
    if (part === around) continue
    machine.parts.push(part)
    const flow = yield* runBlock(machine, node.block)
    machine.parts.pop()
    if (flow === null) continue
    if (typeof flow !== 'object') return flow
    // A `break` without name, or with ours, ends here; another goes on outward.
    return flow.breakTo === null || flow.breakTo === name ? null : flow
  }
  return null
}

export const foreverypart: Extension = {
  capability: 'foreverypart',
  commands: [
    {
      name: 'foreverypart',
      block: true,
      readsBody: true,
      tags: [{ name: 'name', takes: 'string', constant: true }],
      check(node, checker) {
        if (checker.inside('foreverypart') >= LOOPS_MAX)
          checker.problem(node, `loops within loops deeper than ${LOOPS_MAX}`)
      },
      run: runForEveryPart,
    },
    {
      name: 'break',
      tags: [{ name: 'name', takes: 'string', constant: true }],
      check(node, checker) {
        const [name] = node.tags.get('name') === undefined ? [null] : (node.tags.get('name') as readonly string[])
        if (checker.loops.length === 0) checker.problem(node, '“break” stands in no loop')
        else if (name !== null && !checker.loops.includes(name))
          checker.problem(node, `there is no loop “${name}” around this`)
      },
      run: (machine, node) => ({ breakTo: tagString(machine, node, 'name') }),
    },
  ],
}

/** Pigeonhole's. */
const LOOPS_MAX = 4

function* runExtract(machine: Machine, node: Node): Steps<Flow> {
  const part: Part | undefined = machine.parts.at(-1)
  // RFC 5703 §7: only text has text. Choice: HTML loses its mark-up, as for `body :text`.
  const text = part !== undefined && part.type === 'text' ? yield* plainBody(machine, part) : ''
  spend(machine, text.length >> 3)
  const first = tagNumber(node, 'first')
  const cutText = first === null ? text : [...text.slice(0, 2 * first)].slice(0, first).join('')
  for (const variable of namedVariables(node, 0)) setVariable(machine, variable, modify(node, cutText))
  return null
}

export const extracttext: Extension = {
  capability: 'extracttext',
  commands: [
    {
      name: 'extracttext',
      readsBody: true,
      tags: [...MODIFIER_TAGS, { name: 'first', takes: 'number' }],
      args: [{ what: 'the variable', kind: 'string', variable: true }],
      check(node, checker) {
        if (checker.loops.length === 0) checker.problem(node, '“extracttext” wants a foreverypart around it')
      },
      run: runExtract,
    },
  ],
}
