/** CRC-32 as zlib has it, put together from parts. */

/** The polynomial, reflected. */
const POLYNOMIAL = 0xedb88320
type Matrix = readonly number[]

function times(matrix: Matrix, vector: number): number {
  let sum = 0
  for (let bits = vector, row = 0; bits !== 0; bits >>>= 1, row++) if ((bits & 1) !== 0) sum ^= matrix[row]!
  return sum >>> 0
}

const squared = (matrix: Matrix): Matrix => matrix.map((row) => times(matrix, row))

/** What one more bit of zero makes of a CRC. */
const ONE_BIT: Matrix = Array.from({ length: 32 }, (_, row) => (row === 0 ? POLYNOMIAL : 2 ** (row - 1)))

/**
 * The CRC-32 of one run of octets behind another, without looking at them again.
 * @param secondOctets how many octets the second run has
 */
export function combineCrc32(first: number, second: number, secondOctets: number): number {
  let crc = first
  // A run of zeros as long as the second one, by powers of two.
  let zeros = squared(squared(squared(ONE_BIT)))
  for (let left = secondOctets; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) crc = times(zeros, crc)
    zeros = squared(zeros)
  }
  return (crc ^ second) >>> 0
}
