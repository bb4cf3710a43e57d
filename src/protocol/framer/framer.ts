/**
 * The one streaming line reader: SMTP, IMAP, POP3 and ManageSieve all read through it. It never reads or waits itself;
 * deadlines are the session's (`connection.read(timeoutMs)`).
 */

/** How many octets of a refused line are kept, so that an answer can name its tag or verb. */
const HEAD_OCTETS = 64
const FIRST_ALLOCATION_OCTETS = 256
const LF = 10
const CR = 13

export type BadLine = 'bare-lf' | 'bare-cr' | 'nul' | 'line-too-long'

export type Framed =
  | { readonly kind: 'need-more' }
  /** Without its CRLF. A view: valid for good, but it keeps the chunk it came in alive. */
  | { readonly kind: 'line'; readonly line: Buffer }
  /** The line is consumed (a too long one is skipped as it comes in); reading may go on behind it. */
  | { readonly kind: 'bad'; readonly why: BadLine; readonly head: Buffer }

export type Framer = {
  /** With the CRLF. Takes effect at the next line (IMAP: before and after login). */
  lineMaxOctets: number
  /** Octets pushed and not yet taken. (No getter: in an object literal one costs half a KiB, and every connection has framers.) */
  heldOctets(): number
  /** Takes over the chunk; it must not be written to afterwards. */
  push(chunk: Uint8Array): void
  next(): Framed
  /** Up to `count` octets as they are (BDAT, literals), without copying; null when none is held. */
  take(count: number): Buffer | null
  /** All octets held, still there; for decoders that find their own end. Follow with `skip`. */
  peek(): Buffer
  skip(count: number): void
  /** Drops what is held (RFC 3207 §4.2: nothing said before TLS counts after it). */
  discard(): void
}

const EMPTY = Buffer.alloc(0)
const NEED_MORE: Framed = { kind: 'need-more' }

const bad = (why: BadLine, line: Buffer): Framed => ({
  kind: 'bad',
  why,
  head: Buffer.from(line.subarray(0, HEAD_OCTETS)),
})

/** Memory stays within one line of `lineMaxOctets` plus the chunk last pushed; work is linear in the octets pushed. */
export function createFramer(options: { lineMaxOctets: number }): Framer {
  let held: Buffer = EMPTY
  let start = 0
  let end = 0
  /** Octets before this hold no LF. */
  let scanned = 0
  /** Whether `held` is our own allocation with room behind `end`. Octets before `end` are never written again. */
  let own = false
  let skippingLine = false

  const release = (): void => {
    held = EMPTY
    start = end = scanned = 0
    own = false
  }

  const consume = (upTo: number): void => {
    start = scanned = upTo
    if (start === end) release()
  }

  const push = (chunk: Uint8Array): void => {
    if (chunk.length === 0) return
    if (start === end) {
      held = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
      start = scanned = 0
      end = chunk.length
      own = false
      return
    }
    if (!own || held.length - end < chunk.length) {
      const remaining = end - start
      // Doubling keeps octet-by-octet input linear.
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_ALLOCATION_OCTETS, 2 * (remaining + chunk.length)))
      held.copy(grown, 0, start, end)
      held = grown
      scanned -= start
      start = 0
      end = remaining
      own = true
    }
    held.set(chunk, end)
    end += chunk.length
  }

  const findLf = (): number => {
    const at = held.indexOf(LF, scanned)
    if (at === -1 || at >= end) {
      scanned = end
      return -1
    }
    return at
  }

  const next = (): Framed => {
    if (start === end) return NEED_MORE
    let lf = findLf()
    if (skippingLine) {
      if (lf === -1) {
        release()
        return NEED_MORE
      }
      skippingLine = false
      consume(lf + 1)
      if (start === end) return NEED_MORE
      lf = findLf()
    }
    if (lf === -1) {
      if (end - start < framer.lineMaxOctets) return NEED_MORE
      const answer = bad('line-too-long', held.subarray(start, end))
      skippingLine = true
      release()
      return answer
    }
    const from = start
    const view = held
    consume(lf + 1)
    if (lf + 1 - from > framer.lineMaxOctets) return bad('line-too-long', view.subarray(from, lf))
    if (lf === from || view[lf - 1] !== CR) return bad('bare-lf', view.subarray(from, lf))
    const line = view.subarray(from, lf - 1)
    if (line.includes(CR)) return bad('bare-cr', line)
    if (line.includes(0)) return bad('nul', line)
    return { kind: 'line', line }
  }

  const peek = (): Buffer => held.subarray(start, end)

  const skip = (count: number): void => consume(Math.min(end, start + count))

  const framer: Framer = {
    lineMaxOctets: options.lineMaxOctets,
    heldOctets: () => end - start,
    push,
    next,
    take(count) {
      if (start === end || count <= 0) return null
      const slice = held.subarray(start, Math.min(end, start + count))
      skip(slice.length)
      return slice
    },
    peek,
    skip,
    discard() {
      release()
      skippingLine = false
    },
  }
  return framer
}
