/**
 * RFC 3461 §4: `+XX` for what may not stand bare. UTF-8 octets come out as text.
 * @returns null when malformed
 */
export function decodeXtext(text: string): string | null {
  if (!text.includes('+')) return /^[\x21-\x3c\x3e-\x7e]*$/.test(text) ? text : null
  if (!/^(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*$/.test(text)) return null
  const octets: number[] = []
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '+') {
      octets.push(Number.parseInt(text.slice(i + 1, i + 3), 16))
      i += 2
    } else octets.push(text.charCodeAt(i))
  }
  const decoded = Buffer.from(octets).toString('utf8')
  // Controls would travel into DSNs and logs; nothing that means well needs them.
  return /[\0-\x1f\x7f\ufffd]/.test(decoded) ? null : decoded
}
