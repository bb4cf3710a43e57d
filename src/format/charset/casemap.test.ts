import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { casemap, compareCasemapped } from './casemap.ts'

test('i;unicode-casemap: title case, then decomposed (RFC 5051 §2)', () => {
  for (const [text, mapped] of [
    ['abc XYZ 1', 'ABC XYZ 1'],
    ['Привет', 'ПРИВЕТ'],
    ['Ёлка й', 'Е\u0308ЛКА И\u0306'],
    ['straße', 'STRAßE'], // No letter of its own is its title case.
    ['é', 'E\u0301'],
    ['ǆ', 'Dz\u030c'], // RFC 5051 §2: U+01C4 to U+01C6 have the title case U+01C5.
    ['Ǆ', 'Dz\u030c'],
    ['ǅ', 'Dz\u030c'],
    ['ﬁ', 'fi'],
    ['ა', 'ა'],
    ['ᾳ', 'ΑΙ'.slice(0, 1) + '\u0345'],
    ['ᾼ', 'ΑΙ'.slice(0, 1) + '\u0345'],
    ['ᾀ', 'Α\u0313\u0345'],
    ['ς', 'Σ'],
    ['ﾊﾞ', 'ハ\u3099'],
    ['𐐨', '𐐀'],
    ['ı', 'I'],
    ['İ', 'I\u0307'],
  ] as const) {
    assert.equal(casemap(text), mapped, text)
  }
})

test('texts that differ in case only are one, whichever way they are looked at', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'B', 'ж', 'Ж', 'є', 'Ґ', 'ü', 'Ü', ' ', 'ё', 'λ') }), (text) => {
      assert.equal(casemap(text.toUpperCase()), casemap(text.toLowerCase()))
    }),
  )
})

test('forms stand in the order of their octets (RFC 5051 §2 (3))', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      assert.equal(Math.sign(compareCasemapped(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 2000 },
  )
  for (const [a, b] of [
    ['\uff5e', '\u{1f600}'],
    ['a', 'a\u{1f600}'],
    ['', 'a'],
    ['\u{1f600}a', '\u{1f600}b'],
  ] as const) {
    assert.ok(compareCasemapped(a, b) < 0)
    assert.ok(compareCasemapped(b, a) > 0)
  }
})
