import { ADDRESSES_PER_HEADER_MAX } from '../../model/limits.ts'
import type { HeaderAddress } from '../../model/message.ts'
import { isBlank, readComment, readQuoted } from './tokens.ts'

/** How far an encoded word is looked for: RFC 2047 §2 allows 75, senders exceed it. */
const WORD_MAX = 400

/** What has been read of one list entry. */
type Entry = {
  /** Words before an `@` or `<`: the display name, or the local part. */
  readonly words: string[]
  /** Whether a lone dot joins the next word to the last: `a . b` (RFC 5322 §4.4). */
  joined: boolean
  comment: string | null
  /** What stands between angle brackets, or null. */
  angle: { local: string; domain: string } | null
  /** Pieces, from the first `@` outside of angle brackets on; null before it. */
  domain: string[] | null
}

const newEntry = (): Entry => ({ words: [], joined: false, comment: null, angle: null, domain: null })

/**
 * Parses an address-list (RFC 5322 §3.4 with the obsolete forms of §4.4), as IMAP's ENVELOPE shows it: groups as
 * start and end markers, quoting removed, encoded words kept, routes dropped. Never fails: what is no address comes back
 * with an empty host. Looks at each character a bounded number of times.
 * @param text the unfolded value
 * @param max addresses and markers after this many are left out
 */
export function parseAddressList(text: string, max = ADDRESSES_PER_HEADER_MAX): HeaderAddress[] {
  const list: HeaderAddress[] = []
  let entry = newEntry()
  let inGroup = false
  const finish = (): void => {
    const address = toAddress(entry)
    if (address !== null) list.push(address)
    entry = newEntry()
  }
  const endGroup = (): void => {
    if (inGroup) list.push({ name: null, mailbox: null, host: null })
    inGroup = false
  }
  let at = 0
  while (at < text.length && list.length < max) {
    const letter = text[at]!
    if (letter === ',' || letter === ';') {
      finish()
      if (letter === ';') endGroup()
      at++
    } else if (letter === ':' && !inGroup && entry.domain === null && entry.angle === null) {
      list.push({ name: null, mailbox: entry.words.join(' '), host: null })
      inGroup = true
      entry = newEntry()
      at++
    } else if (letter === '<') at = readAngle(text, at, entry)
    else at = readWord(text, at, entry)
  }
  if (list.length < max) finish()
  endGroup()
  return list
}

function toAddress(entry: Entry): HeaderAddress | null {
  const { words, angle, comment } = entry
  if (angle !== null) return { name: nameOf(words, comment), mailbox: angle.local, host: angle.domain }
  if (entry.domain !== null) {
    const local = words.pop() ?? ''
    return { name: nameOf(words, comment), mailbox: local, host: entry.domain.join('') }
  }
  return words.length === 0 ? null : { name: comment, mailbox: words.join(' '), host: '' }
}

function nameOf(words: readonly string[], comment: string | null): string | null {
  const name = words.join(' ')
  return name === '' ? comment : name
}

/** One word, comment, dot or `@` outside of angle brackets. @returns the index after it */
function readWord(text: string, at: number, entry: Entry): number {
  const letter = text[at]!
  if (isBlank(text.charCodeAt(at))) return at + 1
  if (letter === '(') {
    const comment = readComment(text, at)
    if (comment.value !== '') entry.comment = comment.value
    return comment.end
  }
  if (letter === '@') {
    if (entry.domain === null) entry.domain = []
    else entry.domain.push('@')
    return at + 1
  }
  const word = letter === '"' ? readQuoted(text, at) : readAtom(text, at)
  if (word.end === at) return at + 1
  addWord(entry, word.value, letter === '"')
  return word.end
}

function addWord(entry: Entry, word: string, quoted: boolean): void {
  if (entry.domain !== null) {
    // RFC 5322 §4.4 (obs-domain): blanks may stand around the dots only.
    const last = entry.domain.at(-1) ?? '.'
    if (word.startsWith('.') || last.endsWith('.') || last === '@') entry.domain.push(word)
    return
  }
  const joins = entry.joined || (!quoted && word.startsWith('.'))
  if (joins && entry.words.length > 0) entry.words.push(entry.words.pop()! + word)
  else entry.words.push(word)
  entry.joined = !quoted && word.startsWith('.') && word.endsWith('.')
}

/** A run of characters without meaning of their own; an encoded word is one, whatever it holds. */
function readAtom(text: string, at: number): { value: string; end: number } {
  if (text.startsWith('=?', at)) {
    const end = endOfEncodedWord(text, at)
    if (end > 0) return { value: text.slice(at, end), end }
  }
  let end = at
  if (text[at] === '[') {
    while (end < text.length && text[end] !== ']') end++
    return { value: text.slice(at, end + 1), end: Math.min(end + 1, text.length) }
  }
  while (end < text.length && !isSpecial(text.charCodeAt(end))) end++
  return { value: text.slice(at, end), end }
}

/** RFC 5322 §3.2.3 specials that end an atom here; dots stay inside. */
function isSpecial(code: number): boolean {
  switch (code) {
    case 9: // tab
    case 32: // blank
    case 34: // "
    case 40: // (
    case 41: // )
    case 44: // ,
    case 58: // :
    case 59: // ;
    case 60: // <
    case 62: // >
    case 64: // @
    case 91: // [
    case 93: // ]
      return true
    default:
      return false
  }
}

function endOfEncodedWord(text: string, at: number): number {
  const stop = Math.min(text.length, at + WORD_MAX)
  let marks = 0
  for (let i = at + 2; i < stop; i++) {
    const code = text.charCodeAt(i)
    if (isBlank(code)) return 0
    if (code !== 63) continue
    marks++
    if (marks > 2 && text.charCodeAt(i + 1) === 61) return i + 2
  }
  return 0
}

/** `<…>` (RFC 5322 §3.4; §4.4: a route before the colon is dropped). The first pair of an entry counts. */
function readAngle(text: string, at: number, entry: Entry): number {
  const inner = newEntry()
  let i = at + 1
  while (i < text.length && text[i] !== '>') {
    const letter = text[i]!
    if (letter === ':' || letter === '<') {
      Object.assign(inner, newEntry())
      i++
    } else if (letter === ',' && inner.words.length === 0) i++
    else if (letter === ',' || letter === ';') break // Never closed: what follows is not lost.
    else i = readWord(text, i, inner)
  }
  entry.angle ??= { local: inner.words.join(' '), domain: inner.domain?.join('') ?? '' }
  return text[i] === '>' ? i + 1 : i
}
