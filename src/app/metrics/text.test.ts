import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_METRICS } from '../../model/metrics.ts'
import { createMetrics, type Counter, type Histogram } from '../../std/metrics.ts'
import { printMetrics } from './text.ts'

const SEEN: Counter<'kind'> = { kind: 'counter', name: 'seen_total', help: 'What\nwas seen.', labels: ['kind'] }
const TOOK: Histogram = { kind: 'histogram', name: 'took_seconds', help: 'Time.', labels: [], buckets: [0.1, 1] }

test('the text format of Prometheus: help, type, escaped labels, buckets that add up', () => {
  const metrics = createMetrics()
  metrics.add(SEEN, { kind: 'a "b"\\\n' }, 2)
  for (const value of [0.05, 0.5, 5]) metrics.observe(TOOK, {}, value)
  assert.equal(
    printMetrics([SEEN, TOOK], metrics.snapshot()),
    `# HELP seen_total What\\nwas seen.
# TYPE seen_total counter
seen_total{kind="a \\"b\\"\\\\\\n"} 2
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 1
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 5.55
took_seconds_count 3
`,
  )
})

test('what has not happened yet is there, with 0, unless its labels are not known', () => {
  const text = printMetrics(ALL_METRICS, new Map())
  assert.match(text, /^gavan_store_failed 0$/m)
  assert.match(text, /^gavan_delivery_attempt_seconds_count 0$/m)
  assert.doesNotMatch(text, /^gavan_smtp_messages_total/m)
})

test('names follow the rules of Prometheus, and no name comes twice', () => {
  const names = ALL_METRICS.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, kind, labels, help } of ALL_METRICS) {
    assert.match(name, /^gavan_[a-z][a-z0-9_]*$/)
    assert.equal(name.endsWith('_total'), kind === 'counter', name)
    for (const label of labels) assert.match(label, /^[a-z]+$/)
    assert.match(help, /\.$/)
  }
})
