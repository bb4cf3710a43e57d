import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createBodyDecoder, decodeBody } from './transfer.ts'

const decode = (text: string, encoding: string): string =>
  decodeBody(Buffer.from(text, 'latin1'), encoding)!.toString('latin1')

test('base64 (RFC 2045 §6.8)', () => {
  for (const [text, decoded] of [
    ['aGVsbG8=', 'hello'],
    ['aGVs\r\nbG8=\r\n', 'hello'],
    ['aG!V*s bG 8', 'hello'],
    ['aGk=aGk=', 'hihi'],
    ['aGkh', 'hi!'],
    ['a', ''],
    ['aG', 'h'],
    ['====', ''],
    ['', ''],
    ['_-_-', ''],
  ] as const) {
    assert.equal(decode(text, 'base64'), decoded, text)
  }
})

test('quoted-printable (RFC 2045 §6.7)', () => {
  for (const [text, decoded] of [
    ['a=3Db', 'a=b'],
    ['=d0=9F', '\xd0\x9f'],
    ['soft =\r\nbreak', 'soft break'],
    ['soft=\nbreak', 'softbreak'],
    ['soft= \t\r\nbreak', 'softbreak'],
    ['blank at the end  \t\r\nnext', 'blank at the end\r\nnext'],
    ['last  ', 'last'],
    ['in  between', 'in  between'],
    ['=ZZ =4', '=ZZ =4'],
    ['end=', 'end'],
    ['=', ''],
    ['==3D', '=='],
    ['a \rb', 'a \rb'],
  ] as const) {
    assert.equal(decode(text, 'quoted-printable'), decoded, JSON.stringify(text))
  }
})

test('identity, and what nobody knows', () => {
  for (const encoding of ['7bit', '8bit', 'binary']) assert.equal(decode('a=3D\xff', encoding), 'a=3D\xff')
  assert.equal(decodeBody(Buffer.from('x'), 'x-uuencode'), null)
  assert.equal(createBodyDecoder('BASE64'), null, 'encodings come in lower case')
})

test('what others encode comes back, in any pieces', () => {
  const bytes = fc.uint8Array({ maxLength: 300 })
  const cuts = fc.array(fc.nat(400), { maxLength: 10 })
  fc.assert(
    fc.property(bytes, cuts, (plain, at) => {
      const text = Buffer.from(
        Buffer.from(plain)
          .toString('base64')
          .replace(/(.{76})/g, '$1\r\n'),
      )
      assert.deepEqual(inPieces(text, at, 'base64'), Buffer.from(plain))
    }),
  )
  const alphabet = fc.constantFrom('=', '3', 'D', 'a', ' ', '\t', '\r', '\n', '\r\n', '=\r\n', '=20')
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 60 }), cuts, (letters, at) => {
      const text = Buffer.from(letters.join(''))
      assert.deepEqual(inPieces(text, at, 'quoted-printable'), decodeBody(text, 'quoted-printable'))
    }),
  )
})

function inPieces(bytes: Buffer, cuts: readonly number[], encoding: string): Buffer {
  const decoder = createBodyDecoder(encoding)!
  const out: Buffer[] = []
  let from = 0
  for (const cut of cuts.toSorted((a, b) => a - b)) {
    out.push(Buffer.from(decoder.push(bytes.subarray(from, cut))))
    from = Math.max(from, Math.min(cut, bytes.length))
  }
  out.push(Buffer.from(decoder.push(bytes.subarray(from))), decoder.end())
  return Buffer.concat(out)
}
