import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '../../model/ids.ts'
import { createTestClock } from '../../std/test-clock.ts'
import { createTestRandom } from '../../std/test-random.ts'
import { createCredentialCache } from './credential-cache.ts'

const setUp = () => {
  const clock = createTestClock()
  const cache = createCredentialCache({ clock, random: createTestRandom(), lifetimeMs: 1000, entriesMax: 3 })
  const key = (accountId: number, phc: string, password: string): string =>
    cache.key({ accountId: accountId as AccountId, phc, password })
  return { clock, cache, key }
}

test('an entry ends with its time, whatever the wall clock does', () => {
  const { clock, cache, key } = setUp()
  cache.add(key(1, 'p', 'sesame'))
  clock.jump(1e9)
  clock.advance(999)
  assert.ok(cache.has(key(1, 'p', 'sesame')))
  clock.advance(1)
  assert.ok(!cache.has(key(1, 'p', 'sesame')))
})

test('one entry too many: the oldest goes', () => {
  const { cache, key } = setUp()
  for (const account of [1, 2, 3, 4]) cache.add(key(account, 'p', 'sesame'))
  assert.equal(cache.size, 3)
  assert.ok(!cache.has(key(1, 'p', 'sesame')))
  assert.ok(cache.has(key(2, 'p', 'sesame')))
})

test('a key is of one account, one credential and one password, and does not show the password', () => {
  const { key } = setUp()
  const keys = [
    key(1, 'p', 'sesame'),
    key(2, 'p', 'sesame'),
    key(1, 'q', 'sesame'),
    key(1, 'p', 'Sesame'),
    key(1, 'ps', 'esame'),
  ]
  assert.equal(new Set(keys).size, keys.length)
  assert.ok(!keys.some((text) => text.includes('sesame')))
  assert.equal(keys[0], key(1, 'p', 'sesame'))
})
