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

/** The name at one of our domains that a stranger's letter is sent on in. */
export type SentOnAs = (domain: string) => Address

/** Foreign recipients gathered by destination domain, each address once. */
export type RelayPlan = {
  add(asked: Recipient, target: ForeignTarget): void
  drafts(options: {
    envelope: Omit<Envelope, 'recipients'>
    skipOctets: number
    now: number
    senderVerified: boolean
    /** The reverse-path is the sender's own, as far as can be known: it may be told of what was sent on (R22). */
    pathVerified?: boolean
  }): readonly RelayDraft[]
}

/** @param sentOnAs null: what is sent on keeps its reverse-path */
export function createRelayPlan(sentOnAs: SentOnAs | null = null): RelayPlan {
  type Load = { readonly as: Address | null; readonly recipients: Map<string, Recipient> }
  const byDestination = new Map<string, Load[]>()
  /** Each address once, whichever of our domains it is sent on from. */
  const known = (loads: readonly Load[], key: string): boolean => loads.some(({ recipients }) => recipients.has(key))
  return {
    add(asked, target) {
      const destination = canonicalDomain(target.address.domain)
      let loads = byDestination.get(destination)
      if (loads === undefined) byDestination.set(destination, (loads = []))
      const key = target.address.localPart // RFC 5321 §2.4: its case may matter to its host.
      if (known(loads, key)) return
      const as = target.forwarded && sentOnAs !== null ? sentOnAs(canonicalDomain(asked.address.domain)) : null
      let load = loads.find((each) => each.as?.domain === as?.domain)
      if (load === undefined) loads.push((load = { as, recipients: new Map() }))
      load.recipients.set(key, recipientFor(asked, target))
    },
    drafts({ envelope, skipOctets, now, senderVerified, pathVerified = false }) {
      const lifetimeMs = envelope.reversePath === null ? QUEUE_DSN_LIFETIME_MS : QUEUE_LIFETIME_MS
      return [...byDestination].flatMap(([destination, loads]) =>
        loads.map(({ as, recipients }) => ({
          destination,
          envelope: as === null ? envelope : { ...envelope, reversePath: as },
          recipients: [...recipients.values()],
          skipOctets,
          expiresAt: now + lifetimeMs,
          nextAttemptAt: now,
          senderVerified: senderVerified || (as !== null && pathVerified),
        })),
      )
    },
  }
}
