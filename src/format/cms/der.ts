/** As much of DER (X.690) as signing asks for: written whole, and read one element at a time. */

/** X.690 §8.1.2, of what is used here. */
export const TAG = {
  integer: 0x02,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** Context-specific, constructed: `[0]`. */
  context0: 0xa0,
} as const

/** X.690 §10.1: a definite length in the fewest octets. */
function lengthOf(octets: number): Uint8Array {
  if (octets < 0x80) return Uint8Array.of(octets)
  const bytes: number[] = []
  for (let rest = octets; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Uint8Array.of(0x80 | bytes.length, ...bytes)
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  return Buffer.concat([Uint8Array.of(tag), lengthOf(content.length), content])
}

/** X.690 §8.19. @param text dotted, e.g. `1.2.840.113549.1.7.2` */
export function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [40 * first + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) | 0x80)
    return digits
  })
  return der(TAG.oid, Uint8Array.from(bytes))
}

/** X.690 §11.6: by their octets. */
export const setOf = (tag: number, parts: readonly Uint8Array[]): Uint8Array =>
  der(tag, ...parts.toSorted((a, b) => Buffer.compare(a, b)))

/** RFC 5280 §4.1.2.5: UTCTime to 2049, GeneralizedTime after. @param at epoch milliseconds */
export function time(at: number): Uint8Array {
  const text = new Date(at).toISOString().replace(/\.\d+|[-:T]/g, '')
  return text < '2050' ? der(TAG.utcTime, Buffer.from(text.slice(2))) : der(TAG.generalizedTime, Buffer.from(text))
}

export type Element = {
  readonly tag: number
  /** With tag and length. */
  readonly whole: Uint8Array
  readonly content: Uint8Array
}

/** The elements of a constructed one's content, in order. @returns null when it is no DER of low tags and definite lengths */
export function elementsOf(bytes: Uint8Array): readonly Element[] | null {
  const found: Element[] = []
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at]!
    const first = bytes[at + 1]
    if ((tag & 0x1f) === 0x1f || first === undefined || first === 0x80 || first > 0x84) return null
    const more = first < 0x80 ? 0 : first & 0x7f
    const start = at + 2 + more
    if (start > bytes.length) return null
    let length = more === 0 ? first : 0
    for (let i = 0; i < more; i++) length = length * 256 + bytes[at + 2 + i]!
    const end = start + length
    if (end > bytes.length) return null
    found.push({ tag, whole: bytes.subarray(at, end), content: bytes.subarray(start, end) })
    at = end
  }
  return found
}
