import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CONNECTIONS_PER_PREFIX_FACTOR,
  MX_CONNECTIONS_PER_ADDRESS_MAX,
  MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX,
} from '../../model/limits.ts'
import { MINUTE } from '../../std/clock.ts'
import { createTestClock } from '../../std/test-clock.ts'
import { createConnectionTable, openConnectionCounts } from './connection-counts.ts'
import { createGuard } from './guard.ts'

const setUp = (threads = 3) => {
  const clock = createTestClock()
  const table = createConnectionTable({ threads, key: Buffer.from('seed') })
  const guardOf = (name: string) =>
    createGuard({
      clock,
      name,
      lifted: () => false,
      spared: (at) => at === '192.0.2.99',
      connections: table.share(name),
    })
  return { clock, table, guardOf, guards: Array.from({ length: threads }, (_, i) => guardOf(`t${i}`)) }
}

test('connections of an address are one count over all threads', () => {
  const { guards } = setUp()
  const ends = Array.from({ length: MX_CONNECTIONS_PER_ADDRESS_MAX }, (_, i) =>
    guards[i % 3]!.connect('mx', '192.0.2.1'),
  )
  assert.ok(ends.every((end) => end !== null))
  for (const guard of guards) assert.equal(guard.connect('mx', '192.0.2.1'), null)
  ends[1]!()
  assert.notEqual(guards[0]!.connect('mx', '192.0.2.1'), null, 'its place may be had on another thread')
  assert.equal(guards[2]!.connect('mx', '192.0.2.1'), null)
})

test('new connections of an address and minute are one count over all threads', () => {
  const { guards, clock } = setUp()
  for (let i = 0; i < MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX; i++) guards[i % 3]!.connect('mx', '192.0.2.1')!()
  for (const guard of guards) assert.equal(guard.connect('mx', '192.0.2.1'), null)
  clock.advance(2 * MINUTE)
  assert.notEqual(guards[1]!.connect('mx', '192.0.2.1'), null)
})

for (const [name, next, elsewhere] of [
  ['a /24', (i: number) => `192.0.2.${1 + (i % 90)}`, '192.0.3.1'],
  ['a /48', (i: number) => `2001:db8:1:${(i + 1).toString(16)}::1`, '2001:db8:2::1'],
] as const) {
  test(`who goes from address to address within ${name} has three times the places of one (S6)`, () => {
    const { guards } = setUp()
    const max = MX_CONNECTIONS_PER_ADDRESS_MAX * CONNECTIONS_PER_PREFIX_FACTOR
    const ends: (() => void)[] = []
    for (let i = 0; i < 2 * max; i++) {
      const end = guards[i % 3]!.connect('mx', next(i))
      if (end !== null) ends.push(end)
    }
    assert.equal(ends.length, max)
    assert.notEqual(guards[0]!.connect('mx', elsewhere), null)
    for (const end of ends) end()
    let begun = ends.length
    for (let i = 0; i < 400; i++) {
      const end = guards[i % 3]!.connect('mx', next(i))
      if (end !== null) begun++
      end?.()
    }
    assert.equal(begun, MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX * CONNECTIONS_PER_PREFIX_FACTOR)
  })
}

test('an office in one /24 is held to what each address may; a gateway to nothing', () => {
  const { guards } = setUp()
  const many = MX_CONNECTIONS_PER_ADDRESS_MAX * CONNECTIONS_PER_PREFIX_FACTOR + 1
  for (let i = 1; i <= many; i++) assert.notEqual(guards[0]!.connect('mx', `192.168.88.${i}`), null, `${i}`)
  for (let i = 1; i < MX_CONNECTIONS_PER_ADDRESS_MAX; i++)
    assert.notEqual(guards[0]!.connect('mx', '192.168.88.1'), null)
  assert.equal(guards[0]!.connect('mx', '192.168.88.1'), null)
  for (let i = 1; i <= many; i++) assert.notEqual(guards[0]!.connect('mx', '192.0.2.99'), null)
})

test('what a thread that died had is forgotten when it begins again', () => {
  const { guards, guardOf } = setUp()
  for (let i = 0; i < MX_CONNECTIONS_PER_ADDRESS_MAX; i++) guards[i % 2]!.connect('mx', '192.0.2.1')
  assert.equal(guards[2]!.connect('mx', '192.0.2.1'), null)
  guardOf('t0')
  for (let i = 0; i < MX_CONNECTIONS_PER_ADDRESS_MAX / 2; i++)
    assert.notEqual(guards[2]!.connect('mx', '192.0.2.1'), null)
  assert.equal(guards[2]!.connect('mx', '192.0.2.1'), null)
})

test('fifty thousand addresses with one connection each cost no memory, and no place of somebody else', () => {
  const clock = createTestClock()
  const share = createConnectionTable({ threads: 1, key: Buffer.from('seed') }).share('only')
  const octets = share.open.byteLength + share.begun.byteLength
  const counts = openConnectionCounts(share, { clock })
  const limit = (key: string) => [{ key, openMax: MX_CONNECTIONS_PER_ADDRESS_MAX, perMinuteMax: 60 }]
  for (let i = 0; i < 50_000; i++)
    assert.notEqual(counts.enter(limit(`mx 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)), null)
  assert.equal(share.open.byteLength + share.begun.byteLength, octets)
  for (let i = 0; i < 10; i++) assert.notEqual(counts.enter(limit('mx 192.0.2.1')), null)
})
