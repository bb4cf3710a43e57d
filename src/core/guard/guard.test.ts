import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../../std/test-clock.ts'
import { DAY, HOUR, MINUTE } from '../../std/clock.ts'
import {
  ACCESS_CONNECTIONS_PER_ADDRESS_MAX,
  ACCESS_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX,
  FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX,
  FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX,
  GUARD_ADDRESSES_MAX,
  MX_CONNECTIONS_PER_ADDRESS_MAX,
  MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX,
} from '../../model/limits.ts'
import { createGuard } from './guard.ts'
import { networkOf } from './network-of.ts'
import { createRecent } from './recent.ts'

const setUp = (lifted: (address: string) => boolean = () => false) => {
  const clock = createTestClock()
  return { clock, guard: createGuard({ clock, lifted }) }
}

test('an address that failed ten times in a minute waits, its neighbour does not', () => {
  const { clock, guard } = setUp()
  for (let i = 0; i < FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX; i++) {
    assert.equal(guard.beforeLogin('192.0.2.1').at, 'go')
    guard.loginFailed('192.0.2.1')
    clock.advance(1000)
  }
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'refuse')
  assert.equal(guard.beforeLogin('::ffff:192.0.2.1').at, 'refuse')
  assert.equal(guard.beforeLogin('192.0.2.2').at, 'go')
  clock.advance(MINUTE - 10_000)
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'go', 'the first failure is a minute old')
  guard.loginFailed('192.0.2.1')
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'refuse', 'the window slides, it does not start afresh')
})

test('fifty failures in a day, however slow', () => {
  const { clock, guard } = setUp()
  for (let i = 0; i < FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX; i++) {
    assert.equal(guard.beforeLogin('192.0.2.1').at, 'go', `attempt ${i}`)
    guard.loginFailed('192.0.2.1')
    clock.advance(MINUTE)
  }
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'refuse')
  clock.advance(22 * HOUR)
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'refuse')
  clock.advance(2 * HOUR)
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'go')
})

test('a /24 may fail three times as much', () => {
  const { guard } = setUp()
  for (let i = 1; i <= 30; i++) guard.loginFailed(`192.0.2.${i}`)
  assert.equal(guard.beforeLogin('192.0.2.200').at, 'refuse')
  assert.equal(guard.beforeLogin('192.0.3.200').at, 'go')
})

test('an IPv6 client cannot walk through its /64, nor for long through its /48 (S6)', () => {
  const { guard } = setUp()
  for (let i = 0; i < 10; i++) guard.loginFailed(`2001:db8:1:2::${i.toString(16)}`)
  assert.equal(guard.beforeLogin('2001:db8:1:2:ffff::1').at, 'refuse')
  assert.equal(guard.beforeLogin('2001:db8:1:3::1').at, 'go')
  for (let i = 0; i < 20; i++) guard.loginFailed(`2001:db8:1:${(i + 16).toString(16)}::1`)
  assert.equal(guard.beforeLogin('2001:db8:1:ffff::1').at, 'refuse')
  assert.equal(guard.beforeLogin('2001:db8:2::1').at, 'go')
})

test('success clears its own address, not its prefix', () => {
  const { guard } = setUp()
  for (let i = 0; i < 30; i++) guard.loginFailed('192.0.2.1')
  guard.loginSucceeded('192.0.2.1')
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'refuse', 'the prefix has had its thirty')
  for (let i = 0; i < 10; i++) guard.loginFailed('198.51.100.1')
  guard.loginSucceeded('198.51.100.1')
  assert.equal(guard.beforeLogin('198.51.100.1').at, 'go')
})

test('a wall clock that jumps forgives nothing and blames nobody (R12)', () => {
  const { clock, guard } = setUp()
  for (let i = 0; i < 10; i++) guard.loginFailed('192.0.2.1')
  clock.jump(10 * DAY)
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'refuse')
})

