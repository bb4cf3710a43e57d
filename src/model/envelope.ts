import type { Address, ReversePath } from './address.ts'

/** RFC 3461 §4.1. */
export type DsnNotify = 'never' | readonly ('success' | 'failure' | 'delay')[]

export type Recipient = {
  readonly address: Address
  /** RFC 3461: absent means the default, failure (and delay). */
  readonly notify?: DsnNotify
  /** RFC 3461 §4.2, `addr-type;xtext` decoded, e.g. `rfc822;a@example.org`. */
  readonly originalRecipient?: string
}

/** What SMTP carries beside the content (RFC 5321 §2.3.1). IMAP's ENVELOPE is `HeaderSummary`. */
export type Envelope = {
  readonly reversePath: ReversePath
  readonly recipients: readonly Recipient[]
  readonly body: '7BIT' | '8BITMIME' | 'BINARYMIME'
  readonly smtputf8: boolean
  readonly requireTls: boolean
  readonly dsn?: { readonly ret?: 'FULL' | 'HDRS'; readonly envelopeId?: string }
}
