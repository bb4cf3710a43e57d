/** The RFCs' examples and more: `npm test -- sieve --update` writes outcomes anew, then read the diff. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { caseFiles, outcomeOf, readCases, writeOutcomes } from './cases.ts'

const update = process.env['GAVAN_UPDATE_GOLDEN'] === '1'

for (const file of caseFiles()) {
  suite(`Sieve: ${file}`, () => {
    const outcomes = new Map<string, string>()
    for (const one of readCases(file)) {
      test(one.title, async () => {
        const outcome = await outcomeOf(one)
        outcomes.set(one.title, outcome)
        if (!update) assert.equal(outcome, one.outcome)
      })
    }
    if (update) test('written anew', () => writeOutcomes(file, outcomes))
  })
}
