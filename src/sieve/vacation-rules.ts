/** Who is never answered (RFC 5230 §4.5, §4.6; RFC 3834 §2): questions with one answer each, about a letter's header. */
import { sameAddress } from '../format/address/address.ts'
import type { Address } from '../model/address.ts'
import { readAddresses } from './message/address.ts'
import type { Field } from './message/edited-header.ts'

type Header = { named(name: string): readonly Field[] }

/** RFC 5230 §4.6, and what else speaks for no person. Choice: postmaster is answered, since people read there. */
const NOBODY = /^(?:mailer-daemon|listserv|majordomo|mailman|nobody|root|no-?_?reply|do-?_?not-?_?reply|bounces?)$/i
const LIST_PREFIX = /^owner-/i
const LIST_SUFFIX = /(?:-request|-owner|-bounces|-bounce)$/i

const LIST_FIELDS = [
  'list-id',
  'list-help',
  'list-subscribe',
  'list-unsubscribe',
  'list-post',
  'list-owner',
  'list-archive',
]
const RECIPIENT_FIELDS = ['to', 'cc', 'bcc', 'resent-to', 'resent-cc', 'resent-bcc']

/**
 * @param sender reverse-path of the letter
 * @param mine all addresses of the owner, `:addresses` too
 * @returns why nobody is answered, in plain words, or null: answer
 */
export function whyNotAnswered(header: Header, sender: Address | null, mine: readonly Address[]): string | null {
  if (sender === null) return 'it has no sender, as notices have none' // RFC 3834 §2
  if (mine.some((address) => isSame(address, sender))) return 'the sender is the owner'
  const { localPart } = sender
  // A VERP sender, `owner-list+user=domain@…` or `list-bounces+…@…`, is seen by its first part.
  const first = localPart.split(/[+=]/)[0]!
  if (NOBODY.test(first) || LIST_PREFIX.test(localPart) || LIST_SUFFIX.test(first))
    return `nobody reads answers at ${localPart}@${sender.domain}`
  return whyAutomatic(header) ?? whyNotPersonal(header, mine)
}

function whyAutomatic(header: Header): string | null {
  const list = LIST_FIELDS.find((name) => header.named(name).length > 0)
  if (list !== undefined) return `it came from a list (header ${list})`
  // RFC 3834 §5; RFC 5230 §4.6: any value but `no`.
  for (const field of header.named('auto-submitted')) {
    const value = field.raw().split(/[;(]/)[0]!.trim().toLowerCase()
    if (value !== 'no' && value !== '') return `it was sent by a program (Auto-Submitted: ${value.slice(0, 40)})`
  }
  for (const field of header.named('precedence')) {
    if (/^(?:bulk|list|junk)$/i.test(field.raw()))
      return `it was sent to many (Precedence: ${field.raw().toLowerCase()})`
  }
  // Interop: Exchange's word for "no out-of-office answers".
  for (const field of header.named('x-auto-response-suppress')) {
    if (/\b(?:all|oof|autoreply)\b/i.test(field.raw())) return 'its sender wants no automatic answers'
  }
  return null
}

/** RFC 5230 §4.5: an address of the owner's must be in To, Cc, Bcc or their Resent- kin. */
function whyNotPersonal(header: Header, mine: readonly Address[]): string | null {
  for (const name of RECIPIENT_FIELDS) {
    for (const field of header.named(name)) {
      for (const address of readAddresses(field.raw())) {
        if (address === null) continue
        const other = { localPart: address.localPart, domain: address.domain.toLowerCase() }
        if (mine.some((own) => isSame(own, other))) return null
      }
    }
  }
  return 'no address of the owner is among its recipients'
}

/** Choice: local parts compare without case here, so that nobody is answered, or not, by how his address is written. */
function isSame(a: Address, b: Address): boolean {
  return sameAddress({ ...a, localPart: a.localPart.toLowerCase() }, { ...b, localPart: b.localPart.toLowerCase() })
}
