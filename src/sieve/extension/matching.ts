/** Extensions that add ways to match, to everything that matches. */
import { ALL_MATCHING } from '../catalog.ts'
import { COMPARATORS } from '../match/comparator.ts'
import type { Extension } from '../spec.ts'

/** RFC 5231. */
export const relational: Extension = {
  capability: 'relational',
  adds: [
    {
      to: [ALL_MATCHING],
      tags: [
        { name: 'count', group: 'match', takes: 'string', constant: true },
        { name: 'value', group: 'match', takes: 'string', constant: true },
      ],
    },
  ],
}

/** draft-ietf-sieve-regex: POSIX' extended expressions. */
export const regex: Extension = {
  capability: 'regex',
  adds: [{ to: [ALL_MATCHING], tags: [{ name: 'regex', group: 'match' }] }],
}

/** RFC 5228 §2.4.2.4. The checker decodes. */
export const encodedCharacter: Extension = { capability: 'encoded-character', changesLanguage: true }

/** RFC 5228 §2.7.3: those that are always there may be required all the same. */
export const comparators: readonly Extension[] = COMPARATORS.map(({ name }) => ({ capability: `comparator-${name}` }))
