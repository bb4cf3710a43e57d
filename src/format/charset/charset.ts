import iconv from 'iconv-lite'
import { isAscii, isUtf8 } from 'node:buffer'

/** Labels under which 8-bit text is no standard: the octets then speak for themselves. */
const UNTOLD = new Set(['', 'us-ascii', 'ascii', 'ansi_x3.4-1968', 'default', 'unknown', 'unknown-8bit', 'x-unknown'])
const LABEL_MAX = 60
/** Labels that were looked for in vain: each attempt costs a thrown error, and a header may hold thousands. */
const MISSING = new Set<string>()
const MISSING_MAX = 1000

/** Turns octets into text, piece by piece. An instance serves one text. */
export type CharsetDecoder = {
  write(bytes: Uint8Array): string
  end(): string
}

/**
 * Decodes text of a MIME charset. Never throws: an unknown charset is read as UTF-8 when it is that, else as windows-1252.
 * @param label as in the header, any case, or null
 */
export function decodeCharset(bytes: Uint8Array, label: string | null): string {
  if (bytes.length === 0) return ''
  const name = normalize(label)
  if (UNTOLD.has(name)) return decodeUntold(bytes)
  const decoder = createKnown(name)
  return decoder === null ? decodeUntold(bytes) : decoder.write(bytes) + decoder.end()
}

/**
 * The same, for text that arrives in pieces. Without a known label the first piece decides between UTF-8 and windows-1252.
 */
export function createCharsetDecoder(label: string | null): CharsetDecoder {
  const name = normalize(label)
  const known = UNTOLD.has(name) ? null : createKnown(name)
  return known ?? createGuessing()
}

function createKnown(name: string): CharsetDecoder | null {
  if (name.length > LABEL_MAX || MISSING.has(name)) return null
  try {
    const decoder = new TextDecoder(name)
    return { write: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() }
  } catch {
    // Not one of the web's encodings (WHATWG Encoding §4.2), e.g. utf-7.
  }
  if (!iconv.encodingExists(name)) {
    if (MISSING.size === MISSING_MAX) MISSING.clear()
    MISSING.add(name)
    return null
  }
  const decoder = iconv.getDecoder(name)
  return {
    write: (bytes) => decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)),
    end: () => decoder.end() ?? '',
  }
}

function createGuessing(): CharsetDecoder {
  let chosen: CharsetDecoder | null = null
  return {
    write(bytes) {
      if (chosen === null && isAscii(bytes)) return Buffer.from(bytes).toString('latin1')
      chosen ??= createKnown(isUtf8(withoutCutTail(bytes)) ? 'utf-8' : 'windows-1252')
      return chosen?.write(bytes) ?? ''
    },
    end: () => chosen?.end() ?? '',
  }
}

/** A piece may end within a character: that says nothing against UTF-8. */
function withoutCutTail(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const octet = bytes[bytes.length - back]!
    if (octet >= 0xc0) return bytes.subarray(0, bytes.length - back)
    if (octet < 0x80) break
  }
  return bytes
}

function decodeUntold(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (isAscii(buffer)) return buffer.toString('latin1')
  return isUtf8(buffer) ? buffer.toString('utf8') : new TextDecoder('windows-1252').decode(buffer)
}

/** RFC 2231 §5 lets a language follow an encoded word's charset: `utf-8*en`. */
function normalize(label: string | null): string {
  if (label === null) return ''
  const star = label.indexOf('*')
  return (star === -1 ? label : label.slice(0, star)).trim().toLowerCase()
}
