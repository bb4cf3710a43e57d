/** What changes between two texts of rules, line by line. Comments that explain are left out: they change nothing. */
import type { ExposurePlan } from '../contract.ts'
import type { FirewallFormat, RuleOptions } from './contract.ts'
import { firewallRules } from './render.ts'

/** What two plans' rules differ in. @returns lines that begin with `- ` or `+ `; none: nothing changes */
export function rulesDiff(
  format: FirewallFormat,
  before: ExposurePlan,
  after: ExposurePlan,
  options: Partial<RuleOptions> = {},
): readonly string[] {
  const textOf = (plan: ExposurePlan): readonly string[] => rulesOf(firewallRules(plan, format, options).text)
  return linesDiff(textOf(before), textOf(after))
}

export const rulesOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))

/** By the longest common subsequence; rules are few. */
export function linesDiff(before: readonly string[], after: readonly string[]): readonly string[] {
  const longest: number[][] = Array.from({ length: before.length + 1 }, () =>
    Array.from({ length: after.length + 1 }, () => 0),
  )
  for (let a = before.length - 1; a >= 0; a--)
    for (let b = after.length - 1; b >= 0; b--)
      longest[a]![b] =
        before[a] === after[b] ? longest[a + 1]![b + 1]! + 1 : Math.max(longest[a + 1]![b]!, longest[a]![b + 1]!)
  const out: string[] = []
  for (let a = 0, b = 0; a < before.length || b < after.length;) {
    if (a < before.length && b < after.length && before[a] === after[b]) {
      a += 1
      b += 1
    } else if (b >= after.length || (a < before.length && longest[a + 1]![b]! >= longest[a]![b + 1]!)) {
      out.push(`- ${before[a]}`)
      a += 1
    } else {
      out.push(`+ ${after[b]}`)
      b += 1
    }
  }
  return out
}
