/**
 * user@domain (RFC 5321 §4.1.2 calls it Mailbox; we never do). Minted by `format/address`.
 * `localPart` is unquoted and keeps its case; `domain` is lower-case, A-labels as received or U-labels under SMTPUTF8,
 * or an address literal in brackets.
 */
export type Address = { readonly localPart: string; readonly domain: string }

/** RFC 5321 §4.5.5: `null` is the null reverse-path `<>`. */
export type ReversePath = Address | null

export type ForwardPath = Address
