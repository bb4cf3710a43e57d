/**
 * `npm run simulate`: simulations from seeds, one after the other (R29).
 *
 *     npm run simulate -- --seeds 5000             seeds 1 to 5000
 *     npm run simulate -- --from 5001 --seeds 5000 the next ones
 *     npm run simulate -- --seed 17                one seed, with its whole trace
 */
import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
  },
})

if (values.seed !== undefined) {
  const { trace, violations } = await simulate(Number(values.seed))
  for (const line of trace) console.log(line)
  for (const violation of violations) console.error(violation)
  process.exitCode = violations.length > 0 ? 1 : 0
} else {
  const from = Number(values.from)
  const count = Number(values.seeds)
  let messages = 0
  let hours = 0
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate(seed)
    messages += result.messages
    hours += result.hours
    if (result.violations.length > 0) {
      process.exitCode = 1
      console.error(`seed ${seed} (npm run simulate -- --seed ${seed}):\n  ${result.violations.join('\n  ')}`)
    }
    if ((seed - from + 1) % 500 === 0) console.log(`${seed - from + 1} seeds`)
  }
  console.log(`${count} seeds, ${messages} messages, ${Math.round(hours)} simulated hours`)
}
