/** `:matches` (RFC 5228 §2.7.1): `*` and `?`, escaped by a backslash. No input makes it slower than text × pattern. */

/** A piece between two `*`: literal texts, and `null` for each `?`. */
type Segment = readonly (string | null)[]

export type Glob = {
  readonly segments: readonly Segment[]
}

/** @param pattern folded as the texts will be */
export function compileGlob(pattern: string): Glob {
  const segments: (string | null)[][] = [[]]
  let literal = ''
  const flush = (): void => {
    if (literal !== '') segments.at(-1)!.push(literal)
    literal = ''
  }
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]!
    if (letter === '*' || letter === '?') {
      flush()
      if (letter === '*') segments.push([])
      else segments.at(-1)!.push(null)
    } else if (letter === '\\' && at + 1 < pattern.length) literal += pattern[++at]!
    else literal += letter
  }
  flush()
  return { segments }
}

/**
 * Places of what each wildcard stands for, in order, non-greedy (RFC 5229 §3.2); null when it does not match.
 * Choice: `?` is one character, not one octet, as in Pigeonhole.
 * @param spend is told how many characters were looked at
 */
export function matchGlob(
  glob: Glob,
  text: string,
  spend: (steps: number) => void,
): readonly (readonly [start: number, end: number])[] | null {
  const { segments } = glob
  const places: [number, number][] = []
  const first = matchForward(segments[0]!, text, 0, places)
  if (first === -1) return null
  if (segments.length === 1) return first === text.length ? places : null
  let at = first
  for (const segment of segments.slice(1, -1)) {
    const found = findSegment(segment, text, at, spend)
    if (found === -1) return null
    places.push([at, found])
    at = matchForward(segment, text, found, places)
  }
  const last = segments.at(-1)!
  const start = matchBackward(last, text)
  if (start < at) return null
  places.push([at, start])
  matchForward(last, text, start, places)
  return places
}

/** @returns the end of the segment that starts at `at`, or -1 */
function matchForward(segment: Segment, text: string, at: number, places: [number, number][]): number {
  const mark = places.length
  let end = at
  for (const piece of segment) {
    if (piece === null) {
      if (end >= text.length) {
        places.length = mark
        return -1
      }
      const next = end + (isPair(text, end) ? 2 : 1)
      places.push([end, next])
      end = next
    } else if (text.startsWith(piece, end)) end += piece.length
    else {
      places.length = mark
      return -1
    }
  }
  return end
}

/** @returns where the segment starts when it ends with the text, or -1 */
function matchBackward(segment: Segment, text: string): number {
  let start = text.length
  for (let i = segment.length - 1; i >= 0; i--) {
    const piece = segment[i]!
    if (piece === null) {
      if (start === 0) return -1
      start -= start > 1 && isPair(text, start - 2) ? 2 : 1
    } else if (piece.length <= start && text.startsWith(piece, start - piece.length)) start -= piece.length
    else return -1
  }
  return start
}

/** @returns where the segment is found first, or -1 */
function findSegment(segment: Segment, text: string, from: number, spend: (steps: number) => void): number {
  const literal = segment[0]
  const scratch: [number, number][] = []
  for (let at = from; at <= text.length; at++) {
    if (typeof literal === 'string') {
      const next = text.indexOf(literal, at)
      spend(1 + (((next === -1 ? text.length : next) - at) >> 4))
      if (next === -1) return -1
      at = next
    }
    spend(1 + segment.length)
    scratch.length = 0
    if (matchForward(segment, text, at, scratch) !== -1) return at
  }
  return -1
}

function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00
}
