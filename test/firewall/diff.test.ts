import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIREWALL_FORMATS } from '../../src/exposure/firewall/contract.ts'
import { rulesDiff } from '../../src/exposure/firewall/diff.ts'
import { planOfLayout } from './plans.ts'

test('what changes in the rules when the plan does, in every format', async () => {
  const [office, anywhere] = [await planOfLayout('nat', 'office'), await planOfLayout('nat', 'anywhere')]
  for (const format of FIREWALL_FORMATS) {
    assert.deepEqual(rulesDiff(format, office, office), [], format)
    const lines = rulesDiff(format, office, anywhere)
    assert.ok(
      lines.some((line) => line.startsWith('+ ') && line.includes('993')),
      format,
    )
    assert.ok(
      lines.every((line) => /^[+-] [^#]/.test(line)),
      format,
    )
  }
})
