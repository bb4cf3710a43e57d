import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  GUARD_ADDRESSES_MAX,
  UNKNOWN_RECIPIENTS_AT_ONCE_MAX,
  UNKNOWN_RECIPIENTS_INTERVAL_MS,
  UNKNOWN_RECIPIENTS_PER_PREFIX_FACTOR,
} from '../../model/limits.ts'
import { createTestClock } from '../../std/test-clock.ts'
import type { GuardNews } from './news.ts'
import { createStrangers, type HearingStrangers } from './strangers.ts'

const HERE = '192.0.2.1'

const setUp = () => {
  const clock = createTestClock()
  const all: HearingStrangers[] = []
  const told: GuardNews[] = []
  for (let self = 0; self < 2; self++) {
    const tell = (news: GuardNews): void => {
      told.push(news)
      for (const [number, one] of all.entries()) if (number !== self) one.hear(news)
    }
    all.push(createStrangers({ clock, exempt: (at) => at.startsWith('10.'), greetingDelayMs: () => 3000, tell }))
  }
  return { clock, told, one: all[0]!, other: all[1]! }
}

test('whoever waited once is greeted at once, by every thread', () => {
  const { one, other } = setUp()
  assert.equal(one.greetingDelayMs(HERE), 3000)
  one.wasSilent(HERE)
  assert.deepEqual(
    [one, other].map((each) => each.greetingDelayMs(HERE)),
    [0, 0],
  )
  assert.equal(other.greetingDelayMs('192.0.2.2'), 3000)
  assert.equal(other.greetingDelayMs('10.0.0.1'), 0)
})

test('so many names that are not here, on whatever thread; then none for an interval', () => {
  const { clock, one, other } = setUp()
  for (let i = 0; i < UNKNOWN_RECIPIENTS_AT_ONCE_MAX; i++) {
    const at = i % 2 === 0 ? one : other
    assert.ok(at.mayName(HERE), `${i}`)
    at.namedUnknown(HERE)
  }
  assert.deepEqual(
    [one, other].map((each) => each.mayName(HERE)),
    [false, false],
  )
  assert.ok(one.mayName('192.0.2.2'))
  clock.advance(UNKNOWN_RECIPIENTS_INTERVAL_MS)
  assert.ok(other.mayName(HERE))
  other.namedUnknown(HERE)
  assert.ok(!one.mayName(HERE))
})

test('a prefix has three times as many (S6)', () => {
  const { one } = setUp()
  let named = 0
  for (let i = 0; i < 300; i++) {
    const address = `2001:db8:1:${i.toString(16)}::1`
    if (!one.mayName(address)) break
    one.namedUnknown(address)
    named++
  }
  assert.equal(named, UNKNOWN_RECIPIENTS_AT_ONCE_MAX * UNKNOWN_RECIPIENTS_PER_PREFIX_FACTOR)
  assert.ok(!one.mayName('2001:db8:1:ffff::1'))
  assert.ok(one.mayName('2001:db8:2::1'))
})

test('who brings letters may have dead addresses among its recipients; one who has none says nothing to the threads', () => {
  const { told, one, other } = setUp()
  other.brought(HERE, 3)
  assert.equal(told.length, 0)
  for (let i = 0; i < 3 * UNKNOWN_RECIPIENTS_AT_ONCE_MAX; i++) {
    // Beyond the prefix's share: a list of a server with many such.
    if (i === UNKNOWN_RECIPIENTS_AT_ONCE_MAX * UNKNOWN_RECIPIENTS_PER_PREFIX_FACTOR - 1) break
    assert.ok(one.mayName(HERE), `${i}`)
    one.namedUnknown(HERE)
    other.brought(HERE, 1)
  }
})

test('the exempt name as many as they like', () => {
  const { told, one } = setUp()
  for (let i = 0; i < 1000; i++) one.namedUnknown('10.0.0.1')
  assert.ok(one.mayName('10.0.0.1'))
  assert.equal(told.length, 0)
})

test('memory is bounded', () => {
  const { one } = setUp()
  one.wasSilent(HERE)
  for (let i = 0; i < GUARD_ADDRESSES_MAX; i++) one.wasSilent(`203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
  assert.equal(one.greetingDelayMs(HERE), 3000)
})
