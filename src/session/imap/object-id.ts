import type { MailboxId, MessageKey } from '../../model/ids.ts'

/** RFC 8474 §4: ids differ by kind, so that one can never be mistaken for another. */
export const mailboxIdText = (mailboxId: MailboxId): string => `F${mailboxId}`
export const emailIdText = (messageKey: MessageKey): string => `M${messageKey}`

/** The message key that an EMAILID names, or null. */
export function messageKeyOf(emailId: string): number | null {
  return /^M\d{1,15}$/.test(emailId) ? Number(emailId.slice(1)) : null
}
