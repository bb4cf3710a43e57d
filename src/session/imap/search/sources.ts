import type { Mailboxes, MailboxView } from '../../../core/contract.ts'
import type { MailboxId } from '../../../model/ids.ts'
import type { SearchSource } from '../../../protocol/imap/command/esearch.ts'

/**
 * The mailboxes that sources name, each once, in the order of the list; those that may not be read, or found where they
 * were not named, are left out (RFC 7377 §2.2).
 */
export async function searchedMailboxes(
  handle: Mailboxes,
  sources: readonly SearchSource[],
  selected: MailboxId | null,
): Promise<readonly MailboxView[]> {
  const list = await handle.list()
  const wanted = new Set<MailboxId>()
  /** Named ones that the list does not show. */
  const hidden: MailboxView[] = []
  for (const source of sources) {
    if ('names' in source) {
      const tops: MailboxView[] = []
      for (const name of source.names) {
        const found = await handle.find(name)
        if (found !== null) tops.push(found)
        if (found?.rights.has('r') !== true || wanted.has(found.mailboxId)) continue
        wanted.add(found.mailboxId)
        if (!list.some(({ mailboxId }) => mailboxId === found.mailboxId)) hidden.push(found)
      }
      if (source.of === 'mailboxes') continue
      const deep = source.of === 'subtree'
      // A name without a mailbox may have some below it.
      const names = new Set([...source.names, ...tops.map(({ name }) => name)])
      for (const info of list) if (isSeen(info) && isUnder(info.name, names, { deep })) wanted.add(info.mailboxId)
    } else if (source.of === 'selected') {
      if (selected !== null) wanted.add(selected)
    } else {
      for (const info of list) {
        // Choice: filters may deliver anywhere, so all mailboxes of one's own are inboxes (RFC 5465 §6.3).
        const holds = source.of === 'subscribed' ? info.subscribed : info.owner === null
        if (holds && isSeen(info)) wanted.add(info.mailboxId)
      }
    }
  }
  return [...list.filter(({ mailboxId }) => wanted.has(mailboxId)), ...hidden]
}

const isSeen = ({ rights }: MailboxView): boolean => rights.has('l') && rights.has('r')

function isUnder(name: string, tops: ReadonlySet<string>, { deep }: { deep: boolean }): boolean {
  for (let cut = name.lastIndexOf('/'); cut > 0; cut = name.lastIndexOf('/', cut - 1)) {
    if (tops.has(name.slice(0, cut))) return true
    if (!deep) return false
  }
  return false
}
