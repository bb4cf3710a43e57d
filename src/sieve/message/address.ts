/** Addresses as scripts write them and tests look at them (RFC 5228 §2.4.2.3, §2.7.4; RFC 5233). */
import { parseAddress } from '../../format/address/address.ts'
import { parseAddressList } from '../../format/header/address.ts'
import type { Address } from '../../model/address.ts'

export type AddressPart = 'all' | 'localpart' | 'domain' | 'user' | 'detail'

/** A path has 256 octets (RFC 5321 §4.5.3.1.3); display names are longer sometimes. */
const ADDRESS_MAX_CHARACTERS = 1000

/**
 * A sieve-address: `a@b` or `Name <a@b>`; no lists, groups or routes.
 * @returns null when it is none
 */
export function parseSieveAddress(text: string): { readonly name: string | null; readonly address: Address } | null {
  if (text.length > ADDRESS_MAX_CHARACTERS) return null
  const plain = parseAddress(text.trim())
  if (plain.ok) return { name: null, address: plain.value }
  const list = parseAddressList(text.replace(/[\r\n]+/g, ' '), 3)
  const only = list[0]
  // A local part that is empty could only be written as `""`, and nobody does.
  if (list.length !== 1 || !only?.mailbox || !only.host) return null
  const address = parseAddress(`${quoteLocalPart(only.mailbox)}@${only.host}`)
  return address.ok ? { name: only.name, address: address.value } : null
}

function quoteLocalPart(local: string): string {
  return /^[^\s"(),:;<>@[\\\]]+$/.test(local) && !/^\.|\.\.|\.$/.test(local)
    ? local
    : `"${local.replace(/[\\"]/g, '\\$&')}"`
}

/** An address of the letter, in parts; null: the null reverse-path. */
export type LetterAddress = { readonly localPart: string; readonly domain: string } | null

/** Mailboxes of an address header; groups are taken apart (RFC 5231 §4.2). */
export function readAddresses(raw: string): LetterAddress[] {
  const result: LetterAddress[] = []
  for (const { mailbox, host } of parseAddressList(raw)) {
    if (mailbox !== null && host !== null) result.push({ localPart: mailbox, domain: host })
  }
  return result
}

/**
 * @param separator between user and detail, or null
 * @returns null when the address has no such part: no test matches then
 */
export function addressPart(address: LetterAddress, part: AddressPart, separator: string | null): string | null {
  // RFC 5228 §5.4: the null reverse-path is the empty string, whatever part is asked for; RFC 5233 §4: it has no detail.
  if (address === null) return part === 'detail' ? null : ''
  const { localPart, domain } = address
  if (part === 'all') return domain === '' ? localPart : `${localPart}@${domain}`
  if (domain === '') return null // RFC 5228 §2.7.4: not valid.
  switch (part) {
    case 'localpart':
      return localPart
    case 'domain':
      return domain
    case 'user':
    case 'detail': {
      // RFC 5233 §4: without a separator the user is all of it, and there is no detail.
      const at = separator === null || separator === '' ? -1 : localPart.indexOf(separator)
      if (at === -1) return part === 'user' ? localPart : null
      return part === 'user' ? localPart.slice(0, at) : localPart.slice(at + separator!.length)
    }
  }
}
