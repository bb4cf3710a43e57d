import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { combineCrc32 } from './crc32.ts'

test('as zlib tells it of both together', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 70_000 }), (first, second) => {
      const both = combineCrc32(crc32(first), crc32(second), second.length)
      assert.equal(both, crc32(second, crc32(first)))
    }),
  )
})
