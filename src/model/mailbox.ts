import type { MailboxId, MessageKey, ModSeq, Uid, UidValidity } from './ids.ts'

/** RFC 6154, without the backslash. */
export type SpecialUse = 'Archive' | 'Drafts' | 'Junk' | 'Sent' | 'Trash'

export const SPECIAL_USES: readonly SpecialUse[] = ['Archive', 'Drafts', 'Junk', 'Sent', 'Trash']

/** The annotation that tells and sets it (RFC 6154 §4). */
export const SPECIAL_USE_ENTRY = '/private/specialuse'

/**
 * A flag as IMAP writes it: `\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, or a keyword.
 * System flags have exactly this case; keywords keep the case they were first stored with, and compare without it.
 */
export type Flag = string

export const SYSTEM_FLAGS = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'] as const

/** A mailbox is a folder (RFC 9051). `name` is decoded UTF-8 with `/` as delimiter; the inbox is `INBOX`. */
export type MailboxInfo = {
  readonly mailboxId: MailboxId
  readonly name: string
  readonly specialUse: SpecialUse | null
  readonly subscribed: boolean
  readonly uidValidity: UidValidity
  readonly uidNext: Uid
  readonly highestModSeq: ModSeq
  readonly messages: number
  readonly unseen: number
  readonly deleted: number
  readonly sizeOctets: number
}

/** A message's place in one mailbox. */
export type MailboxEntry = {
  readonly uid: Uid
  readonly modSeq: ModSeq
  readonly flags: readonly Flag[]
  /** Epoch milliseconds (RFC 9051 §2.3.3 INTERNALDATE). */
  readonly internalDate: number
  /** Epoch milliseconds of arrival in this mailbox (RFC 8514). */
  readonly savedAt: number
  readonly sizeOctets: number
  readonly messageKey: MessageKey
}

/** Inclusive range of uids; `to` may be 4294967295 for `*` past the end. */
export type UidRange = { readonly from: Uid; readonly to: Uid }
