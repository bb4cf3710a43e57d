import type { HeaderAddress, HeaderSummary } from '../../model/message.ts'
import { networkOf } from '../guard/network-of.ts'

const NAME_MAX_CHARACTERS = 320

/** Printable, on one line. */
const kept = (kind: string, name: string): string | null =>
  name === '' || name.length > NAME_MAX_CHARACTERS || /[\0-\x20\x7f]/.test(name) ? null : `${kind} ${name}`

export function addressOf({ mailbox, host }: HeaderAddress): string | null {
  return mailbox === null || host === null || host === '' ? null : `${mailbox}@${host}`.toLowerCase()
}

export type SenderNames = {
  readonly address: string | null
  readonly domain: string | null
  readonly network: string | null
}

/**
 * By what a sender is remembered. The address and the domain are the author's where the domain stands for the letter;
 * an address that nobody stands for is remembered apart, so that a forger neither has nor spoils a good name.
 */
export function senderNames(
  { from }: HeaderSummary,
  { provenDomain, remoteAddress }: { provenDomain: string | null; remoteAddress: string | null },
): SenderNames {
  const author = from.length === 1 ? addressOf(from[0]!) : null
  const proven = author !== null && provenDomain !== null && author.endsWith(`@${provenDomain}`)
  return {
    address: author === null ? null : kept(proven ? 'from' : 'claims', author),
    domain: proven ? kept('domain', provenDomain) : null,
    network: remoteAddress === null ? null : kept('network', networkOf(remoteAddress).prefix),
  }
}

export const writtenName = (address: string): string | null => kept('to', address)
