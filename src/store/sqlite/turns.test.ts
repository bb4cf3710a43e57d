import assert from 'node:assert/strict'
import { test } from 'node:test'
import { READ_COST_OCTETS } from '../../model/limits.ts'
import { createTurns } from './turns.ts'

test('what one turn has room for goes at once; what is over waits for the next', async () => {
  const turns = createTurns(3 * READ_COST_OCTETS)
  let others = 0
  const count = (): void => {
    others += 1
    if (others < 10) setImmediate(count)
  }
  setImmediate(count)
  const waited: boolean[] = []
  for (let read = 0; read < 7; read++) {
    const turn = turns.spend(0)
    waited.push(turn !== undefined)
    if (turn !== undefined) await turn
  }
  assert.deepEqual(waited, [false, false, false, true, false, false, false])
  assert.ok(others >= 1, 'somebody else had a turn')
})

test('a read larger than a turn’s room goes through, and the next one waits', async () => {
  const turns = createTurns(1000)
  assert.equal(turns.spend(1_000_000), undefined)
  const next = turns.spend(0)
  assert.ok(next !== undefined)
  await next
  assert.equal(turns.spend(0), undefined)
})

test('room comes back with each turn, spent or not', async () => {
  const turns = createTurns(2 * READ_COST_OCTETS)
  for (let turn = 0; turn < 5; turn++) {
    assert.equal(turns.spend(0), undefined)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
  }
})
