/** RFC 2045 §6.7: at most 76 characters, the soft break's `=` counted. */
const LINE_MAX = 75

/** Text with CRLF as quoted-printable UTF-8. */
export function encodeQuotedPrintable(text: string): string {
  return text.split('\r\n').map(encodeLine).join('\r\n')
}

function encodeLine(line: string): string {
  const octets = Buffer.from(line.toWellFormed())
  let result = ''
  let length = 0
  for (const [at, octet] of octets.entries()) {
    const blank = octet === 32 || octet === 9
    // A blank at the end of a line would be lost on the way.
    const plain = blank ? at < octets.length - 1 : octet > 32 && octet < 127 && octet !== 61
    const piece = plain ? String.fromCharCode(octet) : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`
    if (length + piece.length > LINE_MAX) {
      result += '=\r\n'
      length = 0
    }
    result += piece
    length += piece.length
  }
  return result
}
