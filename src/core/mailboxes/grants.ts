import type { Clock } from '../../std/clock.ts'
import type { SearchReads, Store } from '../../store/contract.ts'
import type { Grants } from '../contract.ts'
import { openMailboxes } from './mailboxes.ts'

/** What accounts were given in the mailboxes of others. */
export function createGrants(options: { store: Store; clock: Clock; search?: SearchReads }): Grants {
  const { mail, changes } = options.store
  return {
    to: (account) => mail.grantsTo(account.accountId),
    one: (account, owner, mailboxId) => mail.grantTo(account.accountId, owner, mailboxId),
    open: (owner, reader) => openMailboxes(owner, { ...options, reader }),
    watch: (account, heard) => changes.watchAccount(account, heard),
  }
}
