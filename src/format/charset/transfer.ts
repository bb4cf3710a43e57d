/** Content-Transfer-Encoding (RFC 2045 §6), undone piece by piece. Junk is tolerated; nothing throws. */
export type BodyDecoder = {
  push(chunk: Uint8Array): Buffer
  end(): Buffer
}

const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9
const EQUALS = 61
const EMPTY = Buffer.alloc(0)
/** RFC 2045 §6.7: lines have at most 76 characters; longer runs of white space are not held back. */
const BLANKS_MAX = 1024

const BASE64 = new Int8Array(256).fill(-1)
for (const [value, letter] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  BASE64[letter.charCodeAt(0)] = value
}
BASE64[EQUALS] = -2

const HEX = new Int8Array(256).fill(-1)
for (const [value, letter] of [...'0123456789ABCDEF'].entries()) {
  HEX[letter.charCodeAt(0)] = value
  HEX[letter.toLowerCase().charCodeAt(0)] = value
}

/** @returns null for an encoding that we do not know */
export function createBodyDecoder(encoding: string): BodyDecoder | null {
  switch (encoding) {
    case '7bit':
    case '8bit':
    case 'binary':
      return { push: asBuffer, end: () => EMPTY }
    case 'base64':
      return createBase64Decoder()
    case 'quoted-printable':
      return createQuotedPrintableDecoder()
    default:
      return null
  }
}

/** A whole body at once. @returns null for an encoding that we do not know */
export function decodeBody(bytes: Uint8Array, encoding: string): Buffer | null {
  const decoder = createBodyDecoder(encoding)
  if (decoder === null) return null
  const start = decoder.push(bytes)
  const rest = decoder.end()
  return rest.length === 0 ? start : Buffer.concat([start, rest])
}

/** RFC 2045 §6.8. Choice: what follows a padding is read too, so that nothing hides behind an early `=`. */
function createBase64Decoder(): BodyDecoder {
  let bits = 0
  let digits = 0
  return {
    push(chunk) {
      const out = Buffer.allocUnsafe(Math.ceil(((chunk.length + digits) * 3) / 4) + 3)
      let length = 0
      for (let i = 0; i < chunk.length; i++) {
        const value = BASE64[chunk[i]!]!
        if (value >= 0) {
          bits = (bits << 6) | value
          if (++digits < 4) continue
          out[length] = bits >> 16
          out[length + 1] = bits >> 8
          out[length + 2] = bits
          length += 3
        } else if (value === -1) continue // RFC 2045 §6.8: other characters must be ignored.
        else length += flushDigits(out, length, bits, digits)
        bits = 0
        digits = 0
      }
      return out.subarray(0, length)
    },
    end() {
      const out = Buffer.alloc(2)
      return out.subarray(0, flushDigits(out, 0, bits, digits))
    },
  }
}

/** Writes what an unfinished group of four holds. @returns octets written */
function flushDigits(out: Buffer, at: number, bits: number, digits: number): number {
  if (digits === 2) {
    out[at] = bits >> 4
    return 1
  }
  if (digits === 3) {
    out[at] = bits >> 10
    out[at + 1] = bits >> 2
    return 2
  }
  return 0
}

/** RFC 2045 §6.7. A `=` that starts no code stays as it is. */
function createQuotedPrintableDecoder(): BodyDecoder {
  let kept: Buffer = EMPTY
  const decode = (bytes: Buffer, last: boolean): Buffer => {
    const out = Buffer.allocUnsafe(bytes.length)
    let length = 0
    let i = 0
    while (i < bytes.length) {
      const octet = bytes[i]!
      if (octet === EQUALS) {
        const code = (HEX[bytes[i + 1] ?? 0]! << 4) | HEX[bytes[i + 2] ?? 0]!
        if (code >= 0) {
          out[length++] = code
          i += 3
          continue
        }
        const next = lineEndAfter(bytes, i + 1)
        if (next > 0 || (last && next === -1)) {
          i = next > 0 ? next : bytes.length
          continue
        }
        if (!last && bytes.length - i < (next === -1 ? BLANKS_MAX : 3)) break
      } else if (octet === SPACE || octet === TAB) {
        const end = skipBlanks(bytes, i)
        const open = end === bytes.length || (bytes[end] === CR && end + 1 === bytes.length)
        if (open && !last && end - i < BLANKS_MAX) break
        // RFC 2045 §6.7 (3): white space at the end of a line was added on the way.
        const strip = end === bytes.length ? last : isLineEnd(bytes, end)
        if (!strip) length += bytes.copy(out, length, i, end)
        i = end
        continue
      } else if (octet === CR && i + 1 === bytes.length && !last) break
      out[length++] = octet
      i++
    }
    kept = last ? EMPTY : Buffer.from(bytes.subarray(i))
    return out.subarray(0, length)
  }
  return {
    push: (chunk) => decode(kept.length === 0 ? asBuffer(chunk) : Buffer.concat([kept, chunk]), false),
    end: () => decode(kept, true),
  }
}

/** @returns where the line after a soft break starts; 0: no soft break; -1: the end of the octets comes first */
function lineEndAfter(bytes: Buffer, from: number): number {
  const at = skipBlanks(bytes, from)
  if (at === bytes.length) return -1
  if (bytes[at] === LF) return at + 1
  if (bytes[at] !== CR) return 0
  if (at + 1 === bytes.length) return -1
  return bytes[at + 1] === LF ? at + 2 : 0
}

function isLineEnd(bytes: Buffer, at: number): boolean {
  return bytes[at] === LF || (bytes[at] === CR && (at + 1 === bytes.length || bytes[at + 1] === LF))
}

function skipBlanks(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === SPACE || bytes[at] === TAB) at++
  return at
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
