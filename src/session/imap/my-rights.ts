import type { MailboxView } from '../../core/contract.ts'
import { RIGHTS, type Rights } from '../../model/rights.ts'
import { toWire } from '../../protocol/imap/mailbox-name.ts'
import { printAstring } from '../../protocol/imap/print.ts'
import { untagged, type Session } from './command.ts'

/** RFC 4314 §2.1.1: "d" and "c" for clients that know no more, beside what they stand for. Choice: "c" is k and x, "d" e and t. */
export function printedRights(rights: Rights): string {
  const old = (rights.has('k') || rights.has('x') ? 'c' : '') + (rights.has('e') || rights.has('t') ? 'd' : '')
  const text = RIGHTS.filter((right) => rights.has(right)).join('') + old
  return text === '' ? '""' : text
}

/** RFC 4314 §3.8. */
export const printMyRights = ({ form, utf8 }: Pick<Session, 'form' | 'utf8'>, mailbox: MailboxView): string =>
  untagged(`MYRIGHTS ${printAstring(toWire(mailbox.name, form()), utf8())} ${printedRights(mailbox.rights)}`)
