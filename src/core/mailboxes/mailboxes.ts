import { assert } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import { MAILBOX_DEPTH_MAX, MAILBOX_NAME_MAX_OCTETS } from '../../model/limits.ts'
import type { AccountId } from '../../model/ids.ts'
import { SPECIAL_USE_ENTRY, SPECIAL_USES, type MailboxInfo, type SpecialUse } from '../../model/mailbox.ts'
import type { Commands, SearchReads, Store } from '../../store/contract.ts'
import { ALL_RIGHTS, type FlagClasses } from '../../model/rights.ts'
import { printAddress } from '../../format/address/address.ts'
import type {
  AccountRef,
  Annotation,
  AppendDraft,
  Mailboxes,
  MailboxView,
  NameProblem,
  ObjectIds,
  Quota,
  TransferOptions,
} from '../contract.ts'
import { openAcl } from './acl.ts'
import { openSink } from '../intake/sink.ts'
import { mayHoldText } from '../search/may-hold.ts'
import { isShared } from '../../format/mailbox/shared-name.ts'
import { canonicalMailboxName, DELIMITER, isBelow, newMailboxName, parentsOf } from './mailbox-name.ts'

const badName = (why: string): NameProblem => ({ at: 'bad-name', why })

function viewOf(info: MailboxInfo): MailboxView
function viewOf(info: MailboxInfo | null): MailboxView | null
function viewOf(info: MailboxInfo | null): MailboxView | null {
  return info === null ? null : { ...info, rights: ALL_RIGHTS, owner: null }
}

/** Ids of one account (store/contract.ts). */
const IDS = 2 ** 32

const inputOf = ({ into, keeps }: TransferOptions = {}): { toAccountId?: AccountId; keeps?: FlagClasses } => ({
  ...(into === undefined ? {} : { toAccountId: into.accountId }),
  ...(keeps === undefined ? {} : { keeps }),
})

const draftAt =
  (now: number) =>
  ({ message, flags, internalDate }: AppendDraft) => ({
    body: message.body,
    summary: message.summary,
    flags,
    internalDate: internalDate ?? now,
  })

/** RFC 6154 §4: the use as LIST shows it. */
const useOf = (mailbox: MailboxInfo | null): Annotation[] =>
  mailbox === null || mailbox.specialUse === null
    ? []
    : [{ entry: SPECIAL_USE_ENTRY, value: Buffer.from(`\\${mailbox.specialUse}`) }]

/** Undefined: no use that a mailbox can have. Choice: one use for each mailbox. */
function specialUseIn(value: Uint8Array | null): SpecialUse | null | undefined {
  if (value === null) return null
  const text = Buffer.from(value).toString('latin1').toLowerCase()
  return SPECIAL_USES.find((use) => text === `\\${use.toLowerCase()}`)
}

const NOTHING: Quota = { usedOctets: 0, limitOctets: null, messages: 0, limitMessages: null }

