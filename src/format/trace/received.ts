/** Trace fields (RFC 5321 §4.4). */
import type { Address } from '../../model/address.ts'
import { printPath } from '../address/address.ts'
import { isIpv4 } from '../address/domain.ts'

export type ReceivedFacts = {
  /** As given at EHLO or HELO. */
  readonly helo: string
  readonly remoteAddress: string
  readonly by: string
  /** RFC 3848, RFC 6531 §4.3: what `with` says. */
  readonly esmtp: boolean
  readonly smtputf8: boolean
  readonly tls: { readonly version: string; readonly cipher: string } | null
  readonly authenticated: boolean
  readonly id: string
  /** Only where a message has a single recipient: others need not know of each other. */
  readonly forRecipient: Address | null
  /** Epoch milliseconds. */
  readonly date: number
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number): string => String(n).padStart(2, '0')

/** RFC 5322 §3.3, in UTC: `Mon, 2 Feb 2026 03:04:05 +0000`. */
export function printTraceDate(epochMs: number): string {
  const d = new Date(epochMs)
  const day = `${DAYS[d.getUTCDay()]}, ${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`
  return `${day} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} +0000`
}

function protocolOf({ esmtp, smtputf8, tls, authenticated }: ReceivedFacts): string {
  if (!esmtp) return tls === null ? 'SMTP' : 'ESMTPS'
  return `${smtputf8 ? 'UTF8SMTP' : 'ESMTP'}${tls === null ? '' : 'S'}${authenticated ? 'A' : ''}`
}

/** RFC 5321 §4.1.3. */
export function addressLiteral(address: string): string {
  return isIpv4(address) ? `[${address}]` : `[IPv6:${address}]`
}

/**
 * One Received field, folded, with its CRLF. A name given at EHLO that no domain could be stands in a comment only.
 * Choice: times are UTC, so that a server's place is not told.
 */
export function printReceived(facts: ReceivedFacts): string {
  const literal = addressLiteral(facts.remoteAddress)
  const named = /^[A-Za-z0-9._-]+$/.test(facts.helo)
  const odd = facts.helo.replace(/[^\x21-\x27\x2a-\x5b\x5d-\x7e]/g, '?')
  const from = named ? `${facts.helo} (${literal})` : facts.helo === literal ? literal : `${literal} (HELO ${odd})`
  const tls = facts.tls === null ? '' : `\r\n\t(${facts.tls.version} ${facts.tls.cipher})`
  const recipient = facts.forRecipient === null ? '' : `\r\n\tfor ${printPath(facts.forRecipient)}`
  return (
    `Received: from ${from}\r\n\tby ${facts.by} with ${protocolOf(facts)} id ${facts.id}` +
    `${tls}${recipient};\r\n\t${printTraceDate(facts.date)}\r\n`
  )
}
