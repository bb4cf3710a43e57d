import type { SpecialUse } from '../../../model/mailbox.ts'
import { Fault, type Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'

/** DELETE, SUBSCRIBE, UNSUBSCRIBE: one mailbox. */
export function parseOneMailbox(cursor: Cursor, form: NameForm): { mailbox: string } {
  cursor.space()
  return { mailbox: parseMailbox(cursor, form) }
}

/** RFC 9051 §6.3.6. */
export function parseRename(cursor: Cursor, form: NameForm): { from: string; to: string } {
  cursor.space()
  const from = parseMailbox(cursor, form)
  cursor.space()
  return { from, to: parseMailbox(cursor, form) }
}

/** The special uses that a mailbox may be given, by their upper-case names (RFC 6154 §2). */
const USES: ReadonlyMap<string, SpecialUse> = new Map(
  (['Archive', 'Drafts', 'Junk', 'Sent', 'Trash'] as const).map((use) => [use.toUpperCase(), use]),
)

/** RFC 9051 §6.3.4 with RFC 6154 §3 USE. A delimiter at the end only says that children will follow. */
export function parseCreate(cursor: Cursor, form: NameForm): { mailbox: string; specialUse: SpecialUse | null } {
  cursor.space()
  const name = parseMailbox(cursor, form)
  const mailbox = name.length > 1 && name.endsWith('/') ? name.slice(0, -1) : name
  let uses: (SpecialUse | null)[] = []
  if (cursor.skip(' ')) {
    cursor.expect('(USE ')
    uses = cursor.list(
      () => {
        cursor.expect('\\')
        return USES.get(cursor.word()) ?? null
      },
      { empty: true },
    )
    cursor.expect(')')
  }
  // RFC 6154 §3: uses that we cannot give (also more than one) are refused with USEATTR.
  if (uses.length > 1 || uses.includes(null)) throw new Fault('No such special use', { status: 'NO', code: 'USEATTR' })
  return { mailbox, specialUse: uses[0] ?? null }
}
