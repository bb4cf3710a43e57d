/** What this connection offers, as it is now. */
export type Offer = {
  readonly hostname: string
  readonly messageMaxOctets: number
  readonly recipientsMax: number
  readonly transactionsMax: number
  readonly startTls: boolean
  readonly requireTls: boolean
  readonly burl: boolean
  readonly mechanisms: readonly string[]
}

/** The lines of the answer to EHLO (RFC 5321 §4.1.1.1). */
export function ehloLines(offer: Offer): readonly string[] {
  const lines = [
    offer.hostname,
    'PIPELINING', // RFC 2920
    `SIZE ${offer.messageMaxOctets}`, // RFC 1870
    '8BITMIME', // RFC 6152
    'SMTPUTF8', // RFC 6531
    'ENHANCEDSTATUSCODES', // RFC 2034
    'CHUNKING', // RFC 3030
    'BINARYMIME', // RFC 3030
    'DSN', // RFC 3461
    `LIMITS MAILMAX=${offer.transactionsMax} RCPTMAX=${offer.recipientsMax}`, // RFC 9422
  ]
  if (offer.startTls) lines.push('STARTTLS') // RFC 3207
  if (offer.requireTls) lines.push('REQUIRETLS') // RFC 8689 §2: over TLS only
  if (offer.burl) lines.push('BURL imap') // RFC 4468 §3.1; URLs go over TLS only (§8)
  if (offer.mechanisms.length > 0) lines.push(`AUTH ${offer.mechanisms.join(' ')}`) // RFC 4954
  return lines
}
