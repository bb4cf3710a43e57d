/** The mailboxes of an account, and those that others share with it (RFC 4314, RFC 2342), as one handle. */
import type { AccountRef, Denied, Grants, Mailboxes, MailboxView, MessageChoice } from '../../core/contract.ts'
import { StoreError } from '../../core/contract.ts'
import { printAddress } from '../../format/address/address.ts'
import { isShared } from '../../format/mailbox/shared-name.ts'
import type { MessageKey } from '../../model/ids.ts'
import { flagClassesOf, isFlagIn, type Rights } from '../../model/rights.ts'
import { both, NOT_FOUND, placesOf, reading, readingAll, withKey, withRight, type Holder } from './holder.ts'
import { createShared, renameShared } from './making.ts'
import { isOwn, isOwnKey, keyOf, ownersKey } from './places.ts'
import { watchAll, watchOne } from './watch.ts'

const DENIED: Denied = { at: 'denied' }

/** RFC 5464 §3.3. */
const seesAnnotations = (rights: Rights): boolean =>
  rights.has('l') && (['r', 's', 'w', 'i', 'p'] as const).some((right) => rights.has(right))
/** Choice: what all see of a mailbox is changed by those who may write; RFC 5464 §3.3 would let readers too. */
const setsShared = (rights: Rights): boolean => seesAnnotations(rights) && rights.has('w')
/** RFC 6851 §4.2: as for STORE of \Deleted, COPY and EXPUNGE. */
const takesAway = (rights: Rights): boolean => rights.has('r') && rights.has('t') && rights.has('e')

/** Below all keys: what others' keys are more than in their owner's own handle is what this one is. */
const NO_KEY = 0 as MessageKey
const movedBy = ({ above, keys }: MessageChoice, by: number): MessageChoice => ({
  above: (above + by) as MessageKey,
  keys: keys.map((key) => key + by),
})

