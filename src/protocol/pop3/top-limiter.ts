const CR = 13
const LF = 10

export type TopLimiter = {
  /** What of the chunk belongs to the answer. */
  push(chunk: Buffer): Buffer
  /** Nothing more will be let through. */
  readonly done: boolean
}

/** TOP (RFC 1939 §7): the header, the empty line, and the first `lines` lines of the body. */
export function createTopLimiter(lines: number): TopLimiter {
  let inHeader = true
  let left = lines
  /** Octets of the line so far, CR not counted: 0 at its LF is the empty line. */
  let lineOctets = 0
  let done = false
  return {
    get done() {
      return done
    },
    push(chunk) {
      for (let at = 0; at < chunk.length && !done;) {
        const lf = chunk.indexOf(LF, at)
        const end = lf === -1 ? chunk.length : lf
        lineOctets += end - at - (end > at && chunk[end - 1] === CR ? 1 : 0)
        if (lf === -1) return chunk
        at = lf + 1
        if (inHeader) inHeader = lineOctets > 0
        else left--
        lineOctets = 0
        if (!inHeader && left === 0) {
          done = true
          return chunk.subarray(0, at)
        }
      }
      return done ? chunk.subarray(0, 0) : chunk
    },
  }
}
