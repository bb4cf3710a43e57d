/** Changes of one's own mailboxes and of those that others share, as far as they may be heard of. */
import type { AccountRef, ChangeNotice, Grant } from '../../core/contract.ts'
import { StoreError } from '../../core/contract.ts'
import type { AccountId, MailboxId, ModSeq } from '../../model/ids.ts'
import type { Holder } from './holder.ts'
import { idOf, ownerOf } from './places.ts'

/** A notice of an owner's account, as it concerns this one; null: not at all. */
function shownNotice({ account }: Holder, notice: ChangeNotice, owner: AccountRef): ChangeNotice | null {
  switch (notice.kind) {
    case 'mailbox':
    case 'annotations':
      return notice.mailboxId === null ? null : { ...notice, mailboxId: idOf(owner, notice.mailboxId) }
    case 'mailbox-list':
    case 'account-removed':
      return { kind: 'mailbox-list', accountId: account.accountId }
    default:
      return null
  }
}

/** From now on, whatever is read first. */
export function watchOne(holder: Holder, heard: (notice: ChangeNotice) => void, mailboxId: MailboxId): () => void {
  const { account, own, grants } = holder
  const accountId = ownerOf(mailboxId)
  const stops = [
    own.watch((notice) => {
      if (notice.kind === 'mailbox-list' || notice.kind === 'account-removed') heard(notice)
    }),
    grants.watch(accountId, (notice) => {
      const shown = shownNotice(holder, notice, { accountId, address: account.address })
      if (shown !== null && !('mailboxId' in shown && shown.mailboxId !== mailboxId)) heard(shown)
    }),
  ]
  return () => stops.forEach((stop) => stop())
}

/** Owners come and go: who they are is looked up again when what was given changes. */
export function watchAll(holder: Holder, heard: (notice: ChangeNotice) => void): () => void {
  const { account, own, grants } = holder
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
      const shown = shownNotice(holder, notice, owner)
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
      heard({ kind: 'mailbox', accountId, mailboxId: idOf(owner, grant.mailboxId), modSeq: 0 as ModSeq })
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
