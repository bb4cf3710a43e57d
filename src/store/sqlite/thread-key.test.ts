import assert from 'node:assert/strict'
import { test } from 'node:test'
import { THREAD_LOOKUPS_MAX } from '../../model/limits.ts'
import { summaryOf } from '../testing/letters.ts'
import { threadKeys } from './thread-key.ts'

const keysOf = (messageId: string | null, references: readonly string[]) => {
  const summary = summaryOf(1)
  return threadKeys({ ...summary, references, header: { ...summary.header, messageId } })
}

test('keys are whole numbers, the same for the same id, and do not meet', () => {
  const seen = new Set<number>()
  for (let i = 0; i < 100_000; i++) {
    const { own } = keysOf(`<${i}.${(i * 7919) % 1000}@example.org>`, [])
    assert.ok(own !== null && Number.isSafeInteger(own) && own >= 0)
    seen.add(own)
  }
  assert.equal(seen.size, 100_000)
  assert.deepEqual(keysOf('<a@x>', ['<b@x>']), keysOf(' <a@x> ', ['<b@x>']))
  assert.equal(keysOf('<a@x>', []).own, keysOf(null, ['<a@x>']).references[0])
})

test('of many references the first and the last ones count; one’s own is none', () => {
  const ids = Array.from({ length: THREAD_LOOKUPS_MAX + 1 }, (_, i) => `<${i}@x>`)
  const all = ids.map((id) => keysOf(id, []).own)
  const half = THREAD_LOOKUPS_MAX / 2
  assert.deepEqual(keysOf(null, ids.slice(1)).references, all.slice(1))
  assert.deepEqual(keysOf(null, ids).references, [...all.slice(0, half), ...all.slice(-half)])
  assert.deepEqual(keysOf('<0@x>', ids.slice(0, 2)).references, [all[1]])
  assert.deepEqual(keysOf(null, []), { own: null, references: [] })
})
