import type { Random } from '../../std/random.ts'

/** Short, told apart at the telephone, and nobody's name. */
const WORDS = (
  'amber apple arrow basil birch bridge butter candle canyon cedar cherry cloud clover copper coral cotton creek ' +
  'dawn ember fern field forest garden ginger granite harbor hazel honey island ivory juniper kettle lantern lemon ' +
  'linen maple marble meadow mint moss olive orange paper pebble pepper pine plum quartz rain ribbon river saffron ' +
  'salt sand silver snow spruce stone thunder tulip velvet violet walnut willow'
).split(' ')

/** The local part of a temporary alias, as `maple.48213`: it can be dictated, and not be guessed. */
export function temporaryName(random: Random): string {
  const word = WORDS[Math.floor(random.float() * WORDS.length)]
  return `${word}.${10_000 + Math.floor(random.float() * 90_000)}`
}
