/** Where mailboxes of other accounts stand (RFC 2342 §5, Other Users' Namespace): `Other Users/anna@example.org/Work`. */
import type { Address } from '../../model/address.ts'
import { printAddress } from '../address/address.ts'

export const SHARED_ROOT = 'Other Users'

export const isShared = (name: string): boolean => name === SHARED_ROOT || name.startsWith(`${SHARED_ROOT}/`)

/** @param name of the owner's mailbox, or empty: the level above all of them */
export const sharedName = (owner: Address, name: string): string =>
  `${SHARED_ROOT}/${printAddress(owner)}${name === '' ? '' : `/${name}`}`

/** The owner's name of a mailbox that stands there, or null: it is not one of this owner's. */
export function ownersName(owner: Address, name: string): string | null {
  const above = `${sharedName(owner, '')}/`
  // Addresses compare by what they reach, whatever the case.
  return name.slice(0, above.length).toLowerCase() === above.toLowerCase() ? name.slice(above.length) : null
}

/** In one form (RFC 9051 §5.1); the part behind the owner is the owner's handle's to bring into its own. */
export const canonicalSharedName = (name: string): string => name.normalize('NFC')
