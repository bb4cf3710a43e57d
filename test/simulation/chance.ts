import { createTestRandom } from '../../src/std/test-random.ts'

/** Decisions drawn from a seed. */
export type Chance = {
  /** True in `share` of all cases. */
  often(share: number): boolean
  /** A whole number in [from, to]. */
  between(from: number, to: number): number
  /** One of the list; `weights` are parallel to it. */
  pick<T>(list: readonly T[], weights?: readonly number[]): T
}

export function createChance(seed: number): Chance {
  const { float } = createTestRandom(seed)
  return {
    often: (share) => float() < share,
    between: (from, to) => from + Math.floor(float() * (to - from + 1)),
    pick<T>(list: readonly T[], weights?: readonly number[]) {
      if (weights === undefined) return list[Math.floor(float() * list.length)]!
      let left = float() * weights.reduce((sum, weight) => sum + weight, 0)
      const index = weights.findIndex((weight) => (left -= weight) < 0)
      return list[index === -1 ? list.length - 1 : index]!
    },
  }
}
