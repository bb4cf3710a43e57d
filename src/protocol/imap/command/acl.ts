import { isRight, type Right } from '../../../model/rights.ts'
import { Fault, type Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'

export type SetAclArgs = {
  readonly mailbox: string
  readonly identifier: string
  readonly mode: 'add' | 'remove' | 'replace'
  readonly rights: readonly Right[]
}

/** DELETEACL, LISTRIGHTS (RFC 4314 §7). */
export function parseMailboxIdentifier(cursor: Cursor, form: NameForm): { mailbox: string; identifier: string } {
  cursor.space()
  const mailbox = parseMailbox(cursor, form)
  cursor.space()
  return { mailbox, identifier: parseIdentifier(cursor) }
}

/** RFC 4314 §7 setacl. */
export function parseSetAcl(cursor: Cursor, form: NameForm): SetAclArgs {
  const named = parseMailboxIdentifier(cursor, form)
  cursor.space()
  const text = cursor.astring()
  const sign = text[0]
  const mode = sign === '+' ? 'add' : sign === '-' ? 'remove' : 'replace' // RFC 4314 §3.1
  return { ...named, mode, rights: parseRights(mode === 'replace' ? text : text.slice(1)) }
}

/** RFC 4314 §3: SASLprep; here as far as names of accounts go, in which nothing is left that it maps to nothing. */
function parseIdentifier(cursor: Cursor): string {
  const identifier = cursor.astring().normalize('NFKC')
  if (identifier === '' || /[\0-\x1f\x7f]/.test(identifier)) throw new Fault('That is no identifier')
  return identifier
}

/** RFC 4314 §2.1.1: "c" and "d" stand for others. Choice: "c" for "k" and "x", "d" for "e" and "t". */
const OLD: Readonly<Record<string, readonly Right[]>> = { c: ['k', 'x'], d: ['e', 't'] }

function parseRights(text: string): Right[] {
  const rights = new Set<Right>()
  for (const letter of text) {
    if (isRight(letter)) rights.add(letter)
    else if (OLD[letter] !== undefined) for (const right of OLD[letter]) rights.add(right)
    // RFC 4314 §3.1: never passed over.
    else
      throw new Fault(
        /[A-Z]/.test(letter) ? 'Uppercase rights are not allowed' : `The ${printable(letter)} right is not supported`,
      )
  }
  return [...rights]
}

const printable = (letter: string): string => (/^[!-~]$/.test(letter) ? letter : 'given')
