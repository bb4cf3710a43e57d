import { Fault, type Cursor } from '../cursor.ts'
import { fromWire, type NameForm } from '../mailbox-name.ts'
import { parseEntry } from './metadata.ts'
import { parseStatusItems, type StatusItem } from './status.ts'

export type ListArgs = {
  readonly reference: string
  readonly patterns: readonly string[]
  readonly select: { readonly subscribed: boolean; readonly recursive: boolean; readonly specialUse: boolean }
  /** The extended form (RFC 5258): attributes beyond the plain ones are told. */
  readonly extended: boolean
  readonly returns: {
    readonly subscribed: boolean
    readonly children: boolean
    readonly specialUse: boolean
    readonly status: readonly StatusItem[]
    /** RFC 9590 §3. */
    readonly metadata: readonly string[]
    /** RFC 8440 §3. */
    readonly myRights: boolean
  }
}

/** RFC 9051 §6.3.9. */
export function parseList(cursor: Cursor, form: NameForm): ListArgs {
  cursor.space()
  let selected: string[] | null = null
  if (cursor.peek() === 0x28) {
    selected = cursor.list(() => cursor.word(), { empty: true })
    cursor.space()
  }
  const reference = fromWire(cursor.astring(), form)
  cursor.space()
  const many = cursor.peek() === 0x28
  const pattern = (): string => patternOf(cursor.listMailbox(), form)
  const patterns = many ? cursor.list(pattern, { empty: true }) : [pattern()]
  const returns: Returns = {
    subscribed: false,
    children: false,
    specialUse: false,
    status: [],
    metadata: [],
    myRights: false,
  }
  const returning = cursor.skip(' ')
  if (returning) {
    cursor.expect('RETURN ')
    cursor.list(() => returnOption(cursor, returns), { empty: true })
  }
  return {
    reference,
    patterns,
    select: selection(selected ?? []),
    extended: selected !== null || many || returning,
    returns,
  }
}

/** RFC 3501 §6.3.9; gone from IMAP4rev2. */
export function parseLsub(cursor: Cursor, form: NameForm): { reference: string; pattern: string } {
  cursor.space()
  const reference = fromWire(cursor.astring(), form)
  cursor.space()
  return { reference, pattern: patternOf(cursor.listMailbox(), form) }
}

/** A pattern that is no modified UTF-7 (say, `a&*`) is matched as it stands: it may only name less. */
function patternOf(wire: string, form: NameForm): string {
  try {
    return fromWire(wire, form)
  } catch (error) {
    if (error instanceof Fault) return wire
    throw error
  }
}

function selection(options: readonly string[]): ListArgs['select'] {
  const known = new Set(['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'])
  for (const option of options) if (!known.has(option)) throw new Fault(`Unknown selection option ${option}`)
  const subscribed = options.includes('SUBSCRIBED')
  const specialUse = options.includes('SPECIAL-USE')
  const recursive = options.includes('RECURSIVEMATCH')
  // RFC 5258 §3.1: RECURSIVEMATCH needs a base option.
  if (recursive && !subscribed && !specialUse) throw new Fault('RECURSIVEMATCH needs another selection option')
  return { subscribed, recursive, specialUse }
}

type Returns = { -readonly [K in keyof ListArgs['returns']]: ListArgs['returns'][K] }

function returnOption(cursor: Cursor, returns: Returns): void {
  const name = cursor.word()
  if (name === 'SUBSCRIBED') returns.subscribed = true
  else if (name === 'CHILDREN') returns.children = true
  else if (name === 'SPECIAL-USE') returns.specialUse = true
  else if (name === 'MYRIGHTS') returns.myRights = true
  else if (name === 'METADATA') {
    cursor.space()
    returns.metadata = cursor.list(() => parseEntry(cursor))
  } else if (name === 'STATUS') {
    cursor.space()
    returns.status = parseStatusItems(cursor)
  } else throw new Fault(`Unknown return option ${name}`)
}
