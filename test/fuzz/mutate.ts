/** Octets near those of a corpus: the ways in which real input goes wrong, and hostile input is made. */
import * as fc from 'fast-check'

/** Octets that grammars look at. */
const MAGIC: readonly Buffer[] = [
  ...[
    '\0',
    '\r',
    '\n',
    '\r\n',
    '\n\r',
    '\r\n.\r\n',
    '\n.\n',
    '\r\n\r\n',
    '"',
    '\\',
    '\\"',
    '(',
    ')',
    '((',
    '<',
    '>',
    '<>',
  ],
  ...[
    '{',
    '}',
    '{0}\r\n',
    '{3+}\r\nabc',
    '{99999999999}',
    '~{2+}\r\n',
    '[',
    ']',
    '*',
    '%',
    ':',
    ';',
    ',',
    '=',
    '=?',
    '?=',
  ],
  ...[
    '=?utf-8?q?=00?=',
    '*0*=',
    '*1=',
    "''",
    '--',
    '@',
    '.',
    '..',
    '%00',
    '&',
    '&-',
    '+',
    '-',
    ' ',
    '\t',
    '\r\n ',
    '\x7f',
  ],
  ...['4294967296', '18446744073709551616', '-1', '0', '\u00fc', '\ufffd', '\u2028', '__proto__', 'multipart/mixed'],
].map((text) => Buffer.from(text))
const BROKEN: readonly Buffer[] = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5], [0x80], [0xfe, 0xff]].map(
  (octets) => Buffer.from(octets),
)

type Edit = {
  readonly kind: 'flip' | 'insert' | 'delete' | 'splice' | 'repeat' | 'magic' | 'swap'
  /** Where, as a share of the length. */
  readonly at: number
  readonly length: number
  readonly octets: Uint8Array
  readonly other: number
}

const edit = (others: number): fc.Arbitrary<Edit> =>
  fc.record({
    kind: fc.constantFrom('flip', 'insert', 'delete', 'splice', 'repeat', 'magic', 'magic', 'swap'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 200 })),
    octets: fc.oneof(fc.constantFrom(...MAGIC, ...BROKEN), fc.uint8Array({ minLength: 1, maxLength: 8 })),
    other: fc.nat({ max: others - 1 }),
  })

function apply(bytes: Buffer, { kind, at, length, octets, other }: Edit, corpus: readonly Buffer[]): Buffer {
  const from = Math.floor(at * bytes.length)
  const end = Math.min(bytes.length, from + length)
  const put = (piece: Uint8Array, until = from): Buffer =>
    Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(until)])
  switch (kind) {
    case 'flip': {
      if (from >= bytes.length) return bytes
      const flipped = Buffer.from(bytes)
      flipped[from] = flipped[from]! ^ (1 << (length & 7))
      return flipped
    }
    case 'insert':
    case 'magic':
      return put(octets)
    case 'delete':
      return put(Buffer.alloc(0), end)
    case 'splice': {
      const source = corpus[other]!
      const begin = Math.floor(at * source.length)
      return put(source.subarray(begin, begin + length * 4), end)
    }
    case 'repeat':
      return put(Buffer.concat(Array.from({ length: 1 + (octets[0]! & 31) }, () => bytes.subarray(from, end))))
    case 'swap':
      return put(Buffer.concat([bytes.subarray(end, end + length), bytes.subarray(from, end)]), end + length)
  }
}

/** One of the corpus, edited one to eight times. */
export function mutated(corpus: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.nat({ max: corpus.length - 1 }), fc.array(edit(corpus.length), { minLength: 1, maxLength: 8 }))
    .map(([base, edits]) => edits.reduce((bytes, one) => apply(bytes, one, corpus), corpus[base]!))
}
