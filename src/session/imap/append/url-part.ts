import type { Mailboxes, StoredMessage } from '../../../core/contract.ts'
import type { MailboxId, Uid } from '../../../model/ids.ts'
import { parseMessagePath, type MessageUrl } from '../../../protocol/imap/url.ts'
import type { ImapState } from '../command.ts'
import { openSection, type SectionOctets } from '../fetch/body.ts'

/** Null, whatever is wrong: the client hears which URL, not what it would have found (S27). */
export type UrlPart = SectionOctets | null

/** What CATENATE's URL names (RFC 4469 §3): paths only, within the account of the session. @throws StoreError */
export async function partOfUrl(url: string, state: Exclude<ImapState, { at: 'connected' }>): Promise<UrlPart> {
  const named = parseMessagePath(url)
  if (named === null) return null
  const selectedId = state.at === 'selected' ? state.selected.mailboxId : null
  const found =
    named.mailbox !== null
      ? await state.handle.find(named.mailbox)
      : selectedId === null
        ? null
        : await state.handle.info(selectedId)
  if (found === null || !found.rights.has('r')) return null
  if (named.uidValidity !== null && named.uidValidity !== found.uidValidity) return null
  return openPart(state.handle, found.mailboxId, named)
}

/** @throws StoreError */
export async function openPart(handle: Mailboxes, mailboxId: MailboxId, named: MessageUrl): Promise<UrlPart> {
  const message = await messageWith(handle, mailboxId, named.uid as Uid)
  return message === null ? null : openSection(handle, message, named)
}

async function messageWith(handle: Mailboxes, mailboxId: MailboxId, uid: Uid): Promise<StoredMessage | null> {
  for await (const batch of handle.messages(mailboxId, [{ from: uid, to: uid }])) {
    for (const message of batch) return message
  }
  return null
}
