/** Some mutations of each corpus in every run, and all inputs that have ever failed. More: `npm run fuzz -- --minutes 10`. */
import { suite, test } from 'node:test'
import { PARSERS } from './parsers.ts'
import { SESSIONS } from './sessions.ts'
import { fuzz, keptFor } from './target.ts'

const RUNS = 300
/** `config` touches files, sessions a store. */
const RUNS_OF: Readonly<Record<string, number>> = {
  config: 60,
  'smtp-session': 150,
  'imap-session': 100,
  'pop3-session': 100,
}

suite('octets near the corpus', () => {
  for (const target of [...PARSERS, ...SESSIONS]) {
    test(target.name, async (t) => {
      t.after(() => target.stop?.())
      for (const { bytes } of keptFor(target)) await target.run(bytes)
      await fuzz(target, { runs: RUNS_OF[target.name] ?? RUNS })
    })
  }
})
