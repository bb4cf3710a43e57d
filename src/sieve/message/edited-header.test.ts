import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createEditedHeader, editHeader, readFields } from './edited-header.ts'

const BLOCK = Buffer.from('A: 1\r\nB: two\r\n folded\r\nnot a field\r\nA: 3\r\n\r\n')
const END = BLOCK.length - 2

test('removed fields go with their folded lines, added ones stand first or last', () => {
  const header = createEditedHeader(BLOCK)
  header.remove(header.named('b')[0]!)
  header.add('X', 'one', 'X: one\r\n', 'first')
  header.add('Y', 'two', 'Y: two\r\n', 'last')
  header.add('Z', 'three', 'Z: three\r\n', 'first')
  const version = header.versions[header.version()]!
  const octets = editHeader(Buffer.concat([BLOCK, Buffer.from('body')]), END, version).toString()
  assert.equal(octets, 'Z: three\r\nX: one\r\nA: 1\r\nnot a field\r\nA: 3\r\nY: two\r\n\r\nbody')
})

test('a header without end, and one that is empty', () => {
  const add = (text: string): string => {
    const block = Buffer.from(text)
    const header = createEditedHeader(block)
    header.add('Y', 'z', 'Y: z\r\n', 'last')
    header.add('X', 'z', 'X: z\r\n', 'first')
    return editHeader(block, block.length, header.versions[header.version()]!).toString()
  }
  assert.equal(add('A: 1'), 'X: z\r\nA: 1\r\nY: z\r\n')
  assert.equal(add(''), 'X: z\r\nY: z\r\n')
})

test('a version for each state, the first for what is unchanged again', () => {
  const header = createEditedHeader(BLOCK)
  assert.equal(header.version(), 0)
  header.add('X', 'y', 'X: y\r\n', 'first')
  assert.equal(header.version(), 1)
  assert.equal(header.version(), 1)
  header.remove(header.named('x')[0]!)
  assert.equal(header.version(), 0)
})

const edit = fc.record({ what: fc.constantFrom('first', 'last', 'remove'), at: fc.nat(9) })

test('whatever is edited, the octets say what the fields do', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('A: 1', 'B: 2', 'C: 3\r\n x', 'junk')), fc.array(edit), (lines, edits) => {
      const block = Buffer.from(`${lines.map((line) => `${line}\r\n`).join('')}\r\n`)
      const header = createEditedHeader(block)
      for (const [i, { what, at }] of edits.entries()) {
        const field = header.fields[at]
        if (what !== 'remove') header.add(`X${i}`, 'v', `X${i}: v\r\n`, what)
        else if (field !== undefined) header.remove(field)
      }
      const octets = editHeader(block, block.length - 2, header.versions[header.version()]!)
      const shown = (fields: readonly { name: string; text(): string }[]): string[] =>
        fields.map((field) => `${field.name}=${field.text()}`)
      assert.deepEqual(shown(readFields(octets)), shown(header.fields))
    }),
    { numRuns: 500 },
  )
})