/** Methods of all handles, once: a handle of its own closures would cost each idle connection 4 KB (ADR 9). */
const METHODS: Omit<Mailboxes, 'account'> & ThisType<{ readonly holder: Holder }> = {
  subscriptions() {
    return this.holder.own.subscriptions()
  },
  setSubscribed(name, subscribed) {
    return this.holder.own.setSubscribed(name, subscribed)
  },
  open() {
    return this.holder.own.open()
  },
  discard(message) {
    return this.holder.own.discard(message)
  },
  quota() {
    return this.holder.own.quota()
  },

  async list() {
    const { account, grants, own } = this.holder
    const mine = await own.list()
    if ((await grants.to(account)).length === 0) return mine
    const others = await placesOf(this.holder).all()
    return [...mine, ...others.map(({ view }) => view)]
  },
  async find(name) {
    const mine = await this.holder.own.find(name)
    if (mine !== null || !isShared(name)) return mine
    return (await placesOf(this.holder).named(name))?.found?.view ?? null
  },
  async info(mailboxId) {
    if (isOwn(mailboxId)) return this.holder.own.info(mailboxId)
    return reading<MailboxView | null>(this.holder, mailboxId, null, (go, place) =>
      placesOf(this.holder).view(place, go),
    )
  },
  async create(name, specialUse) {
    if (!isShared(name)) return this.holder.own.create(name, specialUse)
    return specialUse === null ? createShared(this.holder, name) : { at: 'special-use-taken' }
  },
  async remove(mailboxId) {
    return withRight(this.holder, mailboxId, 'x', (go) => go.mailboxes.remove(go.mailboxId))
  },
  async rename(mailboxId, name) {
    return isOwn(mailboxId) ? this.holder.own.rename(mailboxId, name) : renameShared(this.holder, mailboxId, name)
  },

  uids(mailboxId) {
    return reading(this.holder, mailboxId, new Uint32Array(0), (go) => go.mailboxes.uids(go.mailboxId))
  },
  entries(mailboxId, uids, read) {
    return isOwn(mailboxId)
      ? this.holder.own.entries(mailboxId, uids, read)
      : readingAll(this.holder, mailboxId, (go) => go.mailboxes.entries(go.mailboxId, uids, read), withKey)
  },
  messages(mailboxId, uids, read) {
    return isOwn(mailboxId)
      ? this.holder.own.messages(mailboxId, uids, read)
      : readingAll(this.holder, mailboxId, (go) => go.mailboxes.messages(go.mailboxId, uids, read), withKey)
  },
  flagRows(mailboxId, uids) {
    return isOwn(mailboxId)
      ? this.holder.own.flagRows(mailboxId, uids)
      : readingAll(this.holder, mailboxId, (go) => go.mailboxes.flagRows(go.mailboxId, uids))
  },
  sortRows(mailboxId, uids) {
    return isOwn(mailboxId)
      ? this.holder.own.sortRows(mailboxId, uids)
      : readingAll(this.holder, mailboxId, (go) => go.mailboxes.sortRows(go.mailboxId, uids))
  },
  expungedSince(mailboxId, since) {
    return reading<Awaited<ReturnType<Mailboxes['expungedSince']>>>(this.holder, mailboxId, [], (go) =>
      go.mailboxes.expungedSince(go.mailboxId, since),
    )
  },
  keywords(mailboxId) {
    return reading<readonly string[]>(this.holder, mailboxId, [], (go) => go.mailboxes.keywords(go.mailboxId))
  },
  async read(messageKey, start, end) {
    if (isOwnKey(messageKey)) return this.holder.own.read(messageKey, start, end)
    const message = await placesOf(this.holder).message(messageKey)
    if (message === null) throw new StoreError('damaged', 'the mailbox may not be read any more')
    return message.mailboxes.read(message.messageKey, start, end)
  },
  async mayHold(mailboxId, text) {
    if (isOwn(mailboxId)) return this.holder.own.mayHold(mailboxId, text)
    return reading<MessageChoice | null>(this.holder, mailboxId, null, async (go, { owner }) => {
      const choice = await go.mailboxes.mayHold(go.mailboxId, text)
      return choice === null ? null : movedBy(choice, keyOf(owner, NO_KEY))
    })
  },
  async uidsOfMessages(mailboxId, messages) {
    if (isOwn(mailboxId)) return this.holder.own.uidsOfMessages(mailboxId, messages)
    return reading(this.holder, mailboxId, new Uint32Array(0), (go, { owner }) =>
      go.mailboxes.uidsOfMessages(go.mailboxId, movedBy(messages, 0 - keyOf(owner, NO_KEY))),
    )
  },

  append(mailboxId, drafts) {
    return withRight(this.holder, mailboxId, 'i', (go, { rights }) => {
      const allowed = flagClassesOf(rights)
      const kept = drafts.map((draft) => ({ ...draft, flags: draft.flags.filter((flag) => isFlagIn(flag, allowed)) }))
      return go.mailboxes.append(go.mailboxId, kept)
    })
  },
  replace(old, to, draft) {
    return both(this.holder, { mailboxId: old.mailboxId, need: takesAway }, to, (source, target, { into, keeps }) => {
      const kept = { ...draft, flags: draft.flags.filter((flag) => isFlagIn(flag, keeps)) }
      const at = { mailboxId: source.mailboxId, uid: old.uid }
      return source.mailboxes.replace(at, target.mailboxId, kept, into === undefined ? {} : { into })
    })
  },
  async setFlags(mailboxId, change) {
    if (isOwn(mailboxId)) return this.holder.own.setFlags(mailboxId, change)
    const some = (rights: Rights): boolean =>
      rights.has('r') && ['s', 't', 'w'].some((right) => rights.has(right as 's'))
    return withRight(this.holder, mailboxId, some, async (go, { rights }) => {
      const only = flagClassesOf(rights)
      // RFC 4314 §4, STORE: those that may be changed are, and with none of them it fails.
      const { flags, mode } = change
      if (!(mode === 'replace' && flags.length === 0) && !flags.some((flag) => isFlagIn(flag, only))) return DENIED
      return go.mailboxes.setFlags(go.mailboxId, { ...change, only })
    })
  },
  copy(from, uids, to) {
    return both(this.holder, { mailboxId: from, need: 'r' }, to, (source, target, more) =>
      source.mailboxes.copy(source.mailboxId, uids, target.mailboxId, more),
    )
  },
  move(from, uids, to) {
    return both(this.holder, { mailboxId: from, need: takesAway }, to, (source, target, more) =>
      source.mailboxes.move(source.mailboxId, uids, target.mailboxId, more),
    )
  },
  expunge(mailboxId, uids, how) {
    return withRight(this.holder, mailboxId, 'e', (go) => go.mailboxes.expunge(go.mailboxId, uids, how))
  },

  // What a letter that goes in comes up against; also told by the refusal itself.
  quotaOf(mailboxId) {
    return withRight(
      this.holder,
      mailboxId,
      (rights) => rights.has('r') || rights.has('i'),
      (go) => go.mailboxes.quota(),
    )
  },
  async quotaAt(root) {
    if (root === printAddress(this.holder.account.address)) return this.holder.own.quota()
    for (const { place, view } of await placesOf(this.holder).all()) {
      const go = place.may('r') // RFC 9208 §6: how much there is, is for those who may read.
      if (go.at === 'go' && view.owner !== null && printAddress(view.owner) === root) return go.mailboxes.quota()
    }
    return NOT_FOUND
  },
  async quotaRootOf(name) {
    if (!isShared(name) || (await this.holder.own.find(name)) !== null) return this.holder.own.quotaRootOf(name)
    const found = (await placesOf(this.holder).named(name))?.found
    const go = found?.place.may('r') ?? NOT_FOUND
    return go.at === 'go' ? go.mailboxes.quotaRootOf(name) : go
  },
  deletedOctets(mailboxId) {
    return reading(this.holder, mailboxId, 0, (go) => go.mailboxes.deletedOctets(go.mailboxId))
  },

  async objectIds(messageKeys) {
    const { own } = this.holder
    const others = messageKeys.find((key) => !isOwnKey(key))
    if (others === undefined) return own.objectIds(messageKeys)
    // Keys are of one mailbox, and so of one owner.
    const message = await placesOf(this.holder).message(others)
    if (message === null) return messageKeys.map((key) => ({ email: key, thread: key }))
    return message.mailboxes.objectIds(messageKeys.map(ownersKey))
  },
  messagesWith(mailboxId, id) {
    return reading(this.holder, mailboxId, new Set(), async (go, { owner }) => {
      const keys = await go.mailboxes.messagesWith(go.mailboxId, id)
      return owner === null ? keys : new Set([...keys].map((key) => keyOf(owner, key)))
    })
  },

  acl(mailboxId) {
    return withRight(this.holder, mailboxId, 'a', (go) => go.mailboxes.acl(go.mailboxId))
  },
  setAcl(mailboxId, change) {
    return withRight(this.holder, mailboxId, 'a', (go) => go.mailboxes.setAcl(go.mailboxId, change))
  },
  identify(mailboxId, identifier) {
    return withRight(this.holder, mailboxId, 'a', (go) => go.mailboxes.identify(go.mailboxId, identifier))
  },
  async annotations(mailboxId) {
    if (mailboxId === null) return this.holder.own.annotations(null)
    return withRight(this.holder, mailboxId, seesAnnotations, (go) => go.mailboxes.annotations(go.mailboxId))
  },
  async setAnnotations(mailboxId, changes) {
    if (mailboxId === null) return this.holder.own.setAnnotations(null, changes)
    const need = changes.some(({ entry }) => entry.startsWith('/shared/')) ? setsShared : seesAnnotations
    return withRight(this.holder, mailboxId, need, (go) => go.mailboxes.setAnnotations(go.mailboxId, changes))
  },

  watch(heard, of) {
    return of === undefined
      ? watchAll(this.holder, heard)
      : isOwn(of)
        ? this.holder.own.watch(heard, of)
        : watchOne(this.holder, heard, of)
  },
}

export function shareMailboxes(options: { account: AccountRef; own: Mailboxes; grants: Grants }): Mailboxes {
  const holder: Holder = { ...options, known: null }
  return Object.assign(Object.create(METHODS) as typeof METHODS, { account: options.account, holder })
}
