/** Header fields that are sent or added: folded, ASCII (RFC 5322 §2.2.3, RFC 2047). */

const LINE = 76
/** RFC 2047 §2: a line with an encoded word has 76 characters; `=?utf-8?B??=` takes 12, and 4 characters carry 3 octets. */
const WORD_OCTETS = 39
const PLAIN = /^[\x20-\x7e\t]*$/

/** One line of text, whatever it was: controls become blanks. */
export function oneLine(text: string): string {
  return text.replace(/[\0-\x1f\x7f]+/g, ' ').trim()
}

/** @returns the field's lines with CRLF; the value is unstructured text */
export function printText(name: string, value: string): string {
  const text = oneLine(value)
  // What would read as an encoded word is encoded itself.
  return PLAIN.test(text) && !text.includes('=?') ? fold(name, text.split(' ')) : fold(name, encodeWords(text))
}

/** The value is structured and already ASCII: folded at its blanks, else as it is. */
export function printStructured(name: string, value: string): string {
  return fold(name, oneLine(value).split(' '))
}

/** A display name and an address as one mailbox (RFC 5322 §3.4). */
export function printMailbox(name: string | null, address: string): string {
  const clean = name === null ? '' : oneLine(name)
  if (clean === '') return address
  const shown = PLAIN.test(clean) ? `"${clean.replace(/[\\"]/g, '\\$&')}"` : encodeWords(clean).join(' ')
  return `${shown} <${address}>`
}

function fold(name: string, words: readonly string[]): string {
  let result = `${name}:`
  let length = result.length
  for (const word of words) {
    // RFC 5322 §3.2.2: no line of blanks only.
    if (length + 1 + word.length > LINE && length > name.length + 1 && word !== '') {
      result += '\r\n'
      length = 0
    }
    result += ` ${word}`
    length += 1 + word.length
  }
  return `${result}\r\n`
}

/** RFC 2047 §5 (3): no character in halves. */
export function encodeWords(text: string): string[] {
  const words: string[] = []
  let piece = ''
  let octets = 0
  for (const letter of text.toWellFormed()) {
    const size = Buffer.byteLength(letter)
    if (octets + size > WORD_OCTETS) {
      words.push(piece)
      piece = ''
      octets = 0
    }
    piece += letter
    octets += size
  }
  words.push(piece)
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`)
}
