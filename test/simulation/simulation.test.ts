/** 200 seeds of the simulation (R29): about 25 s of CPU. More: `npm run simulate -- --seeds 5000`. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { simulate } from './simulate.ts'

const SEEDS = 200
const BATCH = 50

suite('simulation', () => {
  for (let from = 1; from <= SEEDS; from += BATCH) {
    test(`seeds ${from} to ${from + BATCH - 1}`, async () => {
      for (let seed = from; seed < from + BATCH; seed++) {
        const { violations } = await simulate(seed)
        assert.deepEqual(violations, [], `npm run simulate -- --seed ${seed}`)
      }
    })
  }

  test('a seed replays: the same trace, line by line', async () => {
    for (const seed of [3, 17, 42, 99]) {
      const first = await simulate(seed)
      const second = await simulate(seed)
      assert.ok(first.trace.length > 100)
      assert.deepEqual(second.trace, first.trace, `seed ${seed}`)
    }
  })
})
