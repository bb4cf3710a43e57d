/** Chance comes in by this interface, so that a seed replays a run. */
export type Random = {
  bytes(count: number): Uint8Array
  /** In [0, 1). */
  float(): number
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** `length` characters of 5 bits each, e.g. for ids in logs. */
export function token(random: Random, length: number): string {
  let text = ''
  for (const byte of random.bytes(length)) text += ALPHABET[byte & 31]
  return text
}
