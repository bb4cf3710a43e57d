/**
 * Mailboxes as one account may use them. Another account's handle is in here and comes out by `may` alone, which looks at
 * what was given (RFC 4314 §4): whoever forgets to ask has nothing to ask for mail.
 */
import type { AccountRef, Denied, Grant, Grants, Mailboxes, MailboxView } from '../../core/contract.ts'
import { canonicalSharedName, isShared, ownersName, sharedName } from '../../format/mailbox/shared-name.ts'
import type { AccountId, MailboxId, MessageKey, ModSeq, Uid } from '../../model/ids.ts'
import { ALL_RIGHTS, type Right, type Rights } from '../../model/rights.ts'

/** One right, or what a set of them must have. */
export type Need = Right | ((rights: Rights) => boolean)

type NotFound = { readonly at: 'not-found' }
export type Go = { readonly at: 'go'; readonly mailboxes: Mailboxes; readonly mailboxId: MailboxId }

export type Place = {
  /** Whose it is; null: the account's own. */
  readonly owner: AccountRef | null
  readonly rights: Rights
  /** The mailbox, with all that its owner can do: only for what the need is for. */
  may(need: Need): Go | Denied | NotFound
}

/** A name under which an owner's mailbox is, or would be. */
export type Named = {
  readonly owner: AccountRef
  readonly ownersName: string
  /** Null: there is none, or none that is known of. */
  readonly found: { readonly place: Place; readonly view: MailboxView } | null
}

export type Places = {
  /** Null: no such mailbox, or nothing was given in it. */
  at(mailboxId: MailboxId): Promise<Place | null>
  /** Null: it leads to no owner who has given anything. */
  named(name: string): Promise<Named | null>
  /** Others' mailboxes, by owner. */
  all(): Promise<readonly { readonly place: Place; readonly view: MailboxView }[]>
  view(place: Place, go: Go): Promise<MailboxView | null>
  /** The nearest mailbox above a name, as far as the account may make mailboxes in it (RFC 4314 §4, CREATE). */
  above(named: Named): Promise<Place | null>
  /** Keys of this mailbox's messages are about to be told: they may be read as long as it may. */
  tells(owner: AccountRef | null, mailboxId: MailboxId): void
  /** A message that was listed, by the key that was shown; null: nothing may be read any more where it was. */
  message(messageKey: MessageKey): Promise<(Go & { readonly messageKey: MessageKey }) | null>
}

/** Ids of one's own are smaller than these; those of others say whose they are. Both stay below 2^53. */
const MAILBOX_IDS = 2 ** 31
const MESSAGE_KEYS = 2 ** 32

/** As a session sees them: they say whose they are. */
export const idOf = (owner: AccountRef | null, mailboxId: MailboxId): MailboxId =>
  owner === null ? mailboxId : ((owner.accountId * MAILBOX_IDS + mailboxId) as MailboxId)
export const keyOf = (owner: AccountRef | null, messageKey: MessageKey): MessageKey =>
  owner === null ? messageKey : ((owner.accountId * MESSAGE_KEYS + messageKey) as MessageKey)

export const isOwnKey = (messageKey: MessageKey): boolean => messageKey < MESSAGE_KEYS
/** As the owner's own handle has it. */
export const ownersKey = (messageKey: MessageKey): MessageKey => (messageKey % MESSAGE_KEYS) as MessageKey
export const isOwn = (mailboxId: MailboxId): boolean => mailboxId < MAILBOX_IDS
export const ownerOf = (mailboxId: MailboxId): AccountId => Math.floor(mailboxId / MAILBOX_IDS) as AccountId

/** Whoever holds the handle may do everything in its own mailboxes. */
export const ownPlace = (own: Mailboxes, mailboxId: MailboxId): Place => ({
  owner: null,
  rights: ALL_RIGHTS,
  may: () => ({ at: 'go', mailboxes: own, mailboxId }),
})

/** RFC 4314 §4, MYRIGHTS: with one of these, somebody knows of a mailbox. */
const KNOWS: readonly Right[] = ['l', 'r', 'i', 'k', 'x', 'a']

