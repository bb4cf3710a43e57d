import type { Address } from '../../model/address.ts'
import type { DsnNotify, Envelope, Recipient } from '../../model/envelope.ts'
import { QUEUE_DSN_LIFETIME_MS, QUEUE_LIFETIME_MS } from '../../model/limits.ts'
import { isAsciiAddress, printAddress } from '../../format/address/address.ts'
import type { RelayDraft } from '../../store/contract.ts'
import { canonicalDomain } from '../directory/canonical.ts'
import type { ForeignTarget } from '../directory/routes.ts'

/** RFC 3461 §5.2.7.3 (c): a success that several share is nobody's to report. */
function withoutSuccess(notify: DsnNotify): DsnNotify {
  if (notify === 'never') return notify
  const rest = notify.filter((event) => event !== 'success')
  return rest.length === 0 ? 'never' : rest
}

const asOriginal = (address: Address): string =>
  `${isAsciiAddress(address) ? 'rfc822' : 'utf-8'};${printAddress(address)}` // RFC 6533 §3.

/** The recipient of the copy for `target`, with the sender's DSN wishes as far as they go along. */
function recipientFor(asked: Recipient, { address, forwarded, split }: ForeignTarget): Recipient {
  if (!forwarded) return { ...asked, address }
  const { notify } = asked
  return {
    address,
    // RFC 3461 §5.2.1 (c): so that a DSN names the address that the sender used.
    originalRecipient: asked.originalRecipient ?? asOriginal(asked.address),
    ...(notify !== undefined && { notify: split ? withoutSuccess(notify) : notify }),
  }
}

/** Foreign recipients gathered by destination domain, each address once. */
export type RelayPlan = {
  add(asked: Recipient, target: ForeignTarget): void
  drafts(options: {
    envelope: Omit<Envelope, 'recipients'>
    skipOctets: number
    now: number
    senderVerified: boolean
  }): readonly RelayDraft[]
}

export function createRelayPlan(): RelayPlan {
  const byDestination = new Map<string, Map<string, Recipient>>()
  return {
    add(asked, target) {
      const destination = canonicalDomain(target.address.domain)
      let recipients = byDestination.get(destination)
      if (recipients === undefined) byDestination.set(destination, (recipients = new Map()))
      const key = target.address.localPart // RFC 5321 §2.4: its case may matter to its host.
      if (!recipients.has(key)) recipients.set(key, recipientFor(asked, target))
    },
    drafts({ envelope, skipOctets, now, senderVerified }) {
      const lifetimeMs = envelope.reversePath === null ? QUEUE_DSN_LIFETIME_MS : QUEUE_LIFETIME_MS
      return [...byDestination].map(([destination, recipients]) => ({
        destination,
        envelope,
        recipients: [...recipients.values()],
        skipOctets,
        expiresAt: now + lifetimeMs,
        nextAttemptAt: now,
        senderVerified,
      }))
    },
  }
}
