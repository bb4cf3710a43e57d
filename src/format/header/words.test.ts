import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { decodeWords } from './words.ts'

test('encoded words (RFC 2047 §8 and the wild)', () => {
  for (const [text, decoded] of [
    ['plain', 'plain'],
    ['(=?ISO-8859-1?Q?a?=)', '(a)'],
    ['(=?ISO-8859-1?Q?a?= b)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a_b?=)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)', '(a b)'],
    ['=?US-ASCII*EN?Q?Keith_Moore?=', 'Keith Moore'],
    ['=?koi8-r?b?8NLJ18XU?=', 'Привет'],
    ['=?utf-8?Q?=D0?= =?UTF-8?q?=9F?=', 'П'],
    ['=?utf-8?B?0J8=?==?utf-8?B?0J8=?=', 'ПП'],
    ['=?utf-8?Q?blank inside?=', 'blank inside'],
    ['=?utf-8?Q??=', ''],
    ['=?utf-8?Q?=?=', '='],
    ['=?utf-8?Q?=4?=', '=4'],
    ['a=?utf-8?Q?b?=c', 'abc'],
    ['=?utf-8?X?b?=', '=?utf-8?X?b?='],
    ['=?utf-8?Q?no end', '=?utf-8?Q?no end'],
    ['=??Q?x?=', '=??Q?x?='],
    ['=?=?utf-8?Q?x?=', '=?x'],
    ['=?utf-8?Q?x?= =?utf-8', 'x =?utf-8'],
    ['=?no-such?Q?caf=C3=A9?=', 'café'],
    ['Ж =?utf-8?Q?=D0=96?= Ж', 'Ж Ж Ж'],
  ] as const) {
    assert.equal(decodeWords(text), decoded, text)
  }
})

test('what is encoded comes back, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 20 })),
      (text, sizes) => {
        const bytes = Buffer.from(text.toWellFormed())
        const words: string[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + (sizes[i] ?? 100)
          words.push(`=?utf-8?B?${bytes.subarray(at, end).toString('base64')}?=`)
          at = end
        }
        assert.equal(decodeWords(words.join('\t ')), new TextDecoder().decode(bytes))
      },
    ),
  )
})

test('hostile input is answered (S12)', () => {
  for (const text of ['=?', '=?a?q?', '=?a?q?x?=', '=?a?q? ', '?=', '=?utf-8?B?0J8=?= ']) {
    assert.equal(typeof decodeWords(text.repeat(100_000 / text.length)), 'string')
  }
})
