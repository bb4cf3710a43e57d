/** The first octets of a range of the stream, collected while it passes. */
export type Prefix = {
  /** Takes what is still wanted of a chunk that starts at `chunkStart`, up to offset `end`. Offsets are the stream's. */
  take(chunk: Buffer, chunkStart: number, end: number): void
  /** The octets before offset `end`, at most the limit. */
  bytes(end: number): Buffer
}

const START_OCTETS = 1024

export function createPrefix(start: number, maxOctets: number): Prefix {
  let kept = Buffer.alloc(0)
  let length = 0
  return {
    take(chunk, chunkStart, end) {
      const from = start + length - chunkStart
      const to = Math.min(end - chunkStart, chunk.length, start + maxOctets - chunkStart)
      if (to <= from) return
      const needed = length + to - from
      if (needed > kept.length) {
        const grown = Buffer.allocUnsafe(Math.min(maxOctets, Math.max(needed, 2 * kept.length, START_OCTETS)))
        kept.copy(grown, 0, 0, length)
        kept = grown
      }
      chunk.copy(kept, length, from, to)
      length = needed
    },
    bytes: (end) => kept.subarray(0, Math.max(0, Math.min(length, end - start))),
  }
}
