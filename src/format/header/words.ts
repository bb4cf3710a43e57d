import { decodeCharset } from '../charset/charset.ts'
import { decodeBody } from '../charset/transfer.ts'

/** RFC 2047 §2 allows 75 for a whole word. */
const CHARSET_MAX = 75

type Word = { readonly charset: string; readonly bytes: Buffer; readonly end: number }

/**
 * Decodes the encoded words of a header value (RFC 2047), each looked at once.
 * Words that only blanks part are joined (§6.2), and octets of one charset before they are decoded: many senders split
 * characters. Words may stand anywhere, also in quoted strings, as they do in the wild; what is no word stays.
 */
export function decodeWords(text: string): string {
  const first = text.indexOf('=?')
  if (first === -1) return text
  const lastMark = text.lastIndexOf('?=')
  let result = text.slice(0, first)
  let run: Word[] = []
  let word = readWord(text, first, lastMark)
  for (let at = first; at !== -1;) {
    const end = word?.end ?? at + 2
    const next = text.indexOf('=?', end)
    const nextWord = next === -1 ? null : readWord(text, next, lastMark)
    const between = text.slice(end, next === -1 ? text.length : next)
    if (word === null) result += text.slice(at, end) + between
    else {
      run.push(word)
      if (nextWord === null || between.trim() !== '') {
        result += decodeRun(run) + between
        run = []
      }
    }
    word = nextWord
    at = next
  }
  return result
}

/** `lastMark` is where the text's last `?=` stands: no search goes past it in vain. */
function readWord(text: string, at: number, lastMark: number): Word | null {
  const mark = text.indexOf('?', at + 2)
  if (mark === -1 || mark - at - 2 > CHARSET_MAX || mark === at + 2) return null
  const encoding = text.charCodeAt(mark + 1) | 32
  if (text.charCodeAt(mark + 2) !== 63 || (encoding !== 98 && encoding !== 113)) return null
  const start = mark + 3
  if (start > lastMark) return null
  const end = text.indexOf('?=', start)
  const octets = Buffer.from(text.slice(start, end), 'utf8')
  const charset = text.slice(at + 2, mark)
  return { charset, bytes: encoding === 98 ? decodeBody(octets, 'base64')! : decodeQ(octets), end: end + 2 }
}

/** RFC 2047 §4.2. */
function decodeQ(octets: Buffer): Buffer {
  const out = Buffer.allocUnsafe(octets.length)
  let length = 0
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!
    if (octet === 95) out[length++] = 32
    else if (octet === 61 && i + 2 < octets.length && isHex(octets[i + 1]!) && isHex(octets[i + 2]!)) {
      out[length++] = Number.parseInt(octets.toString('latin1', i + 1, i + 3), 16)
      i += 2
    } else out[length++] = octet
  }
  return out.subarray(0, length)
}

function isHex(octet: number): boolean {
  return (octet >= 48 && octet <= 57) || ((octet | 32) >= 97 && (octet | 32) <= 102)
}

function decodeRun(run: readonly Word[]): string {
  let result = ''
  for (let i = 0; i < run.length;) {
    const charset = run[i]!.charset.toLowerCase()
    let to = i + 1
    while (to < run.length && run[to]!.charset.toLowerCase() === charset) to++
    const same = run.slice(i, to).map((word) => word.bytes)
    result += decodeCharset(same.length === 1 ? same[0]! : Buffer.concat(same), charset)
    i = to
  }
  return result
}
