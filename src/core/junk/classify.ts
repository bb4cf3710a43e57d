/**
 * What words say together: Robinson's combination by Fisher's method (G. Robinson, "A Statistical Approach to the Spam
 * Problem", Linux Journal 107, 2003). Pure; the order of words does not count.
 */

/** A word that was never seen says nothing; what is known of it counts as much as this many letters more. */
const STRENGTH = 1
const UNKNOWN = 0.5
/** Nearer to the middle a word has no say. */
const DEVIATION_MIN = 0.1
/** The strongest are heard: as many as this, and those that are as strong as the last. */
const HEARD = 150
const STEPS = 64
/** A word and its pairs say the same thing several times over: so much of what is heard counts as said independently. */
const EFFECTIVE = 0.1

export type Letters = { readonly good: number; readonly junk: number }

export type Classified = {
  /** 0 good, 1 junk; 0.5 where nothing is known, or both is. */
  readonly probability: number
  /** Words that were heard. */
  readonly heard: number
}

/** How much a word speaks for junk, 0 to 1. @param counts as of WordTable.get */
export function wordProbability(counts: number, { good, junk }: Letters): number {
  const inGood = counts & 0xffff
  const inJunk = counts >>> 16
  const seen = inGood + inJunk
  if (seen === 0 || good === 0 || junk === 0) return UNKNOWN
  const junkShare = Math.min(1, inJunk / junk)
  const goodShare = Math.min(1, inGood / good)
  return (STRENGTH * UNKNOWN + (seen * junkShare) / (junkShare + goodShare)) / (STRENGTH + seen)
}

export function classify(hashes: Uint32Array, counts: (hash: number) => number, letters: Letters): Classified {
  const probabilities = new Float64Array(hashes.length)
  const steps = new Uint32Array(STEPS)
  let strong = 0
  for (let i = 0; i < hashes.length; i++) {
    const probability = wordProbability(counts(hashes[i]!), letters)
    const deviation = Math.abs(probability - UNKNOWN)
    if (deviation < DEVIATION_MIN) continue
    probabilities[strong++] = probability
    steps[stepOf(deviation)]!++
  }
  let from = STEPS - 1
  for (let sum = steps[from]!; from > 0 && sum < HEARD; sum += steps[from]!) from--
  const heard = probabilities.subarray(0, strong).toSorted()
  let goodLog = 0
  let junkLog = 0
  let count = 0
  for (const probability of heard) {
    if (stepOf(Math.abs(probability - UNKNOWN)) < from) continue
    goodLog += Math.log(probability)
    junkLog += Math.log(1 - probability)
    count++
  }
  if (count === 0) return { probability: UNKNOWN, heard: 0 }
  const size = Math.max(1, Math.round(count * EFFECTIVE))
  const junk = 1 - chiSquared((-junkLog * size) / count, size)
  const good = 1 - chiSquared((-goodLog * size) / count, size)
  return { probability: (1 + junk - good) / 2, heard: count }
}

const stepOf = (deviation: number): number => Math.min(STEPS - 1, Math.floor(deviation * 2 * STEPS))

/** The chance that chi squared with 2n degrees of freedom is above 2m. In logarithms: e^-m alone may be too small. */
function chiSquared(m: number, n: number): number {
  const logM = Math.log(m)
  let term = -m
  let sum = Math.exp(term)
  for (let i = 1; i < n; i++) {
    term += logM - Math.log(i)
    sum += Math.exp(term)
  }
  return Math.min(1, sum)
}
