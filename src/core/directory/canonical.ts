import { domainToASCII } from 'node:url'
import type { Address } from '../../model/address.ts'

const ascii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

/**
 * The form a domain is stored and compared in: lower-case, U-labels as A-labels (RFC 6531 §3.2 lets either arrive).
 * What cannot be converted stays as it is and then matches nothing.
 */
export function canonicalDomain(domain: string): string {
  if (ascii(domain)) return domain.toLowerCase()
  return domainToASCII(domain) || domain.toLowerCase()
}

/** The form an address is looked up and stored in; the local part keeps its case. */
export function canonicalAddress({ localPart, domain }: Address): Address {
  return { localPart: ascii(localPart) ? localPart : localPart.normalize('NFC'), domain: canonicalDomain(domain) }
}

/** Two spellings of one local address have one key. */
export function localKey({ localPart, domain }: Address): string {
  return `${localPart.toLowerCase()}@${domain}`
}
