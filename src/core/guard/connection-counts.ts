/**
 * How many connections addresses and networks have, counted over all threads in shared memory, whose size is the same
 * however many addresses come (S14). An address has two words in each table, found by a keyed hash; the smaller one is its
 * count, so that two addresses are taken for one only where both words are shared.
 */
import { createHmac } from 'node:crypto'
import { MINUTE, type Clock } from '../../std/clock.ts'
import { CONNECTION_COUNT_WORDS } from '../../model/limits.ts'

/** What one run of a thread is given. Plain data that crosses threads. */
export type ConnectionShare = {
  /** Connections open now: two rows of words for each thread, so that what a dead one had can be forgotten. */
  readonly open: SharedArrayBuffer
  /** Connections begun: two rows of words for even minutes, and two for odd ones. */
  readonly begun: SharedArrayBuffer
  readonly thread: number
  readonly threads: number
  /** Of the hash: whose words meet is nobody's choice. */
  readonly key: Uint8Array
}

export type ConnectionTable = {
  /** For a thread that begins. What its run before still had is free. */
  share(thread: string): ConnectionShare
}

const ROWS = 2

export function createConnectionTable(options: { threads: number; key: Uint8Array }): ConnectionTable {
  const { threads, key } = options
  const open = new SharedArrayBuffer(threads * ROWS * CONNECTION_COUNT_WORDS * Uint16Array.BYTES_PER_ELEMENT)
  const begun = new SharedArrayBuffer(2 * ROWS * CONNECTION_COUNT_WORDS * Uint32Array.BYTES_PER_ELEMENT)
  const numbers = new Map<string, number>()
  return {
    share(thread) {
      const before = numbers.get(thread)
      const number = before ?? numbers.size % threads
      numbers.set(thread, number)
      if (before !== undefined) {
        const octets = ROWS * CONNECTION_COUNT_WORDS * Uint16Array.BYTES_PER_ELEMENT
        new Uint8Array(open, number * octets, octets).fill(0) // Nobody writes there now.
      }
      return { open, begun, thread: number, threads, key }
    },
  }
}

export type ConnectionLimit = {
  /** E.g. `mx 192.0.2.1`. */
  readonly key: string
  readonly openMax: number
  readonly perMinuteMax: number
}

export type ConnectionCounts = {
  /**
   * One more connection, if every limit has room for it; of those that are refused nothing is counted.
   * @returns to be called once at its end; null: too many
   */
  enter(limits: readonly ConnectionLimit[]): (() => void) | null
}

/** The low bits of a word of `begun`; the others say of which minute it is. */
const COUNT_BITS = 12
const COUNT_MAX = 2 ** COUNT_BITS - 1
const MINUTES = 2 ** (32 - COUNT_BITS)

/** Threads that enter in the same instant may each see room for one: a limit is passed by at most their number. */
export function openConnectionCounts(
  share: ConnectionShare,
  { clock }: { clock: Pick<Clock, 'now'> },
): ConnectionCounts {
  const { threads, thread, key } = share
  const open = new Uint16Array(share.open)
  const begun = new Uint32Array(share.begun)

  /** Of each row, the word. */
  const wordsOf = (text: string): readonly [number, number] => {
    const hash = createHmac('sha256', key).update(text).digest()
    return [
      hash.readUInt32LE(0) % CONNECTION_COUNT_WORDS,
      CONNECTION_COUNT_WORDS + (hash.readUInt32LE(4) % CONNECTION_COUNT_WORDS),
    ]
  }
  const ofThread = (number: number): number => number * ROWS * CONNECTION_COUNT_WORDS
  const openAt = (word: number): number => {
    let sum = 0
    for (let number = 0; number < threads; number++) sum += Atomics.load(open, ofThread(number) + word)
    return sum
  }
  const ofMinute = (minute: number): number => (minute % 2) * ROWS * CONNECTION_COUNT_WORDS
  const begunAt = (minute: number, word: number): number => {
    const value = Atomics.load(begun, ofMinute(minute) + word)
    return value >>> COUNT_BITS === minute % MINUTES ? value & COUNT_MAX : 0
  }
  const begin = (minute: number, word: number): void => {
    const at = ofMinute(minute) + word
    for (;;) {
      const before = Atomics.load(begun, at)
      const count = before >>> COUNT_BITS === minute % MINUTES ? Math.min((before & COUNT_MAX) + 1, COUNT_MAX) : 1
      const after = (((minute % MINUTES) << COUNT_BITS) | count) >>> 0
      if (Atomics.compareExchange(begun, at, before, after) === before) return
    }
  }

  return {
    enter(limits) {
      // Choice: the wall clock, which is the same in every thread; when it jumps, a minute's counts are forgotten (R12).
      const elapsed = clock.now() / MINUTE
      const minute = Math.floor(elapsed)
      const before = 1 - (elapsed - minute)
      const found = limits.map((limit) => ({ limit, words: wordsOf(limit.key) }))
      for (const { limit, words } of found) {
        if (Math.min(...words.map(openAt)) >= limit.openMax) return null
        // Of the minute before, as much as lies within the last 60 seconds.
        const rate = words.map((word) => begunAt(minute - 1, word) * before + begunAt(minute, word))
        if (Math.min(...rate) >= limit.perMinuteMax) return null
      }
      const words = found.flatMap((one) => one.words)
      for (const word of words) {
        Atomics.add(open, ofThread(thread) + word, 1)
        begin(minute, word)
      }
      let ended = false
      return () => {
        if (ended) return
        ended = true
        for (const word of words) Atomics.sub(open, ofThread(thread) + word, 1)
      }
    },
  }
}
