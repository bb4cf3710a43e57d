import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../../std/test-clock.ts'
import type { AccountId } from '../../model/ids.ts'
import { ACCOUNTS_MAX } from '../../model/limits.ts'
import { createMaildropTable, openMaildropLocks } from './maildrop-locks.ts'

const account = (id: number): AccountId => id as AccountId

function threads(names: readonly string[], loginDelayMs = 0) {
  const clock = createTestClock()
  const table = createMaildropTable()
  const begin = (name: string) => openMaildropLocks(table.share(name), { clock, loginDelayMs })
  return { clock, begin, locks: names.map(begin) }
}

test('one holder, in whatever thread; free once it is released, and once only', () => {
  const { locks } = threads(['a', 'b'])
  const [a, b] = locks as [(typeof locks)[0], (typeof locks)[0]]
  const first = a.take(account(7))
  assert.ok(first.at === 'taken')
  assert.equal(a.take(account(7)).at, 'in-use')
  assert.equal(b.take(account(7)).at, 'in-use')
  assert.equal(b.take(account(8)).at, 'taken')
  assert.equal(b.take(account(ACCOUNTS_MAX - 1)).at, 'taken')
  first.release()
  assert.equal(b.take(account(7)).at, 'taken')
  first.release()
  assert.equal(a.take(account(7)).at, 'in-use', 'an older holder does not free the next')
})

test('what a thread held that died is free when it begins again; what others hold is not', () => {
  const { begin, locks } = threads(['a', 'b'])
  const [a, b] = locks as [(typeof locks)[0], (typeof locks)[0]]
  for (const id of [1, 2, 1_000_000]) assert.equal(a.take(account(id)).at, 'taken')
  assert.equal(b.take(account(3)).at, 'taken')
  const again = begin('a')
  for (const id of [1, 2, 1_000_000]) assert.equal(again.take(account(id)).at, 'taken')
  assert.equal(again.take(account(3)).at, 'in-use')
})

test('RFC 2449 §6.5: the delay between two logins, over all threads; a clock that is set back locks nobody out', () => {
  const { clock, locks } = threads(['a', 'b'], 60_000)
  const [a, b] = locks as [(typeof locks)[0], (typeof locks)[0]]
  const enter = (which: typeof a) => {
    const lock = which.take(account(5))
    if (lock.at === 'taken') lock.release()
    return lock.at
  }
  assert.equal(enter(a), 'taken')
  assert.equal(enter(b), 'too-soon')
  clock.advance(58_000)
  assert.equal(enter(b), 'too-soon')
  clock.advance(2_000)
  assert.equal(enter(b), 'taken')
  clock.jump(-3_600_000)
  assert.equal(enter(a), 'taken')
})
