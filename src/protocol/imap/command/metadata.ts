import { ANNOTATION_NAME_MAX_OCTETS } from '../../../model/limits.ts'
import { Fault, type Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'

/** `mailbox` empty: the server. Entries are lower-case. */
export type GetMetadataArgs = {
  readonly mailbox: string
  readonly entries: readonly string[]
  /** Levels below each entry. */
  readonly depth: 0 | 1 | 'infinity'
  readonly maxSizeOctets: number | null
}

export type SetMetadataArgs = {
  readonly mailbox: string
  readonly changes: readonly { readonly entry: string; readonly value: Buffer | null }[]
}

/** RFC 5464 §5 getmetadata. The examples of §4.2 have the options behind the mailbox: both are taken. */
export function parseGetMetadata(cursor: Cursor, form: NameForm): GetMetadataArgs {
  const options: Options = { depth: 0, maxSizeOctets: null }
  cursor.space()
  if (cursor.peek() === LPAREN) parseOptions(cursor, options)
  const mailbox = parseMailbox(cursor, form)
  cursor.space()
  if (cursor.peek() === LPAREN && isLetter(cursor.bytes[cursor.at + 1])) parseOptions(cursor, options)
  const entries = parseEntries(cursor)
  while (cursor.skip(' ')) entries.push(parseEntry(cursor)) // The example of RFC 5464 §4.4.1.
  return { mailbox, entries: [...new Set(entries)], ...options }
}

const LPAREN = 0x28
const isLetter = (octet: number | undefined): boolean =>
  octet !== undefined && /[a-z]/i.test(String.fromCharCode(octet))

type Options = { depth: GetMetadataArgs['depth']; maxSizeOctets: number | null }

function parseOptions(cursor: Cursor, options: Options): void {
  cursor.list(() => {
    const name = cursor.word()
    cursor.space()
    if (name === 'MAXSIZE') options.maxSizeOctets = cursor.number()
    else if (name === 'DEPTH') options.depth = parseDepth(cursor)
    else throw new Fault(`Unknown option ${name}`)
  })
  cursor.space()
}

function parseDepth(cursor: Cursor): GetMetadataArgs['depth'] {
  const depth = cursor.word()
  if (depth === '0') return 0
  if (depth === '1') return 1
  if (depth === 'INFINITY') return 'infinity'
  throw new Fault('DEPTH is 0, 1 or infinity')
}

/** One entry, or a list of them. */
export function parseEntries(cursor: Cursor): string[] {
  return cursor.peek() === LPAREN ? cursor.list(() => parseEntry(cursor)) : [parseEntry(cursor)]
}

/** RFC 5464 §3.2. */
export function parseEntry(cursor: Cursor): string {
  const name = cursor.astring().toLowerCase()
  if (!/^\/(private|shared)(\/|$)/.test(name)) throw new Fault('Entries begin with /private or /shared')
  if (/[*%]|[^\x1a-\x7e]/.test(name)) throw new Fault('Character that no entry has') // RFC 5464 §3.2
  if (name.includes('//') || name.endsWith('/')) throw new Fault('Empty part in an entry')
  if (name.length > ANNOTATION_NAME_MAX_OCTETS)
    throw new Fault('Name of an entry is too long', { status: 'NO', code: 'LIMIT' })
  return name
}

/** RFC 5464 §5 setmetadata. */
export function parseSetMetadata(cursor: Cursor, form: NameForm): SetMetadataArgs {
  cursor.space()
  const mailbox = parseMailbox(cursor, form)
  cursor.space()
  const changes = cursor.list(() => {
    const entry = parseEntry(cursor)
    const parts = entry.split('/').length - 1
    // RFC 5464 §3.2: two components, four where a vendor's begin.
    if (parts < (/^\/[a-z]+\/vendor(\/|$)/.test(entry) ? 4 : 2)) throw new Fault('Name of an entry is too short')
    cursor.space()
    if (cursor.looksAt('NIL')) {
      cursor.at += 3
      return { entry, value: null }
    }
    return { entry, value: cursor.octets() }
  })
  // The last of two values for one entry counts.
  return { mailbox, changes: [...new Map(changes.map((change) => [change.entry, change])).values()] }
}
