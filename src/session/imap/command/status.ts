import type { Mailboxes } from '../../../core/contract.ts'
import type { MailboxInfo } from '../../../model/mailbox.ts'
import { parseStatus, type StatusItem } from '../../../protocol/imap/command/status.ts'
import { toWire, type NameForm } from '../../../protocol/imap/mailbox-name.ts'
import { printAstring } from '../../../protocol/imap/print.ts'
import { command, ok, untagged } from '../command.ts'
import { mailboxIdText } from '../object-id.ts'
import { lacks, problem } from '../problems.ts'

export const status = command({
  name: 'STATUS',
  rfc: 'RFC 9051 §6.3.11',
  capability: 'STATUS=SIZE',
  states: ['logged-in', 'selected'],
  parse: parseStatus,
  async *run(conversation, { mailbox, items }) {
    const { enabled, state } = conversation
    const info = await state.handle.find(mailbox)
    const refused = lacks(info, 'r') // RFC 4314 §4
    if (info === null || refused !== null) return refused ?? problem({ at: 'not-found' })
    if (items.includes('HIGHESTMODSEQ')) enabled.add('CONDSTORE') // RFC 7162 §3.1: an enabling command
    yield await statusOf(state.handle, info, items, conversation)
    return ok('Status completed')
  },
})

type StatusOptions = {
  form(): NameForm
  readonly messageMaxOctets: number
  /** Where it is asked for. */
  readonly deletedOctets?: number
}

/** As `printStatus`, with what has to be counted first. */
export async function statusOf(
  handle: Mailboxes,
  info: MailboxInfo,
  items: readonly StatusItem[],
  { form, messageMaxOctets }: StatusOptions,
): Promise<string> {
  const deletedOctets = items.includes('DELETED-STORAGE') ? await handle.deletedOctets(info.mailboxId) : 0
  return printStatus(info, items, { form, messageMaxOctets, deletedOctets })
}

export function printStatus(info: MailboxInfo, items: readonly StatusItem[], options: StatusOptions): string {
  const form = options.form()
  const values = items.map((item) => `${item} ${valueOf(info, item, options)}`)
  return untagged(`STATUS ${printAstring(toWire(info.name, form), form === 'utf8')} (${values.join(' ')})`)
}

function valueOf(
  info: MailboxInfo,
  item: StatusItem,
  { messageMaxOctets, deletedOctets = 0 }: StatusOptions,
): number | string {
  switch (item) {
    case 'MESSAGES':
      return info.messages
    case 'RECENT':
      return 0 // Choice: no message is \Recent; telling would need a write at every SELECT.
    case 'UIDNEXT':
      return info.uidNext
    case 'UIDVALIDITY':
      return info.uidValidity
    case 'UNSEEN':
      return info.unseen
    case 'DELETED':
      return info.deleted
    case 'DELETED-STORAGE':
      return deletedOctets
    case 'SIZE':
      return info.sizeOctets
    case 'HIGHESTMODSEQ':
      return info.highestModSeq
    case 'APPENDLIMIT':
      return messageMaxOctets
    case 'MAILBOXID':
      return `(${mailboxIdText(info.mailboxId)})`
  }
}
