import { Fault, type Cursor } from './cursor.ts'

/** RFC 9051 §6.4.5 section-spec. `parts` empty is the whole message. */
export type Section = {
  readonly parts: readonly number[]
  readonly text: 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME' | null
  /** Of HEADER.FIELDS and HEADER.FIELDS.NOT, as the client wrote them. */
  readonly fields: readonly string[]
}

/** `<start.count>`. */
export type Partial = { readonly start: number; readonly count: number }

const PLAIN_NAMES = [
  'UID',
  'FLAGS',
  'INTERNALDATE',
  'RFC822.SIZE',
  'ENVELOPE',
  'BODY',
  'BODYSTRUCTURE',
  'MODSEQ',
  'EMAILID',
  'THREADID',
  'SAVEDATE', // RFC 8514 §4.2
] as const

type PlainName = (typeof PLAIN_NAMES)[number]

export type FetchItem =
  | { readonly item: PlainName }
  | {
      readonly item: 'section'
      /** Sets \Seen. */
      readonly marks: boolean
      readonly section: Section
      readonly partial: Partial | null
      /** What the response calls it, e.g. `BODY[1.MIME]` or `RFC822.TEXT`; a partial adds its origin. */
      readonly label: string
    }
  | {
      readonly item: 'binary'
      readonly marks: boolean
      readonly parts: readonly number[]
      readonly partial: Partial | null
    }
  | { readonly item: 'binary-size'; readonly parts: readonly number[] }
  | {
      readonly item: 'PREVIEW'
      /** Only what is at hand (RFC 8970 §4.1). */
      readonly lazy: boolean
    }

const plain = (...names: readonly PlainName[]): FetchItem[] => names.map((item) => ({ item }))

/** RFC 9051 §6.4.5. */
const MACROS: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ['ALL', plain('FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE')],
  ['FAST', plain('FLAGS', 'INTERNALDATE', 'RFC822.SIZE')],
  ['FULL', plain('FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY')],
])

const PLAIN: ReadonlySet<string> = new Set(PLAIN_NAMES)

const legacy = (label: string, text: Section['text'], marks: boolean): FetchItem => ({
  item: 'section',
  marks,
  section: { parts: [], text, fields: [] },
  partial: null,
  label,
})

/** RFC 3501 §6.4.5; gone from IMAP4rev2. */
const LEGACY: ReadonlyMap<string, FetchItem> = new Map([
  ['RFC822', legacy('RFC822', null, true)],
  ['RFC822.HEADER', legacy('RFC822.HEADER', 'HEADER', false)],
  ['RFC822.TEXT', legacy('RFC822.TEXT', 'TEXT', true)],
])

/** One item, a macro, or a list of items. Doubled items are dropped. */
export function parseFetchItems(cursor: Cursor): FetchItem[] {
  if (cursor.peek() === 0x28) {
    const seen = new Map<string, FetchItem>()
    for (const item of cursor.list(() => parseItem(cursor))) seen.set(JSON.stringify(item), item)
    return [...seen.values()]
  }
  for (const [name, items] of MACROS) if (cursor.skip(name)) return [...items]
  return [parseItem(cursor)]
}

function itemName(cursor: Cursor): string {
  const start = cursor.at
  for (let c = cursor.peek(); isNameChar(c); c = cursor.peek()) cursor.at++
  return cursor.bytes.toString('latin1', start, cursor.at).toUpperCase()
}

const isNameChar = (c: number): boolean =>
  (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === 0x2e

function parseItem(cursor: Cursor): FetchItem {
  const name = itemName(cursor)
  if (cursor.peek() === 0x5b) {
    if (name === 'BODY' || name === 'BODY.PEEK') return sectionItem(cursor, name === 'BODY')
    if (name === 'BINARY' || name === 'BINARY.PEEK') {
      const parts = binarySection(cursor)
      return { item: 'binary', marks: name === 'BINARY', parts, partial: parsePartial(cursor) }
    }
    if (name === 'BINARY.SIZE') return { item: 'binary-size', parts: binarySection(cursor) }
  }
  if (name === 'PREVIEW') return { item: name, lazy: isLazy(cursor) }
  if (PLAIN.has(name)) return { item: name as PlainName }
  const old = LEGACY.get(name)
  if (old !== undefined) return old
  throw new Fault(`Unknown fetch item ${name}`)
}

/** RFC 8970 §6. A list after a lone item may also be FETCH's own modifiers. */
function isLazy(cursor: Cursor): boolean {
  if (!cursor.looksAt(' (LAZY')) return false
  cursor.space()
  cursor.list(() => cursor.expect('LAZY'))
  return true
}

function sectionItem(cursor: Cursor, marks: boolean): FetchItem {
  cursor.expect('[')
  const section = parseSection(cursor)
  cursor.expect(']')
  return { item: 'section', marks, section, partial: parsePartial(cursor), label: `BODY[${printSection(section)}]` }
}

const TEXTS = ['HEADER.FIELDS.NOT', 'HEADER.FIELDS', 'HEADER', 'TEXT', 'MIME'] as const

/** The inside of the brackets. */
export function parseSection(cursor: Cursor): Section {
  const parts = partNumbers(cursor)
  if (parts.length > 0 && !cursor.skip('.')) return { parts, text: null, fields: [] }
  if (cursor.peek() === 0x5d) {
    if (parts.length > 0) throw new Fault('Section ends with a dot')
    return { parts, text: null, fields: [] }
  }
  const text = TEXTS.find((name) => cursor.skip(name))
  if (text === undefined) throw new Fault('Unknown section')
  if (text === 'MIME' && parts.length === 0) throw new Fault('MIME needs a part number') // RFC 9051 §6.4.5
  if (!text.startsWith('HEADER.FIELDS')) return { parts, text, fields: [] }
  cursor.space()
  return { parts, text, fields: cursor.list(() => cursor.astring()) }
}

/** `1.2.3`, leaving a dot that no number follows. */
function partNumbers(cursor: Cursor): number[] {
  const parts: number[] = []
  const isDigit = (c: number | undefined): boolean => c !== undefined && c >= 0x30 && c <= 0x39
  if (!isDigit(cursor.peek())) return parts
  parts.push(cursor.nzNumber())
  while (cursor.peek() === 0x2e && isDigit(cursor.bytes[cursor.at + 1])) {
    cursor.at++
    parts.push(cursor.nzNumber())
  }
  return parts
}

function binarySection(cursor: Cursor): number[] {
  cursor.expect('[')
  const parts = partNumbers(cursor)
  cursor.expect(']')
  return parts
}

function parsePartial(cursor: Cursor): Partial | null {
  if (!cursor.skip('<')) return null
  const start = cursor.number()
  cursor.expect('.')
  const count = cursor.number()
  if (count === 0) throw new Fault('Partial of no octets')
  cursor.expect('>')
  return { start, count }
}

export function printSection(section: Section): string {
  const numbers = section.parts.join('.')
  if (section.text === null) return numbers
  const text = numbers === '' ? section.text : `${numbers}.${section.text}`
  return section.fields.length === 0 ? text : `${text} (${section.fields.map(fieldName).join(' ')})`
}

const fieldName = (name: string): string =>
  /^[\w-]+$/.test(name) ? name : `"${name.replaceAll(/["\\]/g, (c) => `\\${c}`).replaceAll(/[\r\n]/g, '')}"`
