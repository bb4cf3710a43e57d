import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as holds, integer, property, uniqueArray } from 'fast-check'
import type { Uid } from '../../model/ids.ts'
import type { UidRange } from '../../model/mailbox.ts'
import { inPortions } from './named.ts'

test('portions name each message once, in order, none more than its share', () => {
  const ascending = uniqueArray(integer({ min: 1, max: 60 }), { maxLength: 40 }).map((list) =>
    list.toSorted((a, b) => a - b),
  )
  holds(
    property(ascending, ascending, integer({ min: 1, max: 9 }), (mailbox, ends, share) => {
      const ranges: UidRange[] = []
      for (let i = 0; i + 1 < ends.length; i += 2) ranges.push({ from: ends[i] as Uid, to: ends[i + 1] as Uid })
      const named = (list: readonly UidRange[]): number[] =>
        mailbox.filter((uid) => list.some(({ from, to }) => from <= uid && uid <= to))
      const portions = inPortions(ranges, Uint32Array.from(mailbox), share)
      assert.deepEqual(portions.flatMap(named), named(ranges))
      for (const [i, portion] of portions.entries()) {
        const count = named(portion).length
        assert.ok(i + 1 < portions.length ? count === share : count >= 1 && count <= share)
      }
    }),
  )
})
