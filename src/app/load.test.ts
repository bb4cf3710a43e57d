import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepingLog } from '../../test/mail-stage.ts'
import { STRESS_LOOP_DELAY_MS, STRESS_WINDOW_MS } from '../model/limits.ts'
import { EVENT_LOOP_DELAY_SECONDS, STRESSED } from '../model/metrics.ts'
import type { LogEvent } from '../std/log.ts'
import { createMetrics } from '../std/metrics.ts'
import { createTestClock } from '../std/test-clock.ts'
import { watchLoad } from './load.ts'

function start(): {
  load: ReturnType<typeof watchLoad>
  at: { open: number; p90Ms: number }
  pass(windows: number): void
  events: LogEvent[]
  metrics: ReturnType<typeof createMetrics>
} {
  const clock = createTestClock()
  const at = { open: 0, p90Ms: 1 }
  const events: LogEvent[] = []
  const metrics = createMetrics()
  const load = watchLoad({
    thread: 't',
    open: () => at.open,
    connectionsMax: 100,
    loop: { take: () => ({ medianMs: 1, p90Ms: at.p90Ms, longestMs: at.p90Ms }) },
    clock,
    log: keepingLog(events),
    metrics,
  })
  const pass = (windows: number): void => {
    for (let count = 0; count < windows; count++) clock.advance(STRESS_WINDOW_MS)
  }
  return { load, at, pass, events, metrics }
}

const names = (events: readonly LogEvent[]): unknown[] => events.map(({ event, reason }) => [event, reason])

test('stress begins at once when connections come near their limit, and ends well below it', () => {
  const { load, at, events } = start()
  at.open = 79
  assert.equal(load.stressed, false)
  at.open = 80
  assert.equal(load.stressed, true)
  assert.equal(load.refusing, false, 'there is room, for the quick')
  at.open = 70
  assert.equal(load.stressed, true)
  at.open = 69
  assert.equal(load.stressed, false)
  assert.deepEqual(names(events), [
    ['load.stress.begun', 'connections'],
    ['load.stress.ended', undefined],
  ])
})

test('one late window is not stress; two on end are, and turn new connections away until two are punctual', () => {
  const { load, at, pass, metrics } = start()
  at.p90Ms = STRESS_LOOP_DELAY_MS + 1
  pass(1)
  assert.equal(load.refusing, false)
  at.p90Ms = STRESS_LOOP_DELAY_MS
  pass(1)
  at.p90Ms = STRESS_LOOP_DELAY_MS + 1
  pass(1)
  assert.equal(load.refusing, false)
  pass(1)
  assert.equal(load.refusing, true)
  assert.equal(load.stressed, true)
  assert.deepEqual(metrics.snapshot().get(STRESSED.name), [{ labels: ['t'], numbers: [1] }])
  const delays = metrics.snapshot().get(EVENT_LOOP_DELAY_SECONDS.name)
  assert.deepEqual(delays?.[1], { labels: ['t', '0.9'], numbers: [(STRESS_LOOP_DELAY_MS + 1) / 1000] })
  at.p90Ms = 1
  pass(1)
  assert.equal(load.refusing, true)
  pass(1)
  assert.equal(load.refusing, false)
  assert.equal(load.stressed, false)
  load.stop()
})
