import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Mailboxes, MessageChoice } from '../../../core/contract.ts'
import type { MailboxId, MessageKey } from '../../../model/ids.ts'
import { SEARCH_NEEDLES_MAX, SEARCH_PICKED_MAX } from '../../../model/limits.ts'
import type { SearchKey } from '../../../protocol/imap/search.ts'
import { askIndex, choiceOf, mayHold, pickByIndex, type KnownTexts } from './by-index.ts'

const choice = (above: number, ...keys: readonly number[]): MessageChoice => ({
  above: above as MessageKey,
  keys: Float64Array.from(keys),
})
const text = (one: string): SearchKey => ({ key: 'text', text: one })
const told = (found: MessageChoice | null) => (found === null ? null : [found.above, [...found.keys]])

const KNOWN: KnownTexts = new Map([
  ['a', choice(9, 1, 3, 9)],
  ['b', choice(7, 3, 4)],
])

test('what a key leaves open: AND narrows, OR widens, NOT and what the index does not know leave all', () => {
  const not: SearchKey = { key: 'not', of: text('a') }
  for (const [key, expected] of [
    [text('a'), [9, [1, 3, 9]]],
    [text('?'), null],
    [not, null],
    [{ key: 'all' }, null],
    [{ key: 'and', of: [text('a'), { key: 'flag', flag: '\\Seen' }, not] }, [9, [1, 3, 9]]],
    [{ key: 'and', of: [text('a'), text('b')] }, [7, [3]]],
    [{ key: 'or', of: [text('a'), text('b')] }, [7, [1, 3, 4]]],
    [{ key: 'or', of: [text('a'), text('?')] }, null],
    [{ key: 'or', of: [text('a'), not] }, null],
    [{ key: 'and', of: [{ key: 'or', of: [text('a'), text('?')] }, text('b')] }, [7, [3, 4]]],
  ] as const satisfies readonly (readonly [SearchKey, unknown])[]) {
    assert.deepEqual(told(choiceOf(key, KNOWN)), expected, JSON.stringify(key))
  }
})

test('no message that may fit is left out, however keys are put together', () => {
  const keys = fc.letrec<{ key: SearchKey }>((tie) => ({
    key: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(text('a'), text('b'), text('?')),
      tie('key').map((of): SearchKey => ({ key: 'not', of })),
      fc.tuple(tie('key'), tie('key')).map((of): SearchKey => ({ key: 'or', of })),
      fc.array(tie('key'), { minLength: 1, maxLength: 3 }).map((of): SearchKey => ({ key: 'and', of })),
    ),
  })).key
  /** The messages of the world, and which texts they hold: as the index allows. */
  const worlds = fc.array(fc.record({ a: fc.boolean(), b: fc.boolean(), '?': fc.boolean() }), {
    minLength: 12,
    maxLength: 12,
  })
  const fits = (key: SearchKey, holds: (one: string) => boolean): boolean => {
    if (key.key === 'text') return holds(key.text)
    if (key.key === 'not') return !fits(key.of, holds)
    if (key.key === 'or') return key.of.some((each) => fits(each, holds))
    return key.key === 'and' && key.of.every((each) => fits(each, holds))
  }
  fc.assert(
    fc.property(keys, worlds, (key, world) => {
      const open = choiceOf(key, KNOWN)
      world.forEach((letter, i) => {
        const messageKey = (i + 1) as MessageKey
        const holds = (one: string): boolean => letter[one as 'a'] && mayHold(KNOWN, one, messageKey)
        if (!fits(key, holds) || open === null || messageKey > open.above) return
        assert.ok(open.keys.includes(messageKey))
      })
    }),
    { numRuns: 500 },
  )
})

test('each text is asked for once, the empty one never, and so many at most', async () => {
  const asked: string[] = []
  const handle = {
    mayHold: async (_: MailboxId, one: string) => {
      asked.push(one)
      return one === 'a' ? choice(1) : null
    },
  }
  const place = { handle: handle as unknown as Mailboxes, mailboxId: 1 as MailboxId }
  const of = [text('a'), text(''), { key: 'not', of: text('a') }, { key: 'header', name: 'x', text: 'b' }] as const
  const known = await askIndex(place, { key: 'and', of })
  assert.deepEqual(asked, ['a', 'b'])
  assert.deepEqual([...known.keys()], ['a'])
  asked.length = 0
  const many = Array.from({ length: SEARCH_NEEDLES_MAX + 1 }, (_, i) => text(`text ${i}`))
  await askIndex(place, { key: 'and', of: many })
  assert.equal(asked.length, SEARCH_NEEDLES_MAX)
})

test('one over: too many candidates to be picked out', async () => {
  const handle = { uidsOfMessages: async () => Uint32Array.from([5, 6, 9]) } as unknown as Mailboxes
  const place = { handle, mailboxId: 1 as MailboxId }
  const many = (count: number): KnownTexts =>
    new Map([['a', { above: 0 as MessageKey, keys: new Float64Array(count) }]])
  assert.deepEqual(await pickByIndex(place, text('a'), many(SEARCH_PICKED_MAX)), [
    { from: 5, to: 6 },
    { from: 9, to: 9 },
  ])
  assert.equal(await pickByIndex(place, text('a'), many(SEARCH_PICKED_MAX + 1)), null)
})
