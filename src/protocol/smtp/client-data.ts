const CR = 13
const LF = 10
const DOT = 46
const CRLF = Buffer.from('\r\n')
const ONE_DOT = Buffer.from('.')

export type DotStuffer = {
  /** The chunk as it goes on the wire. May return the chunk itself when nothing had to change. */
  push(chunk: Uint8Array): Buffer
  /** What is left, with the ending `.` CRLF. */
  end(): Buffer
}

/**
 * Content on its way into DATA (RFC 5321 §4.5.2): dots are doubled at line starts, and every line ends with CRLF, so that
 * no other server can see an end of data where we mean none (S2).
 * Choice: a bare CR or LF becomes CRLF. Neither comes in by SMTP; what we made ourselves is repaired, not refused.
 * Choice: lines longer than 998 octets (RFC 5321 §4.5.3.1.6) go out as they are: folding would break signatures and the content.
 */
export function createDotStuffer(): DotStuffer {
  let lineStart = true
  /** A CR ended the last chunk; whether an LF follows is not yet known. The CR is already out. */
  let afterCr = false

  const push = (chunk: Uint8Array): Buffer => {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    const parts: Buffer[] = []
    let from = 0
    /** Everything up to `at` goes out, then `insert`, then the rest from `resume`. */
    const splice = (at: number, insert: Buffer, resume: number): void => {
      if (at > from) parts.push(bytes.subarray(from, at))
      parts.push(insert)
      from = resume
    }
    for (let i = 0; i < bytes.length; i++) {
      const octet = bytes[i]!
      if (afterCr) {
        afterCr = false
        lineStart = true
        if (octet === LF) continue
        splice(i, CRLF.subarray(1), i) // The CR is out already; complete it.
      }
      if (octet === CR) afterCr = true
      else if (octet === LF) {
        splice(i, CRLF, i + 1)
        lineStart = true
      } else if (lineStart) {
        lineStart = false
        if (octet === DOT) splice(i, ONE_DOT, i)
      }
    }
    if (parts.length === 0) return bytes
    if (from < bytes.length) parts.push(bytes.subarray(from))
    return Buffer.concat(parts)
  }

  const end = (): Buffer => {
    if (afterCr) return Buffer.from('\n.\r\n')
    return Buffer.from(lineStart ? '.\r\n' : '\r\n.\r\n')
  }

  return { push, end }
}
