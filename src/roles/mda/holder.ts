/** What a handle does in any mailbox: first it is asked what may be done there. */
import type { AccountRef, Denied, Grants, Mailboxes } from '../../core/contract.ts'
import type { MailboxId, MessageKey } from '../../model/ids.ts'
import { type FlagClasses, flagClassesOf } from '../../model/rights.ts'
import { createPlaces, isOwn, keyOf, ownPlace, type Go, type Need, type Place, type Places } from './places.ts'

export type Holder = {
  readonly account: AccountRef
  readonly own: Mailboxes
  readonly grants: Grants
  /** Made when first asked for: most sessions never leave their own mailboxes. */
  known: Places | null
}

export const placesOf = (holder: Holder): Places => (holder.known ??= createPlaces(holder))

export type NotFound = { readonly at: 'not-found' }
export const NOT_FOUND: NotFound = { at: 'not-found' }
const EVERY_FLAG: FlagClasses = { seen: true, deleted: true, others: true }

/** Does what a right is for, or says why not. */
export async function withRight<T>(
  holder: Holder,
  mailboxId: MailboxId,
  need: Need,
  work: (go: Go, place: Place) => Promise<T>,
): Promise<T | Denied | NotFound> {
  const place = isOwn(mailboxId) ? ownPlace(holder.own, mailboxId) : await placesOf(holder).at(mailboxId)
  const go = place?.may(need) ?? NOT_FOUND
  return go.at === 'go' ? work(go, place!) : go
}

/** What cannot be read is empty, as if it were gone. */
export async function reading<T>(
  holder: Holder,
  mailboxId: MailboxId,
  nothing: T,
  work: (go: Go, place: Place) => Promise<T>,
): Promise<T> {
  const outcome = await withRight(holder, mailboxId, 'r', async (go, place) => ({ value: await work(go, place) }))
  return 'value' in outcome ? outcome.value : nothing
}

export async function* readingAll<T>(
  holder: Holder,
  mailboxId: MailboxId,
  work: (go: Go) => AsyncIterable<readonly T[]>,
  shown: (item: T, place: Place) => T = (item) => item,
): AsyncGenerator<readonly T[], void, void> {
  const places = placesOf(holder)
  const place = await places.at(mailboxId)
  const go = place?.may('r')
  if (place === null || go?.at !== 'go') return
  places.tells(place.owner, go.mailboxId)
  for await (const batch of work(go)) yield batch.map((item) => shown(item, place))
}

export const withKey = <T extends { messageKey: MessageKey }>(item: T, { owner }: Place): T => ({
  ...item,
  messageKey: keyOf(owner, item.messageKey),
})

/** Source and target of letters: each with its right. */
export async function both<T>(
  holder: Holder,
  from: { mailboxId: MailboxId; need: Need },
  to: MailboxId,
  work: (source: Go, target: Go, more: { into?: AccountRef; keeps: FlagClasses }) => Promise<T>,
): Promise<T | Denied | NotFound> {
  const { account } = holder
  return withRight(holder, from.mailboxId, from.need, (source, { owner: sourceOwner }) =>
    withRight(holder, to, 'i', (target, { owner, rights }) => {
      const keeps = owner === null ? EVERY_FLAG : flagClassesOf(rights)
      const isSame = (owner ?? account).accountId === (sourceOwner ?? account).accountId
      return work(source, target, isSame ? { keeps } : { into: owner ?? account, keeps })
    }),
  )
}
