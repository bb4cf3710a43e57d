import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, sumSnapshots, type Counter, type Gauge, type Histogram } from './metrics.ts'

const SEEN: Counter<'kind' | 'way'> = { kind: 'counter', name: 'seen', help: '', labels: ['kind', 'way'] }
const OPEN: Gauge = { kind: 'gauge', name: 'open', help: '', labels: [] }
const TOOK: Histogram = { kind: 'histogram', name: 'took', help: '', labels: [], buckets: [1, 2] }

test('counters add, gauges hold the last, histograms know bucket and sum', () => {
  const metrics = createMetrics()
  metrics.add(SEEN, { way: 'in', kind: 'a' })
  metrics.add(SEEN, { kind: 'a', way: 'in' }, 2)
  metrics.add(SEEN, { kind: 'a', way: 'out' })
  metrics.set(OPEN, {}, 5)
  metrics.set(OPEN, {}, 3)
  for (const value of [0.5, 1, 1.5, 9]) metrics.observe(TOOK, {}, value)
  const snapshot = metrics.snapshot()
  assert.deepEqual(snapshot.get('seen'), [
    { labels: ['a', 'in'], numbers: [3] },
    { labels: ['a', 'out'], numbers: [1] },
  ])
  assert.deepEqual(snapshot.get('open'), [{ labels: [], numbers: [3] }])
  assert.deepEqual(snapshot.get('took'), [{ labels: [], numbers: [2, 1, 1, 12] }])
})

test('snapshots of threads are added up by their labels, and stay as they are', () => {
  const [one, two] = [createMetrics(), createMetrics()]
  one.add(SEEN, { kind: 'a', way: 'in' })
  two.add(SEEN, { kind: 'a', way: 'in' }, 4)
  two.add(SEEN, { kind: 'b', way: 'in' })
  const snapshot = structuredClone(one.snapshot()) // As between threads.
  const sum = sumSnapshots([snapshot, two.snapshot()])
  assert.deepEqual(sum.get('seen'), [
    { labels: ['a', 'in'], numbers: [5] },
    { labels: ['b', 'in'], numbers: [1] },
  ])
  assert.deepEqual(snapshot.get('seen'), [{ labels: ['a', 'in'], numbers: [1] }])
})

test('a label with endless values does not eat the memory', () => {
  const metrics = createMetrics()
  for (let count = 0; count < 2000; count++) metrics.add(SEEN, { kind: String(count), way: 'in' })
  assert.equal(metrics.snapshot().get('seen')?.length, 500)
})