export function createPlaces(options: { account: AccountRef; own: Mailboxes; grants: Grants }): Places {
  const { account, own, grants } = options
  const handles = new Map<AccountId, Mailboxes>()
  /** Where keys of an owner's messages were last told from: what may be read there may be read by key. */
  const toldFrom = new Map<number, MailboxId>()

  function handleOf(owner: AccountRef): Mailboxes {
    const known = handles.get(owner.accountId) ?? grants.open(owner, account)
    handles.set(owner.accountId, known)
    return known
  }

  const placeOf = ({ owner, mailboxId, rights }: Grant): Place => ({
    owner,
    rights,
    may(need) {
      const fits = typeof need === 'string' ? rights.has(need) : need(rights)
      if (fits) return { at: 'go', mailboxes: handleOf(owner), mailboxId }
      return { at: rights.has('l') ? 'denied' : 'not-found' } // RFC 4314 §6
    },
  })

  /** The owner's mailbox under the name it has here, with as much as may be known. */
  async function viewOf(place: Place, mailboxId: MailboxId): Promise<MailboxView | null> {
    const { owner, rights } = place
    if (owner === null) return own.info(mailboxId)
    const info = await handleOf(owner).info(mailboxId)
    if (info === null) return null
    const name = sharedName(owner.address, info.name)
    const subscribed = (await own.subscriptions()).includes(name)
    // What it is to its owner, it is not to others (RFC 6154 §2).
    const view = { ...info, mailboxId: idOf(owner, mailboxId), name, specialUse: null, subscribed, rights }
    return { ...view, ...(rights.has('r') ? {} : NO_COUNTS), owner: owner.address }
  }

  async function at(mailboxId: MailboxId): Promise<Place | null> {
    if (isOwn(mailboxId)) return ownPlace(own, mailboxId)
    const owner = ownerOf(mailboxId)
    const grant = await grants.one(account, owner, (mailboxId % MAILBOX_IDS) as MailboxId)
    return grant === null ? null : placeOf(grant)
  }

  const knows = (rights: Rights): boolean => KNOWS.some((right) => rights.has(right))

  return {
    at,
    async named(text) {
      const name = canonicalSharedName(text)
      if (!isShared(name)) return null
      const given = await grants.to(account)
      for (const { owner } of given) {
        const below = ownersName(owner.address, name)
        if (below === null) continue
        const info = await handleOf(owner).find(below)
        const grant = given.find((one) => one.owner.accountId === owner.accountId && one.mailboxId === info?.mailboxId)
        if (grant === undefined || !knows(grant.rights)) return { owner, ownersName: below, found: null }
        const place = placeOf(grant)
        const view = await viewOf(place, grant.mailboxId)
        return { owner, ownersName: below, found: view === null ? null : { place, view } }
      }
      return null
    },
    async all() {
      const found: { place: Place; view: MailboxView }[] = []
      for (const grant of await grants.to(account)) {
        if (!grant.rights.has('l')) continue // RFC 4314 §4, LIST.
        const place = placeOf(grant)
        const view = await viewOf(place, grant.mailboxId)
        if (view !== null) found.push({ place, view })
      }
      return found
    },
    view: (place, { mailboxId }) => viewOf(place, mailboxId),
    async above({ owner, ownersName: name }) {
      const handle = handleOf(owner)
      for (let cut = name.lastIndexOf('/'); cut > 0; cut = name.lastIndexOf('/', cut - 1)) {
        const info = await handle.find(name.slice(0, cut))
        if (info === null) continue
        const grant = await grants.one(account, owner.accountId, info.mailboxId)
        return grant === null ? null : placeOf(grant)
      }
      return null // Choice: at the top of an account only its owner makes mailboxes.
    },
    tells(owner, mailboxId) {
      if (owner !== null) toldFrom.set(owner.accountId, idOf(owner, mailboxId))
    },
    async message(messageKey) {
      if (isOwnKey(messageKey)) return { at: 'go', mailboxes: own, mailboxId: 0 as MailboxId, messageKey }
      const owner = Math.floor(messageKey / MESSAGE_KEYS)
      const from = toldFrom.get(owner)
      const place = from === undefined ? null : await at(from)
      const go = place?.may('r')
      if (go?.at !== 'go') return null
      return { ...go, messageKey: ownersKey(messageKey) }
    },
  }
}

const NO_COUNTS = {
  uidNext: 1 as Uid,
  highestModSeq: 1 as ModSeq,
  messages: 0,
  unseen: 0,
  deleted: 0,
  sizeOctets: 0,
}