/** The handle bound to one proven account: everything asked through it is asked for that account only (S27). `reader`: who looks, if not the owner. */
export function openMailboxes(
  account: AccountRef,
  options: { store: Store; clock: Clock; search?: SearchReads; reader?: AccountRef },
): Mailboxes {
  const { store, clock, search, reader = account } = options
  const { mail } = store
  const { accountId } = account

  const find = async (name: string): Promise<MailboxView | null> =>
    viewOf(await mail.mailboxByName(accountId, canonicalMailboxName(name)))

  /** RFC 4314 §4: what its parent allows others, a new mailbox does too. */
  const make = async (name: string, specialUse: SpecialUse | null): Promise<Commands['createMailbox']['outcome']> => {
    const parent = parentsOf(name).at(-1)
    const above = parent === undefined ? null : await mail.mailboxByName(accountId, parent)
    const inherits = above === null ? {} : { rightsOf: above.mailboxId }
    return store.run({ do: 'createMailbox', accountId, name, specialUse, ...inherits, now: clock.now() })
  }

  /** Missing parents of a mailbox to come (RFC 9051 §6.3.4, §6.3.6). @returns null, or why there can be no more */
  const makeParents = async (name: string): Promise<{ at: 'too-many' } | null> => {
    for (const parent of parentsOf(name)) {
      if ((await mail.mailboxByName(accountId, parent)) !== null) continue
      const made = await make(parent, null)
      if (made.at === 'too-many') return made // `exists`: another session was quicker; that is as good.
    }
    return null
  }

  /** Children go along with a rename and must have good names afterwards too. */
  const childrenFit = async (from: string, to: string): Promise<boolean> => {
    const children = (await mail.mailboxes(accountId)).filter(({ name }) => isBelow(name, from))
    return children.every((child) => {
      const name = to + child.name.slice(from.length)
      return Buffer.byteLength(name) <= MAILBOX_NAME_MAX_OCTETS && name.split(DELIMITER).length <= MAILBOX_DEPTH_MAX
    })
  }

  async function quota(): Promise<Quota> {
    const info = await store.directory.account(accountId)
    if (info === null) return NOTHING // Removed while a session is open.
    const { usedOctets, quotaOctets, usedMessages, quotaMessages } = info
    return { usedOctets, limitOctets: quotaOctets, messages: usedMessages, limitMessages: quotaMessages }
  }

  // Ids of the reader's own account are short; all others say whose they are.
  const toReader = (id: number): number => (Math.floor(id / IDS) === reader.accountId ? id % IDS : id)
  const fromReader = (id: number): number => (id < IDS ? reader.accountId * IDS + id : id)

  return {
    account,
    list: async () => (await mail.mailboxes(accountId)).map((info) => viewOf(info)),
    find,
    info: async (mailboxId) => viewOf(await mail.mailbox(accountId, mailboxId)),
    subscriptions: () => mail.subscriptions(accountId),

    async setSubscribed(text, subscribed) {
      if (!subscribed) {
        return store.run({ do: 'setSubscribed', accountId, name: canonicalMailboxName(text), subscribed })
      }
      const name = newMailboxName(text)
      if (!name.ok) return badName(name.error)
      return store.run({ do: 'setSubscribed', accountId, name: name.value, subscribed })
    },

    async create(text, specialUse) {
      const name = newMailboxName(text)
      if (!name.ok) return badName(name.error)
      if (isShared(name.value)) return badName('names of shared mailboxes begin so')
      // Asked first, so that a refused name leaves no parents behind; the command asks again.
      if ((await find(name.value)) !== null) return { at: 'exists' }
      if (specialUse !== null && (await mail.mailboxes(accountId)).some((other) => other.specialUse === specialUse)) {
        return { at: 'special-use-taken' }
      }
      const refused = await makeParents(name.value)
      if (refused !== null) return refused
      return make(name.value, specialUse)
    },

    async remove(mailboxId) {
      const mailbox = await mail.mailbox(accountId, mailboxId)
      if (mailbox?.name === 'INBOX') return badName('INBOX cannot be deleted') // RFC 9051 §6.3.5.
      return store.run({ do: 'deleteMailbox', accountId, mailboxId })
    },

    async rename(mailboxId, text) {
      const name = newMailboxName(text)
      if (!name.ok) return badName(name.error)
      if (isShared(name.value)) return badName('names of shared mailboxes begin so')
      const mailbox = await mail.mailbox(accountId, mailboxId)
      if (mailbox === null) return { at: 'not-found' }
      if ((await find(name.value)) !== null) return { at: 'exists' }
      if (mailbox.name !== 'INBOX') {
        if (isBelow(name.value, mailbox.name)) return badName('a mailbox cannot move into itself')
        if (!(await childrenFit(mailbox.name, name.value))) return badName('name too long for the mailboxes below it')
      }
      const refused = await makeParents(name.value)
      if (refused !== null) return badName('too many mailboxes')
      return store.run({ do: 'renameMailbox', accountId, mailboxId, name: name.value, now: clock.now() })
    },

    uids: (mailboxId) => mail.uids(accountId, mailboxId),
    entries: (mailboxId, uids, read) => mail.entries(accountId, mailboxId, uids, read),
    messages: (mailboxId, uids, read) => mail.messages(accountId, mailboxId, uids, read),
    flagRows: (mailboxId, uids) => mail.flagRows(accountId, mailboxId, uids),
    sortRows: (mailboxId, uids) => mail.sortRows(accountId, mailboxId, uids),
    expungedSince: (mailboxId, since) => mail.expungedSince(accountId, mailboxId, since),
    keywords: (mailboxId) => mail.keywords(accountId, mailboxId),
    read: (messageKey, start, end) => mail.read(accountId, messageKey, start, end),
    mayHold: (_, text) => mayHoldText(search, accountId, text),
    uidsOfMessages: (mailboxId, messages) => mail.uidsOfMessages(accountId, mailboxId, messages),

    open: () => openSink({ store, prefix: null, nulInBody: true }),

    async append(mailboxId, drafts) {
      const now = clock.now()
      const outcome = await store.run({ do: 'append', accountId, mailboxId, messages: drafts.map(draftAt(now)), now })
      assert(outcome.at !== 'gone', 'nothing was to be replaced')
      return outcome
    },
    replace({ mailboxId, uid }, to, draft, { into = account } = {}) {
      const now = clock.now()
      return store.run({
        do: 'append',
        accountId: into.accountId,
        mailboxId: to,
        messages: [draftAt(now)(draft)],
        replaces: { accountId, mailboxId, uid },
        now,
      })
    },
    discard: (message) => store.discard(message.body),

    setFlags: (mailboxId, change) => store.run({ do: 'setFlags', accountId, mailboxId, ...change }),
    copy: (from, uids, to, more) =>
      store.run({ do: 'copy', accountId, from, to, uids, now: clock.now(), ...inputOf(more) }),
    move: (from, uids, to, more) =>
      store.run({ do: 'move', accountId, from, to, uids, now: clock.now(), ...inputOf(more) }),
    expunge: (mailboxId, uids, { deletedOnly }) =>
      store.run({ do: 'expunge', accountId, mailboxId, uids, deletedOnly }),

    quota,
    quotaOf: quota,
    quotaAt: async (root) => (root === printAddress(account.address) ? quota() : { at: 'not-found' }),
    quotaRootOf: async () => ({ at: 'done', root: printAddress(account.address), quota: await quota() }),
    deletedOctets: (mailboxId) => mail.deletedOctets(accountId, mailboxId),

    async objectIds(messageKeys) {
      const ids = await mail.objectIds(accountId, messageKeys)
      return ids.map(({ email, thread }): ObjectIds => ({ email: toReader(email), thread: toReader(thread) }))
    },
    messagesWith: (_, id) =>
      mail.messagesWith(accountId, 'email' in id ? { email: fromReader(id.email) } : { thread: fromReader(id.thread) }),
    ...openAcl(account, store),
    async annotations(mailboxId) {
      const mailbox = mailboxId === null ? null : await mail.mailbox(accountId, mailboxId)
      if (mailboxId !== null && mailbox === null) return { at: 'not-found' }
      const entries = await mail.annotations(accountId, mailboxId, reader.accountId)
      return { at: 'done', entries: [...entries, ...useOf(reader === account ? mailbox : null)] }
    },
    async setAnnotations(mailboxId, changes) {
      const use = changes.find(({ entry }) => entry === SPECIAL_USE_ENTRY)
      const input = { do: 'setAnnotations', accountId, mailboxId, reader: reader.accountId } as const
      if (use === undefined) return store.run({ ...input, changes })
      // RFC 6154 §4: no use that is not known, and only the owner’s; an inbox is what it is.
      const specialUse = specialUseIn(use.value)
      const mailbox = mailboxId === null ? null : await mail.mailbox(accountId, mailboxId)
      const isGood = reader === account && specialUse !== undefined && mailbox !== null && mailbox.name !== 'INBOX'
      if (!isGood) return { at: 'bad-special-use' }
      return store.run({ ...input, changes: changes.filter((change) => change !== use), specialUse })
    },

    watch: (heard) =>
      store.changes.watchAccount(accountId, (notice) => {
        // Private annotations of others are none of the owner's business.
        if (notice.kind === 'annotations' && notice.reader !== null && notice.reader !== reader.accountId) return
        heard(notice)
      }),
  }
}
