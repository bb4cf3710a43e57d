import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PRIVATE_NETWORKS } from '../model/network.ts'
import { DAY, HOUR } from '../std/clock.ts'
import { createTestClock } from '../std/test-clock.ts'
import { createEvidence, sumSeen } from './evidence.ts'

test('who came today, and the last stranger, over midnight too', () => {
  const clock = createTestClock()
  const evidence = createEvidence({ clock, inside: () => PRIVATE_NETWORKS })
  const admit = evidence.watch('mx', ({ address }) =>
    address === '203.0.113.9' ? { at: 'refused', why: 'not-inside' } : { at: 'welcome' },
  )
  const come = (address: string): void => void admit({ address, port: 1 })
  clock.advance(DAY - (clock.now() % DAY) + HOUR)
  come('192.168.1.7')
  assert.deepEqual(evidence.of('mx', 1), { service: 'mx', connections: 1, today: 1, refusedToday: 0, stranger: null })
  come('198.51.100.7')
  const at = clock.now()
  clock.advance(HOUR)
  come('203.0.113.9')
  const seen = evidence.of('mx', 0)
  assert.deepEqual([seen.today, seen.refusedToday, seen.stranger?.address], [2, 1, '203.0.113.9'])
  clock.advance(DAY)
  assert.deepEqual(evidence.of('mx', 0), {
    service: 'mx',
    connections: 0,
    today: 0,
    refusedToday: 0,
    stranger: { at: at + HOUR, address: '203.0.113.9' },
  })
})

test('of several threads: sums, and the latest', () => {
  const seen = (today: number, at: number | null) =>
    ({
      service: 'imaps',
      connections: 2,
      today,
      refusedToday: 1,
      stranger: at === null ? null : { at, address: `192.0.2.${at}` },
    }) as const
  assert.deepEqual(sumSeen([[seen(1, null)], [seen(2, 5)], [seen(3, 4)]]), [
    { service: 'imaps', connections: 6, today: 6, refusedToday: 3, stranger: { at: 5, address: '192.0.2.5' } },
  ])
})
