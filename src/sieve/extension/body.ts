import type { Part } from '../../model/message.ts'
import { HEADER_BLOCK_MAX_OCTETS } from '../../model/limits.ts'
import { decodeCharset } from '../../format/charset/charset.ts'
import { hasTag, strings, tagStrings, type Machine, spend } from '../machine.ts'
import { createMatcher, matchCount } from '../match/match.ts'
import { aroundParts, decodedBody, isHtml, partsOf, plainBody, rawBody, readOctets } from '../message/body.ts'
import type { Extension, Node, Steps } from '../spec.ts'

function* testBody(machine: Machine, node: Node): Steps<boolean> {
  // RFC 5173 §6: match variables stay as they are.
  const match = { ...node.match!, keeps: false }
  const keys = strings(machine, node, 0)
  // RFC 5173 §4: no empty line, no body, and nothing matches.
  if (!hasBody(machine)) return false
  const matcher = match.type === 'count' ? null : createMatcher(machine, match, keys)
  let count = 0
  for (const read of textsOf(machine, node)) {
    for (const text of yield* read) {
      count++
      if (matcher?.(text) === true) return true
    }
  }
  return matcher === null && matchCount(machine, match, count, keys)
}

function hasBody(machine: Machine): boolean {
  const { header, root, sizeOctets } = machine.letter
  if (sizeOctets > root.bodyStart) return true
  const end = Buffer.from(header.buffer, header.byteOffset, header.length).toString(
    'latin1',
    Math.max(0, header.length - 4),
  )
  return /(?:^|\n)\r?\n$/.test(end)
}

/** The texts to match, in lists that are read one after another. */
function* textsOf(machine: Machine, node: Node): Generator<Steps<string[]>> {
  const { root } = machine.letter
  const types = tagStrings(machine, node, 'content')
  if (hasTag(node, 'raw')) yield one(rawBody(machine, root))
  else {
    for (const part of partsOf(root)) {
      spend(machine, 1 + (types?.length ?? 0))
      if (types === null) {
        // Choice: `:text` is each text part, HTML without its mark-up (RFC 5173 §5.3).
        if (isText(part)) yield one(plainBody(machine, part))
      } else if (types.some((type) => isOfType(part, type))) yield contentOf(machine, part)
    }
  }
}

function* one(text: Steps<string>): Steps<string[]> {
  return [yield* text]
}

/** RFC 5173 §5.2: of a multipart what is around its parts, of a message its header, of others all. */
function* contentOf(machine: Machine, part: Part): Steps<string[]> {
  if (part.parts.length > 0) return yield* aroundParts(machine, part)
  if (part.message === null) return [yield* decodedBody(machine, part)]
  const { headerStart, bodyStart } = part.message.root
  const end = Math.min(bodyStart, headerStart + HEADER_BLOCK_MAX_OCTETS)
  const header = decodeCharset(yield* readOctets(machine, headerStart, end), null)
  return [header.replace(/(^|\n)\r?\n$/, '$1')]
}

const isText = (part: Part): boolean => part.parts.length === 0 && (part.type === 'text' || isHtml(part))

function isOfType(part: Part, wanted: string): boolean {
  if (wanted === '') return true
  const [type, subtype, ...more] = wanted.toLowerCase().split('/')
  if (more.length > 0 || type === '' || subtype === '') return false
  return part.type === type && (subtype === undefined || part.subtype === subtype)
}

/** RFC 5173. */
export const body: Extension = {
  capability: 'body',
  tests: [
    {
      name: 'body',
      matching: true,
      readsBody: true,
      tags: [
        { name: 'raw', group: 'transform' },
        { name: 'text', group: 'transform' },
        { name: 'content', group: 'transform', takes: 'strings' },
      ],
      args: [{ what: 'the keys', kind: 'strings' }],
      run: testBody,
    },
  ],
}
