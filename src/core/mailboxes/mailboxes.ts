import type { Clock } from '../../std/clock.ts'
import { MAILBOX_DEPTH_MAX, MAILBOX_NAME_MAX_OCTETS } from '../../model/limits.ts'
import type { MailboxInfo } from '../../model/mailbox.ts'
import type { Store } from '../../store/contract.ts'
import type { AccountRef, Mailboxes, NameProblem } from '../contract.ts'
import { openSink } from '../intake/sink.ts'
import { canonicalMailboxName, DELIMITER, isBelow, newMailboxName, parentsOf } from './mailbox-name.ts'

const badName = (why: string): NameProblem => ({ at: 'bad-name', why })

/** The handle bound to one proven account: everything asked through it is asked for that account only (S27). */
export function openMailboxes(account: AccountRef, options: { store: Store; clock: Clock }): Mailboxes {
  const { store, clock } = options
  const { mail } = store
  const { accountId } = account

  const find = (name: string): Promise<MailboxInfo | null> => mail.mailboxByName(accountId, canonicalMailboxName(name))

  /** Missing parents of a mailbox to come (RFC 9051 §6.3.4, §6.3.6). @returns null, or why there can be no more */
  const makeParents = async (name: string): Promise<{ at: 'too-many' } | null> => {
    for (const parent of parentsOf(name)) {
      if ((await mail.mailboxByName(accountId, parent)) !== null) continue
      const made = await store.run({
        do: 'createMailbox',
        accountId,
        name: parent,
        specialUse: null,
        now: clock.now(),
      })
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

  return {
    account,
    list: () => mail.mailboxes(accountId),
    find,
    info: (mailboxId) => mail.mailbox(accountId, mailboxId),
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
      // Asked first, so that a refused name leaves no parents behind; the command asks again.
      if ((await find(name.value)) !== null) return { at: 'exists' }
      if (specialUse !== null && (await mail.mailboxes(accountId)).some((other) => other.specialUse === specialUse)) {
        return { at: 'special-use-taken' }
      }
      const refused = await makeParents(name.value)
      if (refused !== null) return refused
      return store.run({ do: 'createMailbox', accountId, name: name.value, specialUse, now: clock.now() })
    },

    async remove(mailboxId) {
      const mailbox = await mail.mailbox(accountId, mailboxId)
      if (mailbox?.name === 'INBOX') return badName('INBOX cannot be deleted') // RFC 9051 §6.3.5.
      return store.run({ do: 'deleteMailbox', accountId, mailboxId })
    },

    async rename(mailboxId, text) {
      const name = newMailboxName(text)
      if (!name.ok) return badName(name.error)
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
    sortRows: (mailboxId, uids) => mail.sortRows(accountId, mailboxId, uids),
    expungedSince: (mailboxId, since) => mail.expungedSince(accountId, mailboxId, since),
    keywords: (mailboxId) => mail.keywords(accountId, mailboxId),
    read: (messageKey, start, end) => mail.read(accountId, messageKey, start, end),

    open: () => openSink({ store, prefix: null, nulInBody: true }),

    append(mailboxId, drafts) {
      const now = clock.now()
      const messages = drafts.map(({ message, flags, internalDate }) => ({
        body: message.body,
        summary: message.summary,
        flags,
        internalDate: internalDate ?? now,
      }))
      return store.run({ do: 'append', accountId, mailboxId, messages, now })
    },
    discard: (message) => store.discard(message.body),

    setFlags: (mailboxId, change) => store.run({ do: 'setFlags', accountId, mailboxId, ...change }),
    copy: (from, uids, to) => store.run({ do: 'copy', accountId, from, to, uids, now: clock.now() }),
    move: (from, uids, to) => store.run({ do: 'move', accountId, from, to, uids, now: clock.now() }),
    expunge: (mailboxId, uids, { deletedOnly }) =>
      store.run({ do: 'expunge', accountId, mailboxId, uids, deletedOnly }),

    async quota() {
      const info = await store.directory.account(accountId)
      if (info === null) return { usedOctets: 0, limitOctets: null, messages: 0 } // Removed while a session is open.
      return { usedOctets: info.usedOctets, limitOctets: info.quotaOctets, messages: info.usedMessages }
    },

    watch: (heard) => store.changes.watchAccount(accountId, heard),
  }
}
