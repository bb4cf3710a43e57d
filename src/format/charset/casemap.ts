const ASCII = /^[\0-\x7f]*$/
/** Letters whose upper case is one letter, which is their title case too. */
const PLAIN = /^[\0-\x7f\u0400-\u045f\u0490-\u04bf]*$/

/** Title case of UnicodeData.txt where JavaScript's upper case is another: digraphs are two letters, of which one is large. */
const DIGRAPHS: ReadonlyMap<number, number> = new Map([
  [0x1c4, 0x1c5], [0x1c5, 0x1c5], [0x1c6, 0x1c5], [0x1c7, 0x1c8], [0x1c8, 0x1c8], [0x1c9, 0x1c8],
  [0x1ca, 0x1cb], [0x1cb, 0x1cb], [0x1cc, 0x1cb], [0x1f1, 0x1f2], [0x1f2, 0x1f2], [0x1f3, 0x1f2],
  [0x1fb3, 0x1fbc], [0x1fc3, 0x1fcc], [0x1ff3, 0x1ffc],
]) // prettier-ignore

/**
 * The form in which i;unicode-casemap compares texts (RFC 5051 §2): each letter in its simple title case, then decomposed.
 * It is asked for by SORT and THREAD (RFC 5256 §7); searches go by `foldForSearch`, where `и` does not find `й`.
 */
export function casemap(text: string): string {
  if (ASCII.test(text)) return text.toUpperCase()
  if (PLAIN.test(text)) return text.toUpperCase().normalize('NFKD')
  let titled = ''
  for (const letter of text) titled += titleCase(letter)
  return titled.normalize('NFKD')
}

function titleCase(letter: string): string {
  const point = letter.codePointAt(0)!
  const digraph = DIGRAPHS.get(point)
  if (digraph !== undefined) return String.fromCodePoint(digraph)
  if (point >= 0x10d0 && point <= 0x10ff) return letter // Georgian has no title case.
  if (point >= 0x1f80 && point <= 0x1faf) return String.fromCodePoint(point | 8) // Greek with iota below
  const upper = letter.toUpperCase()
  // RFC 5051 §2 (1): a mapping to one letter; `ß` stays.
  return upper.length <= 2 && [...upper].length === 1 ? upper : letter
}

/** Orders two such forms as their UTF-8 octets would be (i;octet, RFC 5051 §2 (3)). */
export function compareCasemapped(a: string, b: string): number {
  if (a === b) return 0
  const less = a < b ? -1 : 1
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return less
  const end = Math.min(a.length, b.length)
  let i = 0
  while (i < end && a.charCodeAt(i) === b.charCodeAt(i)) i++
  if (i === end) return less
  return place(a.charCodeAt(i)) - place(b.charCodeAt(i))
}

const SURROGATE = /[\ud800-\udfff]/

/** UTF-16 puts halves of large letters before U+E000, UTF-8 behind U+FFFF. */
const place = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2800 : unit)
