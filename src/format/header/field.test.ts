import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldText, headerFields } from './field.ts'

const read = (text: string | Buffer, charset: string | null = null): string[][] => {
  const block = Buffer.from(text as string)
  return headerFields(block).map((field) => [field.name, fieldText(block, field, charset)])
}

test('fields, folded or not, up to the empty line (RFC 5322 §2.2)', () => {
  const block = 'A: 1\r\nB:2\r\n and\r\n\tmore\r\nC :\r\n 3  \r\nD:\r\n\r\nnot: here\r\n'
  assert.deepEqual(read(block), [
    ['A', '1'],
    ['B', '2 and\tmore'],
    ['C', '3'],
    ['D', ''],
  ])
  assert.deepEqual(read(block.replaceAll('\r\n', '\n')), read(block))
})

test('lines that are no fields have no name, and do not end the header', () => {
  assert.deepEqual(
    read(' first\r\nFrom a@b Tue: x\r\n: y\r\nno colon\r\nN\u00e4me: x\r\nOk: z').map(([name]) => name),
    ['', '', '', '', '', 'Ok'],
  )
})

test('offsets cover the block without a gap', () => {
  const block = Buffer.from('A: 1\r\njunk\nB: 2\n b\nlast')
  let at = 0
  for (const { start, valueStart, end } of headerFields(block)) {
    assert.equal(start, at)
    assert.ok(valueStart >= start && valueStart <= end)
    at = end
  }
  assert.equal(at, block.length)
})

test('8-bit octets: UTF-8, else the charset at hand, else windows-1252', () => {
  assert.deepEqual(read('S: Привет'), [['S', 'Привет']])
  const cp1251 = Buffer.concat([Buffer.from('S: '), Buffer.from('cff0e8e2e5f2', 'hex')])
  assert.deepEqual(read(cp1251, 'windows-1251'), [['S', 'Привет']])
  assert.deepEqual(read(cp1251), [['S', 'Ïðèâåò']])
})

test('no NUL and no bare CR gets through', () => {
  assert.deepEqual(read('S: a\0b\rc'), [['S', 'a\ufffdb c']])
})
