import type { Random } from './random.ts'

/** The same chance every time: one seed, one run. Not for secrets. */
export function createTestRandom(seed = 1): Random {
  let state = seed >>> 0
  /** Mulberry32: 32 bits of state, enough for tests. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
    float: next,
  }
}
