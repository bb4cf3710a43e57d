import type { Finding } from '../screening/contract.ts'

/** Probabilities of core/junk/classify.ts from which on words speak for junk or for good. */
export const JUNK_SURE = 0.999
export const JUNK_PROBABLE = 0.95
export const JUNK_GOOD_BELOW = 0.2
export const GOOD_SURE = 0.01

/**
 * What the account's own memory weighs; JUNK_POINTS are junk, half of them unsure. Words that are sure do it alone. What speaks
 * for a sender counts only when the sender's domain stands for the letter (DMARC): anybody can write a name.
 */
export const ACCOUNT_POINTS = {
  wordsJunkSure: 5,
  wordsJunk: 3,
  wordsGood: -1,
  wordsGoodSure: -2,
  written: -6,
  /** Nothing says that it is forged, nothing that it is not. */
  writtenUnproven: -2,
  senderGood: -3,
  senderJunk: 3,
  domainGood: -1,
  domainJunk: 2,
  networkJunk: 1,
} as const

export function finding(by: string, points: number, says: string): Finding {
  return { by, points, says: says.replace(/[^ -~]/g, '?').slice(0, 200) }
}
