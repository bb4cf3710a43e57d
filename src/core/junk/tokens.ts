/**
 * What the junk filter looks at: words of the text and of a few header fields, and pairs of words that stand together or
 * with one between, each as a number of 32 bits. What our own verdicts say in the header is not among them.
 */
import { foldForSearch } from '../../format/charset/fold.ts'
import { envelopeText } from '../../format/header/envelope-text.ts'
import { decodeWords } from '../../format/header/words.ts'
import { parameterValue } from '../../format/header/parameters.ts'
import { htmlToText } from '../../format/message/html-text.ts'
import { JUNK_HOSTS_MAX, JUNK_TEXT_MAX_CHARACTERS, JUNK_TOKENS_MAX } from '../../model/limits.ts'
import type { MessageSummary, Part } from '../../model/message.ts'
import { decodedText, type MessageBytes } from '../search/part-text.ts'

const WORD_MIN = 2
const WORD_MAX = 32
const SEED = 0x811c9dc5
const PRIME = 0x01000193
const SLOTS = 4 * JUNK_TOKENS_MAX
/** MIME parts that are looked at. */
const PARTS_MAX = 64

/** Each once; the words themselves only where somebody asks what they were. */
export type Tokens = { readonly hashes: Uint32Array; readonly names: ReadonlyMap<number, string> | null }

/** @throws StoreError */
export async function tokensOf(
  read: MessageBytes,
  { header, root }: MessageSummary,
  { named = false } = {},
): Promise<Tokens> {
  const into = createCollector(named ? new Map() : null)
  const subject = header.subject
  if (subject !== null) into.text('subject', fold(subject))
  const from = envelopeText(header, 'from')
  if (from !== null) into.text('from', fold(from))
  const [author] = header.from
  if (author !== undefined && author.host !== null) into.whole('author', author.host.toLowerCase())
  const [answers] = header.replyTo
  if (answers !== undefined && answers.host !== null && answers.host !== author?.host)
    into.whole('reply-to', answers.host.toLowerCase())
  const left = { characters: JUNK_TEXT_MAX_CHARACTERS, parts: PARTS_MAX }
  await addPart(read, root, into, left)
  return into.take()
}

const fold = (text: string): string => foldForSearch(decodeWords(text.slice(0, 4096)))

async function addPart(
  read: MessageBytes,
  part: Part,
  into: Collector,
  left: { characters: number; parts: number },
): Promise<void> {
  if (left.parts-- <= 0 || left.characters <= 0) return
  if (part.message !== null) return addPart(read, part.message.root, into, left)
  if (part.parts.length > 0) {
    for (const child of part.parts) await addPart(read, child, into, left)
    return
  }
  into.whole('part', `${part.type}/${part.subtype}`)
  if (part.type !== 'text') return
  const charset = parameterValue(part.parameters, 'charset')
  if (charset !== null) into.whole('charset', charset.toLowerCase().slice(0, WORD_MAX))
  let text = ''
  for await (const piece of decodedText(read, part)) {
    text += piece
    if (text.length >= left.characters) break
  }
  text = text.slice(0, left.characters)
  left.characters -= text.length
  if (/https?:/i.test(text)) {
    let hosts = 0
    for (const [, host] of text.matchAll(/https?:\/\/([^\s"'<>/:?#\\]{1,255})/gi)) {
      if (hosts++ >= JUNK_HOSTS_MAX) break
      into.host(host!.toLowerCase())
    }
  }
  into.text('', foldForSearch(part.subtype === 'html' ? htmlToText(text) : text))
}

type Collector = {
  /** Words of a folded text; `field` tells them from the same words elsewhere. */
  text(field: string, folded: string): void
  whole(field: string, value: string): void
  host(name: string): void
  take(): Tokens
}

function createCollector(names: Map<number, string> | null): Collector {
  const slots = new Uint32Array(SLOTS)
  const hashes = new Uint32Array(JUNK_TOKENS_MAX)
  let count = 0

  function add(mixed: number, name: (() => string) | null): void {
    const hash = finish(mixed)
    let at = hash & (SLOTS - 1)
    while (slots[at] !== 0) {
      if (slots[at] === hash) return
      at = (at + 1) & (SLOTS - 1)
    }
    if (count === JUNK_TOKENS_MAX) return
    slots[at] = hash
    hashes[count++] = hash
    if (name !== null) names?.set(hash, name())
  }

  function whole(field: string, value: string): void {
    add(hashText(hashText(SEED, field) ^ 0x3d, value), names === null ? null : () => `${field}=${value}`)
  }

  return {
    text(field, folded) {
      const seed = field === '' ? SEED : hashText(SEED, field)
      const shown = field === '' ? '' : `${field}:`
      let hash = seed
      let start = 0
      let length = 0
      let last = 0
      let lastWord = ''
      let before = 0
      let beforeWord = ''
      const word = (end: number): void => {
        if (length < WORD_MIN && !isIdeograph(folded.charCodeAt(start))) return
        if (length > WORD_MAX) hash = seed ^ (length >> 3)
        const text = names === null ? '' : length > WORD_MAX ? '<long>' : folded.slice(start, end).toLowerCase()
        const [one, two] = [last, before]
        const [oneWord, twoWord] = [lastWord, beforeWord]
        add(hash, names === null ? null : () => shown + text)
        if (one !== 0) add(Math.imul(one, PRIME) ^ hash, names === null ? null : () => `${shown}${oneWord} ${text}`)
        if (two !== 0)
          add(Math.imul(two ^ 0x55, PRIME) ^ hash, names === null ? null : () => `${shown}${twoWord} _ ${text}`)
        before = last
        beforeWord = lastWord
        last = hash
        lastWord = text
      }
      for (let at = 0; at < folded.length; at++) {
        if (count === JUNK_TOKENS_MAX) return
        const code = folded.charCodeAt(at)
        const joins = isWord(code)
        if (joins && length === 0) start = at
        if (joins) {
          hash = Math.imul(hash ^ code, PRIME)
          length++
        }
        if (length > 0 && (!joins || at === folded.length - 1 || isIdeograph(code))) {
          word(joins ? at + 1 : at)
          hash = seed
          length = 0
        }
      }
    },
    whole,
    host(name) {
      whole('url', name)
      const parent = name.split('.').slice(-2).join('.')
      if (parent !== name) whole('url', parent)
    },
    take: () => ({ hashes: hashes.slice(0, count), names }),
  }
}

/** Letters and digits of all scripts, and what stands in prices and names; U+2000 on are spaces and punctuation. */
function isWord(code: number): boolean {
  if (code < 0x80)
    return (
      (code >= 65 && code <= 90) ||
      (code >= 97 && code <= 122) ||
      (code >= 48 && code <= 57) ||
      code === 0x24 ||
      code === 0x21 ||
      code === 0x27 ||
      code === 0x2d
    )
  if (code < 0xc0) return code === 0xa3
  return !((code >= 0x2000 && code <= 0x206f) || (code >= 0x3000 && code <= 0x303f))
}

/** A word of its own each: such scripts write no spaces. */
const isIdeograph = (code: number): boolean => code >= 0x3040 && code <= 0x9fff

function hashText(seed: number, text: string): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME)
  return hash
}

/** Spreads all bits (MurmurHash3's last step); never 0. */
function finish(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  h ^= h >>> 16
  return h >>> 0 || 1
}
