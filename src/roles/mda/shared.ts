/** The mailboxes of an account, and those that others share with it (RFC 4314, RFC 2342), as one handle. */
import type {
  AccountRef,
  ChangeNotice,
  Denied,
  Grant,
  Grants,
  Mailboxes,
  MailboxView,
  MessageChoice,
  NameProblem,
} from '../../core/contract.ts'
import { StoreError } from '../../core/contract.ts'
import { printAddress } from '../../format/address/address.ts'
import { isShared } from '../../format/mailbox/shared-name.ts'
import type { AccountId, MailboxId, MessageKey, ModSeq } from '../../model/ids.ts'
import { type FlagClasses, flagClassesOf, isFlagIn, type Rights } from '../../model/rights.ts'
import { createPlaces, type Go, type Need, type Place } from './places.ts'

type NotFound = { readonly at: 'not-found' }

const NOT_FOUND: NotFound = { at: 'not-found' }
const DENIED: Denied = { at: 'denied' }
const badName = (why: string): NameProblem => ({ at: 'bad-name', why })
const EVERY_FLAG: FlagClasses = { seen: true, deleted: true, others: true }

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

export function shareMailboxes(options: { account: AccountRef; own: Mailboxes; grants: Grants }): Mailboxes {
  const { account, own, grants } = options
  const places = createPlaces(options)

  /** Does what a right is for, or says why not. */
  async function withRight<T>(
    mailboxId: MailboxId,
    need: Need,
    work: (go: Go, place: Place) => Promise<T>,
  ): Promise<T | Denied | NotFound> {
    const place = await places.at(mailboxId)
    const go = place?.may(need) ?? NOT_FOUND
    return go.at === 'go' ? work(go, place!) : go
  }

  /** What cannot be read is empty, as if it were gone. */
  async function reading<T>(mailboxId: MailboxId, nothing: T, work: (go: Go, place: Place) => Promise<T>): Promise<T> {
    const outcome = await withRight(mailboxId, 'r', async (go, place) => ({ value: await work(go, place) }))
    return 'value' in outcome ? outcome.value : nothing
  }

  async function* readingAll<T>(
    mailboxId: MailboxId,
    work: (go: Go) => AsyncIterable<readonly T[]>,
    shown: (item: T, place: Place) => T = (item) => item,
  ): AsyncGenerator<readonly T[], void, void> {
    const place = await places.at(mailboxId)
    const go = place?.may('r')
    if (place === null || go?.at !== 'go') return
    places.tells(place.owner, go.mailboxId)
    for await (const batch of work(go)) yield batch.map((item) => shown(item, place))
  }

  const withKey = <T extends { messageKey: Parameters<typeof places.keyOf>[1] }>(item: T, { owner }: Place): T => ({
    ...item,
    messageKey: places.keyOf(owner, item.messageKey),
  })

  /** Source and target of letters: each with its right. */
  async function both<T>(
    from: { mailboxId: MailboxId; need: Need },
    to: MailboxId,
    work: (source: Go, target: Go, more: { into?: AccountRef; keeps: FlagClasses }) => Promise<T>,
  ): Promise<T | Denied | NotFound> {
    return withRight(from.mailboxId, from.need, (source, { owner: sourceOwner }) =>
      withRight(to, 'i', (target, { owner, rights }) => {
        const keeps = owner === null ? EVERY_FLAG : flagClassesOf(rights)
        const isSame = (owner ?? account).accountId === (sourceOwner ?? account).accountId
        return work(source, target, isSame ? { keeps } : { into: owner ?? account, keeps })
      }),
    )
  }

  async function renameShared(mailboxId: MailboxId, name: string): ReturnType<Mailboxes['rename']> {
    return withRight(mailboxId, 'x', async (go, place) => {
      const info = await go.mailboxes.info(go.mailboxId)
      const named = await places.named(name)
      if (info === null) return NOT_FOUND
      // The letters of an inbox stay its owner's to move.
      if (info.name === 'INBOX') return DENIED
      if (named === null || named.owner.accountId !== place.owner?.accountId) {
        return badName('a shared mailbox stays with its owner')
      }
      if (named.found !== null) return { at: 'exists' }
      if ((await places.above(named))?.may('k').at !== 'go') return DENIED
      for (const child of await go.mailboxes.list()) {
        if (!child.name.startsWith(`${info.name}/`)) continue
        const below = await places.at(places.idOf(place.owner, child.mailboxId))
        if (below?.may('x').at !== 'go') return DENIED
      }
      const outcome = await go.mailboxes.rename(go.mailboxId, named.ownersName)
      return outcome.at === 'exists' ? DENIED : outcome // It is one that the account knows nothing of.
    })
  }

  async function createShared(name: string): ReturnType<Mailboxes['create']> {
    const named = await places.named(name)
    // The same for an owner who has given nothing and for one who is not there (RFC 4314 §6).
    if (named === null) return DENIED
    if (named.found !== null) return { at: 'exists' }
    const above = (await places.above(named))?.may('k')
    if (above?.at !== 'go') return DENIED
    const outcome = await above.mailboxes.create(named.ownersName, null)
    if (outcome.at === 'exists') return DENIED
    return outcome.at === 'done' ? { at: 'done', mailboxId: places.idOf(named.owner, outcome.mailboxId) } : outcome
  }

  return {
    account,
    subscriptions: () => own.subscriptions(),
    setSubscribed: (name, subscribed) => own.setSubscribed(name, subscribed),
    open: () => own.open(),
    discard: (message) => own.discard(message),
    quota: () => own.quota(),

    async list() {
      const mine = await own.list()
      const others = await places.all()
      return others.length === 0 ? mine : [...mine, ...others.map(({ view }) => view)]
    },
    async find(name) {
      const mine = await own.find(name)
      if (mine !== null || !isShared(name)) return mine
      return (await places.named(name))?.found?.view ?? null
    },
    async info(mailboxId) {
      if (places.isOwn(mailboxId)) return own.info(mailboxId)
      return reading<MailboxView | null>(mailboxId, null, (go, place) => places.view(place, go))
    },
    async create(name, specialUse) {
      if (!isShared(name)) return own.create(name, specialUse)
      return specialUse === null ? createShared(name) : { at: 'special-use-taken' }
    },
    async remove(mailboxId) {
      return withRight(mailboxId, 'x', (go) => go.mailboxes.remove(go.mailboxId))
    },
    async rename(mailboxId, name) {
      return places.isOwn(mailboxId) ? own.rename(mailboxId, name) : renameShared(mailboxId, name)
    },

    uids: (mailboxId) => reading(mailboxId, new Uint32Array(0), (go) => go.mailboxes.uids(go.mailboxId)),
    entries: (mailboxId, uids, read) =>
      places.isOwn(mailboxId)
        ? own.entries(mailboxId, uids, read)
        : readingAll(mailboxId, (go) => go.mailboxes.entries(go.mailboxId, uids, read), withKey),
    messages: (mailboxId, uids, read) =>
      places.isOwn(mailboxId)
        ? own.messages(mailboxId, uids, read)
        : readingAll(mailboxId, (go) => go.mailboxes.messages(go.mailboxId, uids, read), withKey),
    sortRows: (mailboxId, uids) =>
      places.isOwn(mailboxId)
        ? own.sortRows(mailboxId, uids)
        : readingAll(mailboxId, (go) => go.mailboxes.sortRows(go.mailboxId, uids)),
    expungedSince: (mailboxId, since) =>
      reading<Awaited<ReturnType<Mailboxes['expungedSince']>>>(mailboxId, [], (go) =>
        go.mailboxes.expungedSince(go.mailboxId, since),
      ),
    keywords: (mailboxId) => reading<readonly string[]>(mailboxId, [], (go) => go.mailboxes.keywords(go.mailboxId)),
    async read(messageKey, start, end) {
      const message = await places.message(messageKey)
      if (message === null) throw new StoreError('damaged', 'the mailbox may not be read any more')
      return message.mailboxes.read(message.messageKey, start, end)
    },
    async mayHold(mailboxId, text) {
      if (places.isOwn(mailboxId)) return own.mayHold(mailboxId, text)
      return reading<MessageChoice | null>(mailboxId, null, async (go, { owner }) => {
        const choice = await go.mailboxes.mayHold(go.mailboxId, text)
        return choice === null ? null : movedBy(choice, places.keyOf(owner, NO_KEY))
      })
    },
    async uidsOfMessages(mailboxId, messages) {
      if (places.isOwn(mailboxId)) return own.uidsOfMessages(mailboxId, messages)
      return reading(mailboxId, new Uint32Array(0), (go, { owner }) =>
        go.mailboxes.uidsOfMessages(go.mailboxId, movedBy(messages, -places.keyOf(owner, NO_KEY))),
      )
    },

    append: (mailboxId, drafts) =>
      withRight(mailboxId, 'i', (go, { rights }) => {
        const allowed = flagClassesOf(rights)
        const kept = drafts.map((draft) => ({ ...draft, flags: draft.flags.filter((flag) => isFlagIn(flag, allowed)) }))
        return go.mailboxes.append(go.mailboxId, kept)
      }),
    replace: (old, to, draft) =>
      both({ mailboxId: old.mailboxId, need: takesAway }, to, (source, target, { into, keeps }) => {
        const kept = { ...draft, flags: draft.flags.filter((flag) => isFlagIn(flag, keeps)) }
        const at = { mailboxId: source.mailboxId, uid: old.uid }
        return source.mailboxes.replace(at, target.mailboxId, kept, into === undefined ? {} : { into })
      }),
    async setFlags(mailboxId, change) {
      if (places.isOwn(mailboxId)) return own.setFlags(mailboxId, change)
      const some = (rights: Rights): boolean =>
        rights.has('r') && ['s', 't', 'w'].some((right) => rights.has(right as 's'))
      return withRight(mailboxId, some, async (go, { rights }) => {
        const only = flagClassesOf(rights)
        // RFC 4314 §4, STORE: those that may be changed are, and with none of them it fails.
        const { flags, mode } = change
        if (!(mode === 'replace' && flags.length === 0) && !flags.some((flag) => isFlagIn(flag, only))) return DENIED
        return go.mailboxes.setFlags(go.mailboxId, { ...change, only })
      })
    },
    copy: (from, uids, to) =>
      both({ mailboxId: from, need: 'r' }, to, (source, target, more) =>
        source.mailboxes.copy(source.mailboxId, uids, target.mailboxId, more),
      ),
    move: (from, uids, to) =>
      both({ mailboxId: from, need: takesAway }, to, (source, target, more) =>
        source.mailboxes.move(source.mailboxId, uids, target.mailboxId, more),
      ),
    expunge: (mailboxId, uids, how) => withRight(mailboxId, 'e', (go) => go.mailboxes.expunge(go.mailboxId, uids, how)),

    // What a letter that goes in comes up against; also told by the refusal itself.
    quotaOf: (mailboxId) =>
      withRight(
        mailboxId,
        (rights) => rights.has('r') || rights.has('i'),
        (go) => go.mailboxes.quota(),
      ),
    async quotaAt(root) {
      if (root === printAddress(account.address)) return own.quota()
      for (const { place, view } of await places.all()) {
        const go = place.may('r') // RFC 9208 §6: how much there is, is for those who may read.
        if (go.at === 'go' && view.owner !== null && printAddress(view.owner) === root) return go.mailboxes.quota()
      }
      return NOT_FOUND
    },
    async quotaRootOf(name) {
      if (!isShared(name) || (await own.find(name)) !== null) return own.quotaRootOf(name)
      const found = (await places.named(name))?.found
      const go = found?.place.may('r') ?? NOT_FOUND
      return go.at === 'go' ? go.mailboxes.quotaRootOf(name) : go
    },
    deletedOctets: (mailboxId) => reading(mailboxId, 0, (go) => go.mailboxes.deletedOctets(go.mailboxId)),

    async objectIds(messageKeys) {
      // Most are of one mailbox, and so of one owner.
      const shown = await Promise.all(messageKeys.map(async (key) => ({ key, message: await places.message(key) })))
      const ids = new Map<number, { email: number; thread: number }>()
      for (const mailboxes of new Set(shown.map(({ message }) => message?.mailboxes))) {
        if (mailboxes === undefined) continue
        const mine = shown.filter(({ message }) => message?.mailboxes === mailboxes)
        const found = await mailboxes.objectIds(mine.map(({ message }) => message!.messageKey))
        for (const [i, { key }] of mine.entries()) ids.set(key, found[i]!)
      }
      return messageKeys.map((key) => ids.get(key) ?? { email: key, thread: key })
    },
    messagesWith: (mailboxId, id) =>
      reading(mailboxId, new Set(), async (go, { owner }) => {
        const keys = await go.mailboxes.messagesWith(go.mailboxId, id)
        return owner === null ? keys : new Set([...keys].map((key) => places.keyOf(owner, key)))
      }),

    acl: (mailboxId) => withRight(mailboxId, 'a', (go) => go.mailboxes.acl(go.mailboxId)),
    setAcl: (mailboxId, change) => withRight(mailboxId, 'a', (go) => go.mailboxes.setAcl(go.mailboxId, change)),
    identify: (mailboxId, identifier) =>
      withRight(mailboxId, 'a', (go) => go.mailboxes.identify(go.mailboxId, identifier)),
    async annotations(mailboxId) {
      if (mailboxId === null) return own.annotations(null)
      return withRight(mailboxId, seesAnnotations, (go) => go.mailboxes.annotations(go.mailboxId))
    },
    async setAnnotations(mailboxId, changes) {
      if (mailboxId === null) return own.setAnnotations(null, changes)
      const need = changes.some(({ entry }) => entry.startsWith('/shared/')) ? setsShared : seesAnnotations
      return withRight(mailboxId, need, (go) => go.mailboxes.setAnnotations(go.mailboxId, changes))
    },

    watch: (heard, of) =>
      of === undefined ? watchAll(heard) : places.isOwn(of) ? own.watch(heard, of) : watchOne(heard, of),
  }

  /** A notice of an owner's account, as it concerns this one; null: not at all. */
  function shownNotice(notice: ChangeNotice, owner: AccountRef): ChangeNotice | null {
    switch (notice.kind) {
      case 'mailbox':
      case 'annotations':
        return notice.mailboxId === null ? null : { ...notice, mailboxId: places.idOf(owner, notice.mailboxId) }
      case 'mailbox-list':
      case 'account-removed':
        return { kind: 'mailbox-list', accountId: account.accountId }
      default:
        return null
    }
  }

  /** From now on, whatever is read first. */
  function watchOne(heard: (notice: ChangeNotice) => void, mailboxId: MailboxId): () => void {
    const accountId = Math.floor(mailboxId / 2 ** 31) as AccountId
    const stops = [
      own.watch((notice) => {
        if (notice.kind === 'mailbox-list' || notice.kind === 'account-removed') heard(notice)
      }),
      grants.watch(accountId, (notice) => {
        const shown = shownNotice(notice, { accountId, address: account.address })
        if (shown !== null && !('mailboxId' in shown && shown.mailboxId !== mailboxId)) heard(shown)
      }),
    ]
    return () => stops.forEach((stop) => stop())
  }

  /** Owners come and go: who they are is looked up again when what was given changes. */
  function watchAll(heard: (notice: ChangeNotice) => void): () => void {
    let ended = false
    let looking: Promise<void> | null = null
    let again = false
    let given: readonly Grant[] = []
    const owners = new Map<AccountId, () => void>()
    const hearsOf = (owner: AccountRef, mailboxId: MailboxId): boolean =>
      given.some(
        (grant) =>
          grant.owner.accountId === owner.accountId &&
          grant.mailboxId === mailboxId &&
          grant.rights.has('l') &&
          grant.rights.has('r'),
      )

    function follow(owner: AccountRef): () => void {
      return grants.watch(owner.accountId, (notice) => {
        if (notice.kind === 'annotations' && notice.reader !== null && notice.reader !== account.accountId) return
        if ('mailboxId' in notice && (notice.mailboxId === null || !hearsOf(owner, notice.mailboxId))) return
        const shown = shownNotice(notice, owner)
        if (shown !== null) heard(shown)
      })
    }

    async function look(): Promise<void> {
      try {
        do {
          again = false
          given = await grants.to(account)
          if (ended) return
          const now = new Map(given.map(({ owner }) => [owner.accountId, owner]))
          for (const [accountId, stop] of owners) {
            if (now.has(accountId)) continue
            stop()
            owners.delete(accountId)
          }
          for (const [accountId, owner] of now) if (!owners.has(accountId)) begin(accountId, owner)
        } while (again)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error // Looked up again at the next change.
      } finally {
        looking = null
      }
    }

    function begin(accountId: AccountId, owner: AccountRef): void {
      owners.set(accountId, follow(owner))
      // What changed before anybody listened is looked for by whoever hears of it.
      for (const grant of given) {
        if (grant.owner.accountId !== accountId || !hearsOf(owner, grant.mailboxId)) continue
        heard({ kind: 'mailbox', accountId, mailboxId: places.idOf(owner, grant.mailboxId), modSeq: 0 as ModSeq })
      }
    }

    const lookAgain = (): void => {
      again = true
      looking ??= look()
    }
    const stopOwn = own.watch((notice) => {
      if (notice.kind === 'mailbox-list') lookAgain()
      heard(notice)
    })
    lookAgain()
    return () => {
      ended = true
      stopOwn()
      for (const stop of owners.values()) stop()
    }
  }
}
