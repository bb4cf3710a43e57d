import { Fault, type Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'
import { parseUidSet, type NumberRange } from '../sequence-set.ts'

/** RFC 7162 §3.2.5. Sets as they came. */
export type QresyncArgs = {
  readonly uidValidity: number
  readonly modSeq: number
  readonly knownUids: readonly NumberRange[] | null
  readonly match: { readonly numbers: readonly NumberRange[]; readonly uids: readonly NumberRange[] } | null
}

export type SelectArgs = {
  readonly mailbox: string
  readonly condstore: boolean
  readonly qresync: QresyncArgs | null
}

/** SELECT and EXAMINE (RFC 9051 §6.3.2, RFC 4466 §2.1). */
export function parseSelect(cursor: Cursor, form: NameForm): SelectArgs {
  cursor.space()
  const mailbox = parseMailbox(cursor, form)
  let condstore = false
  let qresync: QresyncArgs | null = null
  if (cursor.skip(' ')) {
    cursor.list(() => {
      const name = cursor.word()
      if (name === 'CONDSTORE') condstore = true
      else if (name === 'QRESYNC') qresync = parseQresync(cursor)
      else throw new Fault(`Unknown parameter ${name}`)
    })
  }
  return { mailbox, condstore, qresync }
}

function parseQresync(cursor: Cursor): QresyncArgs {
  cursor.space()
  cursor.open()
  const uidValidity = cursor.nzNumber()
  cursor.space()
  const modSeq = cursor.modSeq()
  if (modSeq === 0) throw new Fault('Mod-sequence must be above zero')
  let knownUids: readonly NumberRange[] | null = null
  let match: QresyncArgs['match'] = null
  if (cursor.skip(' ')) {
    if (cursor.peek() !== 0x28) knownUids = parseUidSet(cursor)
    if (knownUids === null || cursor.skip(' ')) {
      cursor.open()
      const numbers = parseUidSet(cursor)
      cursor.space()
      match = { numbers, uids: parseUidSet(cursor) }
      cursor.close()
    }
  }
  cursor.close()
  return { uidValidity, modSeq, knownUids, match }
}
