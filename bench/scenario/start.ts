import { setTimeout as wait } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'
import { freshServer } from '../server/fresh.ts'
import { cpuMs, memoryKiB } from '../server/processes.ts'

const SETTLE_MS = 3_000

export const scenario: Scenario = {
  name: 'start',
  about:
    'another server of the kind, its folder there from a first start: until every port greets; then its memory (PSS)',
  rounds: 3,
  warmUp: false,
  async run(stage) {
    const start = await freshServer(stage.server.name, { folder: stage.scratch, users: [stage.user(0)] })
    const first = await start()
    await first[Symbol.asyncDispose]()

    const begun = performance.now()
    await using second = await start()
    const seconds = (performance.now() - begun) / 1000
    const cpu = cpuMs(second.facts.pids)
    await wait(SETTLE_MS)
    const { pss } = memoryKiB(second.facts.pids)
    return [
      { what: 'cold start', value: seconds, unit: 's', cpuMsEach: cpu },
      { what: 'memory at rest', value: pss / 1024, unit: 'MiB', cpuMsEach: null },
    ]
  },
}
