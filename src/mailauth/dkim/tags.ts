/**
 * Parses a tag-list (RFC 6376 §3.2): `v=1; a=rsa-sha256; …`.
 * @returns values by tag, outer white space gone; null when it is none, or names a tag twice
 */
export function parseTags(text: string): ReadonlyMap<string, string> | null {
  const tags = new Map<string, string>()
  for (const spec of text.split(';')) {
    const plain = trimFws(spec)
    if (plain === '') continue // After the last semicolon. Interop: and between two.
    const equals = plain.indexOf('=')
    const name = trimFws(plain.slice(0, Math.max(equals, 0)))
    if (!/^[a-z][a-z\d_]*$/i.test(name) || tags.has(name)) return null
    tags.set(name, trimFws(plain.slice(equals + 1)))
  }
  return tags
}

const isFws = (character: string | undefined): boolean =>
  character === ' ' || character === '\t' || character === '\r' || character === '\n'

/** By hand: an expression that ends with `+$` looks at a run of n spaces n²/2 times, and strangers choose n. */
export function trimFws(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isFws(text[start])) start++
  while (end > start && isFws(text[end - 1])) end--
  return text.slice(start, end)
}

/** Base64 with folding white space; null when it is none. */
export function base64Of(text: string): Buffer | null {
  const plain = text.replace(/[ \t\r\n]+/g, '')
  return /^[A-Za-z\d+/]+={0,2}$/.test(plain) ? Buffer.from(plain, 'base64') : null
}

/** Parts of a list with colons, white space gone. */
export const colonList = (text: string): string[] => text.split(':').map((part) => part.replace(/[ \t\r\n]+/g, ''))
