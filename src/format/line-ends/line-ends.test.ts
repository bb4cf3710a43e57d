import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { lineEndsOf, type Rewriter, toCrlf, toLf } from './line-ends.ts'

function through(rewriter: Rewriter, text: string, size = text.length): string {
  let out = ''
  for (let at = 0; at < text.length; at += size)
    out += Buffer.from(rewriter.push(Buffer.from(text.slice(at, at + size), 'latin1'))).toString('latin1')
  return out + Buffer.from(rewriter.finish()).toString('latin1')
}

function kindOf(text: string, size = text.length): 'crlf' | 'other' {
  const ends = lineEndsOf()
  for (let at = 0; at < text.length; at += size) ends.push(Buffer.from(text.slice(at, at + size), 'latin1'))
  return ends.finish()
}

test('the first line end decides', () => {
  const known: readonly [string, string][] = [
    ['a\nb\n', 'a\r\nb\r\n'],
    ['a\r\nb\nc\r\n', 'a\r\nb\nc\r\n'],
    ['a\nb\r\nc\rd\n', 'a\r\nb\r\nc\rd\r\n'],
    ['no line end', 'no line end'],
    ['\n', '\r\n'],
    ['\r\n\n', '\r\n\n'],
    ['', ''],
  ]
  for (const [from, to] of known) for (const size of [1, 2, 9]) assert.equal(through(toCrlf(), from, size), to)
})

test('LF and back, in any pieces', () => {
  const words = fc.constantFrom('\r\n', 'a', '\n', '\r', 'bc')
  fc.assert(
    fc.property(fc.array(words, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), (parts, size) => {
      const text = parts.join('')
      const kind = /(?<!\r)\n|\r(?!\n)/.test(text) ? 'other' : 'crlf'
      assert.equal(kindOf(text, size), kind)
      const lf = through(toLf(), text, size)
      assert.equal(lf, text.replaceAll('\r\n', '\n'))
      if (kind === 'crlf') assert.equal(through(toCrlf(), lf, size), text)
    }),
  )
})
