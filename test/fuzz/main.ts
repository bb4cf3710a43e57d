/**
 * `npm run fuzz`: all targets in turn, until the time is over. A failing input is kept in `test/fuzz/kept/`.
 *
 *     npm run fuzz -- --minutes 10
 *     npm run fuzz -- --minutes 2 --target mime --seed 17
 */
import { parseArgs } from 'node:util'
import { PARSERS } from './parsers.ts'
import { SESSIONS } from './sessions.ts'
import { fuzz } from './target.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, target: { type: 'string' }, seed: { type: 'string' } },
})
const targets = [...PARSERS, ...SESSIONS].filter(({ name }) => values.target === undefined || name === values.target)
const until = performance.now() + Number(values.minutes) * 60_000
/** One target's turn. */
const TURN_MS = 5000
const broken = new Set<string>()

for (let round = 0; performance.now() < until && broken.size < targets.length; round++) {
  for (const target of targets) {
    if (broken.has(target.name) || performance.now() >= until) continue
    const seed = values.seed === undefined ? {} : { seed: Number(values.seed) + round }
    try {
      await fuzz(target, { runs: 1_000_000, msMax: Math.min(TURN_MS, until - performance.now()), ...seed })
    } catch (error) {
      broken.add(target.name)
      console.error(`${target.name}: ${error instanceof Error ? error.message : String(error)}`)
      process.exitCode = 1
    }
  }
}
for (const target of targets) await target.stop?.()
console.log(`${targets.length} targets, ${broken.size} broken`)
