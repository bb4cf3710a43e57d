/** One address of a header, as IMAP's ENVELOPE shows it (RFC 9051 §7.5.2). Raw as in the header (encoded words kept), unfolded. */
export type HeaderAddress = {
  /** Display name or null. In a group-start marker: null. */
  readonly name: string | null
  /** Local part without quoting; in a group-start marker: the group's name; in a group-end marker: null. */
  readonly mailbox: string | null
  /** Domain; empty when none is written; null marks group start or end. */
  readonly host: string | null
}

/**
 * IMAP's ENVELOPE. Strings are as in the header, unfolded, encoded words kept. Lists are empty when the field is absent:
 * IMAP shows From in place of an empty Sender and Reply-To (RFC 9051 §7.5.2).
 */
export type HeaderSummary = {
  readonly date: string | null
  readonly subject: string | null
  readonly from: readonly HeaderAddress[]
  readonly sender: readonly HeaderAddress[]
  readonly replyTo: readonly HeaderAddress[]
  readonly to: readonly HeaderAddress[]
  readonly cc: readonly HeaderAddress[]
  readonly bcc: readonly HeaderAddress[]
  readonly inReplyTo: string | null
  readonly messageId: string | null
}

/** As in the header, RFC 2231 pieces neither joined nor decoded (`parameterValue` of format/header does that); without quoting. */
export type Parameters = readonly (readonly [name: string, value: string])[]

/**
 * A node of the MIME tree with the place of its octets in the stored message.
 * `headerStart` … `bodyStart` is the part's header with the empty line; `bodyStart` … `bodyEnd` its body.
 */
export type Part = {
  /** Lower-case, e.g. `text`, `plain`. */
  readonly type: string
  readonly subtype: string
  readonly parameters: Parameters
  readonly contentId: string | null
  readonly description: string | null
  /** Lower-case; `7bit` when absent. */
  readonly encoding: string
  readonly disposition: { readonly type: string; readonly parameters: Parameters } | null
  readonly language: readonly string[]
  readonly location: string | null
  readonly md5: string | null
  readonly headerStart: number
  readonly bodyStart: number
  readonly bodyEnd: number
  /** Lines of the body (RFC 9051 §7.5.2), a last one without a line break counted. */
  readonly lines: number
  /** Children of a multipart. */
  readonly parts: readonly Part[]
  /** The message inside a message/rfc822 or message/global, with its ENVELOPE. */
  readonly message: { readonly summary: HeaderSummary; readonly root: Part } | null
}

/**
 * What SORT and THREAD compare (RFC 5256, RFC 5957), made once by the scan at ingest. Texts are folded for
 * i;unicode-casemap (RFC 5051), without tabs, line breaks and NUL; `''` where the field is missing.
 */
export type SortKeys = {
  /** Date header as epoch milliseconds; null: INTERNALDATE stands in (RFC 5256 §2.2). */
  readonly sentAt: number | null
  /** Base subject. */
  readonly subject: string
  /** The subject says that it is a reply or was forwarded. */
  readonly isReply: boolean
  /** addr-mailbox of the first address of each. */
  readonly from: string
  readonly to: string
  readonly cc: string
  readonly displayFrom: string
  readonly displayTo: string
  /** A digest that stands for the Message-ID; of letters, digits, `-` and `_`. */
  readonly messageId: string | null
  /** Digests of the ids that THREAD goes by, oldest first; a few may be left out. */
  readonly references: readonly string[]
}

/** What one scan at ingest keeps, so that listing never opens a body. */
export type MessageSummary = {
  readonly sizeOctets: number
  readonly header: HeaderSummary
  readonly root: Part
  /** Message-IDs of References and In-Reply-To, in order, without duplicates. */
  readonly references: readonly string[]
  /** Date header as epoch milliseconds, or null when absent or unreadable. */
  readonly sentAt: number | null
  /** Decoded first words of the text, at most 256 characters (RFC 8970 §3.2). */
  readonly preview: string
  /** Only on its way in; what is kept of it is read by itself (`sortRows` of store/contract.ts). */
  readonly sortKeys?: SortKeys
}
