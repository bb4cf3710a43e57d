/** The two forms in which header and body are signed (RFC 6376 §3.4). Header fields are text of one octet a character. */
import { createHash } from 'node:crypto'
import { trimFws } from './tags.ts'

export type Canonicalization = 'simple' | 'relaxed'

const CR = 0x0d
const LF = 0x0a
const SP = 0x20
const TAB = 0x09
const CRLF = Buffer.from('\r\n')

/** One header field as it stands, with folds and without its last CRLF. */
export type RawField = { readonly name: string; readonly raw: string }

/** The fields of a header block. Lines that are no field are left out, as nobody can sign them. */
export function splitFields(header: Buffer): RawField[] {
  const fields: RawField[] = []
  const text = header.toString('latin1')
  for (let at = 0; at < text.length;) {
    let end = text.indexOf('\r\n', at)
    while (end !== -1 && (text[end + 2] === ' ' || text[end + 2] === '\t')) end = text.indexOf('\r\n', end + 2)
    if (end === -1) end = text.length
    const raw = text.slice(at, end)
    at = end + 2
    const colon = raw.indexOf(':')
    if (colon > 0) fields.push({ name: trimFws(raw.slice(0, colon)).toLowerCase(), raw })
  }
  return fields
}

/** RFC 6376 §3.4.1, §3.4.2; without the CRLF at its end. */
export function canonicalField({ name, raw }: RawField, as: Canonicalization): string {
  if (as === 'simple') return raw
  const value = raw.slice(raw.indexOf(':') + 1)
  return `${name}:${value
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ /, '')
    .replace(/ $/, '')}`
}

export type BodyHash = {
  push(chunk: Uint8Array): void
  /** @returns the SHA-256, and how many octets the canonical body has */
  finish(): { readonly hash: Buffer; readonly octets: number }
}

/** Hashes a body while it goes by, in any pieces (RFC 6376 §3.4.3, §3.4.4). */
export function createBodyHash(as: Canonicalization): BodyHash {
  return as === 'simple' ? simpleHash() : relaxedHash()
}

type Sink = { add(octets: Uint8Array): void; lineEnds(count: number): void; readonly octets: number; digest(): Buffer }

function hashSink(): Sink {
  const hash = createHash('sha256')
  let total = 0
  const add = (octets: Uint8Array): void => {
    total += octets.length
    hash.update(octets)
  }
  return {
    add,
    lineEnds(count) {
      for (let left = count; left > 0; left -= 512) add(left === 1 ? CRLF : Buffer.alloc(2 * Math.min(left, 512), CRLF))
    },
    get octets() {
      return total
    },
    digest: () => hash.digest(),
  }
}

/** Line ends at the end of the body are held back until something follows. */
function simpleHash(): BodyHash {
  const sink = hashSink()
  let held = 0
  let heldCr = false

  return {
    push(given) {
      const chunk = heldCr ? Buffer.concat([CRLF.subarray(0, 1), given]) : given
      let end = chunk.length
      heldCr = end > 0 && chunk[end - 1] === CR
      if (heldCr) end--
      let count = 0
      while (end >= 2 && chunk[end - 2] === CR && chunk[end - 1] === LF) {
        end -= 2
        count++
      }
      if (end > 0) {
        sink.lineEnds(held)
        sink.add(chunk.subarray(0, end))
        held = count
      } else held += count
    },
    finish() {
      if (heldCr) {
        sink.lineEnds(held)
        sink.add(CRLF.subarray(0, 1))
      }
      sink.add(CRLF) // Also of an empty body.
      return { hash: sink.digest(), octets: sink.octets }
    },
  }
}

function relaxedHash(): BodyHash {
  const sink = hashSink()
  /** Held back until something follows in the body, in the line, or at all. */
  let lineEnds = 0
  let space = false
  let cr = false
  let any = false

  return {
    push(chunk) {
      // What comes out is what went in, or was held: a space and a CR.
      const out = Buffer.allocUnsafe(chunk.length + 2)
      let length = 0
      let [heldSpace, heldCr] = [space, cr] // Locals: this runs once for each octet.
      const flushLineEnds = (): void => {
        if (length > 0) sink.add(out.subarray(0, length))
        length = 0
        sink.lineEnds(lineEnds)
        lineEnds = 0
      }
      for (let at = 0; at < chunk.length; at++) {
        const octet = chunk[at]!
        if (heldCr) {
          heldCr = false
          if (octet === LF) {
            heldSpace = false
            lineEnds++
            continue
          }
          // Alone it is an octet as any other.
          if (lineEnds > 0) flushLineEnds()
          if (heldSpace) out[length++] = SP
          heldSpace = false
          out[length++] = CR
          any = true
        }
        if (octet === SP || octet === TAB) heldSpace = true
        else if (octet === CR) heldCr = true
        else {
          // Line ends go along with the rest where there is room: all that came in this chunk.
          if (lineEnds > 0 && length + 2 * lineEnds <= at) {
            for (; lineEnds > 0; lineEnds--) {
              out[length++] = CR
              out[length++] = LF
            }
          } else if (lineEnds > 0) flushLineEnds()
          if (heldSpace) out[length++] = SP
          heldSpace = false
          out[length++] = octet
          any = true
        }
      }
      ;[space, cr] = [heldSpace, heldCr]
      if (length > 0) sink.add(out.subarray(0, length))
    },
    finish() {
      if (cr) {
        sink.lineEnds(lineEnds)
        sink.add(Buffer.from(space ? ' \r' : '\r'))
      }
      if (any || cr) sink.add(CRLF)
      return { hash: sink.digest(), octets: sink.octets }
    },
  }
}
