import { strings, type Machine } from '../machine.ts'
import { createMatcher, matchCount } from '../match/match.ts'
import { addressPart, type LetterAddress } from '../message/address.ts'
import type { Extension, Node } from '../spec.ts'
import { ADDRESS_PART_TAGS, addressPartOf, separatorOf } from './core.ts'

const PARTS: readonly string[] = ['from', 'to', 'auth']

function testEnvelope(machine: Machine, node: Node): boolean {
  const match = node.match!
  const { from, to, auth } = machine.letter.envelope
  const keys = strings(machine, node, 1)
  const parts = strings(machine, node, 0).map((part) => part.toLowerCase())
  // RFC 5231 §4.2: no reverse-path counts as none.
  const addresses: LetterAddress[] = parts.flatMap((part) => (part === 'from' ? [from] : part === 'to' ? [to] : []))
  const users = auth !== undefined && parts.includes('auth') ? [auth] : []
  if (match.type === 'count')
    return matchCount(machine, match, addresses.filter((address) => address !== null).length + users.length, keys)
  const matcher = createMatcher(machine, match, keys)
  const part = addressPartOf(node)
  const matches = addresses.some((address) => {
    const text = addressPart(address, part, separatorOf(machine))
    return text !== null && matcher(text)
  })
  return matches || (part === 'all' && users.some(matcher))
}

/** RFC 5228 §5.4. */
export const envelope: Extension = {
  capability: 'envelope',
  tests: [
    {
      name: 'envelope',
      matching: true,
      tags: ADDRESS_PART_TAGS,
      args: [
        {
          what: 'the parts of the envelope',
          kind: 'strings',
          check: (part) =>
            PARTS.includes(String(part).toLowerCase())
              ? null
              : `the envelope has no part “${String(part).slice(0, 60)}”, but from, to, auth`,
        },
        { what: 'the keys', kind: 'strings' },
      ],
      run: testEnvelope,
    },
  ],
}

/** RFC 5233: with the address of `user+detail@domain` in two. */
export const subaddress: Extension = {
  capability: 'subaddress',
  adds: [
    {
      to: ['address', 'envelope'],
      tags: [
        { name: 'user', group: 'address-part' },
        { name: 'detail', group: 'address-part' },
      ],
    },
  ],
}
