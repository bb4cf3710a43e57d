import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { foldForSearch } from '../../format/charset/fold.ts'
import {
  SEARCH_GRAMS_PER_MESSAGE_MAX,
  SEARCH_NEEDLE_GRAMS_MAX,
  SEARCH_TEXT_MAX_CHARACTERS,
} from '../../model/limits.ts'
import { createGramCollector, gramsOfNeedle } from './grams.ts'

function gramsOf(...pieces: readonly string[]): Set<number> | null {
  const collector = createGramCollector()
  for (const piece of pieces) collector.add(piece)
  const grams = collector.take()
  return grams === null ? null : new Set(grams)
}

const letter = fc.constantFrom('a', 'B', 'ß', 'ё', 'Ё', 'й', 'И', '\u0306', 'İ', 'ı', 'Σ', 'ς', 'ﬁ', '日', '本', '語', '😀', ' ', '\u00a0') // prettier-ignore
const words = fc.array(letter, { maxLength: 60 }).map((letters) => letters.join(''))

test('whatever part of a text is looked for, its grams are among those of the text, however it came in pieces', () => {
  fc.assert(
    fc.property(words, fc.nat(60), fc.nat(12), fc.nat(60), (text, from, length, cut) => {
      const folded = foldForSearch(text)
      const grams = gramsOf(folded.slice(0, cut), folded.slice(cut))
      for (const gram of gramsOfNeedle(folded.slice(from, from + length))) assert.ok(grams?.has(gram))
    }),
    { numRuns: 500 },
  )
})

test('what is asked for can be told by: three characters, two of CJK or one beyond the basic plane, not less', () => {
  for (const [text, told] of [
    ['', 0],
    ['а', 0],
    ['ок', 0],
    ['日', 0],
    ['日本', 1],
    ['😀', 1],
    ['abc', 1],
    ['ёлка', 2],
    ['日本語', 1],
  ] as const) {
    assert.equal(gramsOfNeedle(foldForSearch(text)).length, told, text)
  }
})

test('case does not count, in Latin and Cyrillic; letters of their own do', () => {
  const same = (one: string, other: string): boolean =>
    JSON.stringify(gramsOfNeedle(foldForSearch(one))) === JSON.stringify(gramsOfNeedle(foldForSearch(other)))
  assert.ok(same('Ёлочка', 'ёЛОЧКА'))
  assert.ok(same('Straße', 'STRASSE'))
  assert.ok(same('Ναός', 'ΝΑΌΣ'))
  assert.ok(!same('ёлка', 'елка'))
  assert.ok(!same('край', 'краи'))
})

test('one message after the other', () => {
  const collector = createGramCollector()
  collector.add('ABCDE')
  assert.equal(collector.take()?.length, 3)
  collector.add('F')
  assert.equal(collector.take()?.length, 0)
  collector.add('A'.repeat(SEARCH_TEXT_MAX_CHARACTERS + 1))
  assert.equal(collector.take(), null)
  collector.add('CDEF')
  assert.deepEqual([...collector.take()!], gramsOfNeedle('CDEF')) // prettier-ignore
})

test('parts do not join', () => {
  const collector = createGramCollector()
  collector.add('ABC')
  collector.part()
  collector.add('DEF')
  const grams = new Set(collector.take())
  assert.equal(grams.size, 2)
  for (const gram of gramsOfNeedle('BCD')) assert.ok(!grams.has(gram))
})

test('of a long text some grams are asked for, from all of it', () => {
  const text = Array.from({ length: 900 }, (_, i) => String.fromCharCode(0x400 + ((i * 7919) % 800))).join('')
  const asked = gramsOfNeedle(text)
  assert.equal(asked.length, SEARCH_NEEDLE_GRAMS_MAX)
  const ends = gramsOf(text.slice(-60))
  assert.ok(asked.some((gram) => ends?.has(gram)))
})

test('one over: too much text, too many grams', () => {
  const long = 'ABCDEFGH'.repeat(SEARCH_TEXT_MAX_CHARACTERS / 8)
  assert.equal(gramsOf(long)?.size, 8)
  assert.equal(gramsOf(long, 'A'), null)
  let state = 1
  const next = (): number => (state = (state * 48_271) % 2_147_483_647)
  const many = Array.from({ length: 3 * SEARCH_GRAMS_PER_MESSAGE_MAX }, () =>
    String.fromCharCode(0x400 + (next() % 2500)),
  )
  const collector = createGramCollector()
  let at = 0
  while (collector.add(many[at]!)) at++
  assert.equal(collector.take(), null)
  assert.equal(gramsOf(many.slice(0, at).join(''))?.size, SEARCH_GRAMS_PER_MESSAGE_MAX)
})