test('connections per address: one too many is refused, and one that ended makes room once', () => {
  for (const [service, max] of [
    ['mx', MX_CONNECTIONS_PER_ADDRESS_MAX],
    ['access', ACCESS_CONNECTIONS_PER_ADDRESS_MAX],
  ] as const) {
    const { guard } = setUp()
    const ends = Array.from({ length: max }, () => guard.connect(service, '192.0.2.1'))
    assert.ok(ends.every((end) => end !== null))
    assert.equal(guard.connect(service, '192.0.2.1'), null)
    assert.notEqual(guard.connect(service, '192.0.2.2'), null)
    assert.notEqual(guard.connect(service === 'mx' ? 'access' : 'mx', '192.0.2.1'), null)
    ends[0]!()
    ends[0]!() // Ending twice must not free a second place.
    assert.notEqual(guard.connect(service, '192.0.2.1'), null)
    assert.equal(guard.connect(service, '192.0.2.1'), null)
  }
})

test('new connections per minute', () => {
  const { clock, guard } = setUp()
  const visit = (): boolean => {
    const end = guard.connect('mx', '192.0.2.1')
    end?.()
    return end !== null
  }
  for (let i = 0; i < MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX; i++) assert.ok(visit(), `connection ${i}`)
  assert.ok(!visit())
  clock.advance(MINUTE)
  assert.ok(!visit(), 'the minute before still counts in full')
  clock.advance(MINUTE / 2)
  assert.ok(visit())
  clock.advance(2 * MINUTE)
  for (let i = 0; i < MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX; i++) assert.ok(visit())
})

test('new connections per minute, one count for clients and one for servers', () => {
  const { guard } = setUp()
  for (let i = 0; i < ACCESS_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX; i++) {
    const end = guard.connect('access', '192.0.2.1')
    assert.ok(end !== null, `connection ${i}`)
    end()
  }
  assert.equal(guard.connect('access', '192.0.2.1'), null)
  assert.notEqual(guard.connect('mx', '192.0.2.1'), null)
})

test('lifted addresses know no limit', () => {
  const { guard } = setUp((address) => address === '127.0.0.1')
  for (let i = 0; i < 500; i++) {
    guard.loginFailed('127.0.0.1')
    assert.notEqual(guard.connect('mx', '127.0.0.1'), null)
  }
  assert.equal(guard.beforeLogin('127.0.0.1').at, 'go')
})

test('guards that tell each other have one count of failed logins', () => {
  const clock = createTestClock()
  const lifted = (): boolean => false
  const guards: ReturnType<typeof createGuard>[] = []
  const others = (self: number) => guards.filter((_, i) => i !== self)
  for (const self of [0, 1, 2]) {
    guards.push(createGuard({ clock, lifted, tell: (news) => others(self).forEach((guard) => guard.hear(news)) }))
  }
  for (let i = 0; i < FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX; i++) guards[i % 3]!.loginFailed('192.0.2.1')
  for (const guard of guards) assert.equal(guard.beforeLogin('192.0.2.1').at, 'refuse')
  guards[1]!.loginSucceeded('192.0.2.1')
  for (const guard of guards) assert.equal(guard.beforeLogin('192.0.2.1').at, 'go')
})

test('memory is bounded: the address not seen longest is forgotten', () => {
  const { guard } = setUp()
  for (let i = 0; i < 10; i++) guard.loginFailed('192.0.2.1')
  for (let i = 0; i < GUARD_ADDRESSES_MAX; i++) guard.loginFailed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
  assert.equal(guard.beforeLogin('192.0.2.1').at, 'go')
  const recent = createRecent({ entriesMax: 2, make: () => 0 })
  for (const key of ['a', 'b', 'a', 'c']) recent.get(key)
  assert.equal(recent.size, 2)
  assert.equal(recent.peek('b'), undefined)
})

test('networks', () => {
  const table = [
    ['192.0.2.77', '192.0.2.77', '192.0.2.0/24'],
    ['::ffff:192.0.2.77', '192.0.2.77', '192.0.2.0/24'],
    ['2001:db8::1', '2001:db8:0:0::/64', '2001:db8:0::/48'],
    ['2001:DB8:0:0:1:2:3:4', '2001:db8:0:0::/64', '2001:db8:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64', 'fe80:0:0::/48'],
    ['::1', '0:0:0:0::/64', '0:0:0::/48'],
    ['::', '0:0:0:0::/64', '0:0:0::/48'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64', '1:2:3::/48'],
    ['1::2::3', '1::2::3', '1::2::3'],
    ['1:2:3', '1:2:3', '1:2:3'],
    ['nonsense', 'nonsense', 'nonsense'],
  ] as const
  for (const [address, host, prefix] of table) assert.deepEqual(networkOf(address), { host, prefix }, address)
})
