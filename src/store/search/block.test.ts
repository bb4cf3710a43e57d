import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { SEARCH_BLOCK_MESSAGES } from '../../model/limits.ts'
import { StoreError } from '../contract.ts'
import { bitmapOctets, eachPlace, encodeBlock, hasBit, keepThose, rowOf } from './block.ts'

/** Few grams of some, so that lists are long and short. */
const gram = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 65_535 }), fc.constant(65_535))
const messages = fc.array(fc.uniqueArray(gram, { maxLength: 30 }), { minLength: 1, maxLength: 40 })

type Rows = Map<number, Uint8Array>

function rowsOf(block: readonly (readonly number[])[]): Rows {
  const rows: Rows = new Map()
  for (const { row, octets } of encodeBlock(block.map((grams) => Uint16Array.from(grams)))) {
    rows.set(row, Uint8Array.from(octets))
  }
  return rows
}

function holders(rows: Rows, asked: readonly number[], count: number): number[] {
  const bits = new Uint8Array(bitmapOctets(count)).fill(0xff)
  for (const one of asked) {
    const octets = rows.get(rowOf(one))
    if (octets === undefined) return []
    keepThose(bits, octets, [one], count)
  }
  return Array.from({ length: count }, (_, place) => place).filter((place) => hasBit(bits, place))
}

test('a block tells who holds all the grams, and gives back what it was made of', () => {
  fc.assert(
    fc.property(messages, fc.array(gram, { minLength: 1, maxLength: 4 }), (block, asked) => {
      const rows = rowsOf(block)
      const expected = block.flatMap((grams, place) => (asked.every((one) => grams.includes(one)) ? [place] : []))
      assert.deepEqual(holders(rows, asked, block.length), expected)
      const again = block.map((): number[] => [])
      for (const [row, octets] of rows) {
        eachPlace({ row, octets }, block.length, (one, place) => again[place]!.push(one))
      }
      for (const [place, grams] of block.entries()) {
        assert.deepEqual(again[place]!.toSorted((a, b) => a - b), grams.toSorted((a, b) => a - b)) // prettier-ignore
      }
    }),
  )
})

test('a full block: gaps of two octets, and bitmaps', () => {
  const block = Array.from({ length: SEARCH_BLOCK_MESSAGES }, (_, place) => [
    ...(place === 3 || place === 1000 ? [7] : []),
    ...(place % 3 === 0 ? [8] : []),
    9,
  ])
  const rows = rowsOf(block)
  assert.deepEqual(holders(rows, [7], block.length), [3, 1000])
  assert.deepEqual(holders(rows, [7, 8], block.length), [3])
  assert.equal(holders(rows, [8, 9], block.length).length, 342)
  assert.equal(holders(rows, [9], block.length).length, SEARCH_BLOCK_MESSAGES)
  assert.deepEqual(holders(rows, [10], block.length), [])
})

test('any changed octet is found', () => {
  const rows = rowsOf([[1, 2], [2, 3], [40]])
  const octets = rows.get(0)!
  for (let at = 0; at < octets.length; at++) {
    const changed = Uint8Array.from(octets)
    changed[at]! ^= 0x10
    assert.throws(
      () => keepThose(new Uint8Array(1), changed, [1], 3),
      (error) => error instanceof StoreError && error.kind === 'damaged',
    )
  }
})
