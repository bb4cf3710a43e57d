/**
 * How often a word was in good letters and in junk, by its hash: a table with open addressing, eight octets a word, written
 * and read as a whole. Words that share a hash share their counts; one in 16,000 does (docs/adr/0016-junk.md).
 */
import { JUNK_WORDS_MAX } from '../../model/limits.ts'

const SLOTS_MIN = 1024
const COUNT_MAX = 0xffff
/** Of the slots. */
const LOAD_MAX = 0.7

export type WordTable = {
  /** Words that are remembered. */
  readonly size: number
  /** Good letters in the lower 16 bits, junk in the upper. */
  get(hash: number): number
  add(hashes: Uint32Array, what: 'good' | 'junk', by: 1 | -1): void
  /** Adds or takes away all that another has learnt. */
  addAll(other: WordTable, by: 1 | -1): void
  each(visit: (hash: number, counts: number) => void): void
  encode(): Uint8Array
}

/** @param octets as `encode` gave them; what is not such a table is an empty one */
export function openWordTable(octets: Uint8Array | null = null): WordTable {
  let { keys, counts } = decode(octets) ?? empty(SLOTS_MIN)
  let size = 0
  for (const key of keys) if (key !== 0) size++

  function slotOf(hash: number): number {
    const mask = keys.length - 1
    let at = (hash ^ (hash >>> 15)) & mask
    while (keys[at] !== 0 && keys[at] !== hash) at = (at + 1) & mask
    return at
  }

  function change(hash: number, good: number, junk: number): void {
    let at = slotOf(hash)
    if (keys[at] === 0) {
      if (good <= 0 && junk <= 0) return
      if (size + 1 > keys.length * LOAD_MAX) {
        makeRoom()
        at = slotOf(hash)
      }
      keys[at] = hash
      size++
    }
    const now = counts[at]!
    counts[at] = bound((now & COUNT_MAX) + good) | (bound((now >>> 16) + junk) << 16)
  }

  function makeRoom(): void {
    const slots = keys.length * 2
    if (slots * LOAD_MAX <= JUNK_WORDS_MAX * 1.5) return rebuild(slots, 1)
    // The rarest go: they say the least.
    for (let least = 2; size > JUNK_WORDS_MAX / 2; least *= 2) rebuild(keys.length, least)
  }

  /** Without words that are counted less than `least` times. */
  function rebuild(slots: number, least: number): void {
    const before = { keys, counts }
    ;({ keys, counts } = empty(slots))
    size = 0
    for (let i = 0; i < before.keys.length; i++) {
      const both = before.counts[i]!
      if ((both & COUNT_MAX) + (both >>> 16) < least) continue
      const at = slotOf(before.keys[i]!)
      keys[at] = before.keys[i]!
      counts[at] = both
      size++
    }
  }

  return {
    get size() {
      return size
    },
    get: (hash) => counts[slotOf(hash)]!,
    add(hashes, what, by) {
      for (const hash of hashes) change(hash, what === 'good' ? by : 0, what === 'junk' ? by : 0)
    },
    addAll(other, by) {
      other.each((hash, both) => change(hash, by * (both & COUNT_MAX), by * (both >>> 16)))
    },
    each(visit) {
      for (let i = 0; i < keys.length; i++) if (counts[i] !== 0) visit(keys[i]!, counts[i]!)
    },
    encode() {
      const all = new Uint32Array(keys.length * 2)
      all.set(keys)
      all.set(counts, keys.length)
      return new Uint8Array(all.buffer)
    },
  }
}

const bound = (count: number): number => Math.min(COUNT_MAX, Math.max(0, count))

const empty = (slots: number) => ({ keys: new Uint32Array(slots), counts: new Uint32Array(slots) })

function decode(octets: Uint8Array | null): ReturnType<typeof empty> | null {
  if (octets === null) return null
  const slots = octets.length / 8
  if (slots < SLOTS_MIN || !Number.isInteger(Math.log2(slots))) return null
  const own = octets.slice()
  const keys = new Uint32Array(own.buffer, 0, slots)
  return keys.includes(0) ? { keys, counts: new Uint32Array(own.buffer, slots * 4, slots) } : null
}
