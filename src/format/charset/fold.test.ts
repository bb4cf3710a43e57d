import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldForSearch } from './fold.ts'

test('case, compatibility forms and white space do not count (RFC 5051)', () => {
  for (const [a, b] of [
    ['Hello', 'hELLO'],
    ['ПРИВЕТ, Ёжик', 'привет, ёжик'],
    ['е\u0308ж', 'ёж'],
    ['Straße', 'STRASSE'],
    ['ΟΔΟΣ', 'οδος'],
    ['οδοσ', 'οδος'],
    ['ﬁn', 'FIN'],
    ['Å', '\u212b'],
    ['two\r\n  words', 'two words'],
    ['a\u00a0b', 'A B'],
  ] as const) {
    assert.equal(foldForSearch(a), foldForSearch(b), `${a} ${b}`)
  }
})

test('other letters stay other letters', () => {
  for (const [a, b] of [
    ['и', 'й'],
    ['е', 'ё'],
    ['c', 'с'],
    ['ab', 'a b'],
  ] as const) {
    assert.ok(!foldForSearch(b).includes(foldForSearch(a)), `${a} ${b}`)
  }
})
