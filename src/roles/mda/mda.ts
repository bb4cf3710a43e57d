import type { AccountRef, Grants, Mailboxes } from '../../core/contract.ts'
import type { Connection } from '../../model/connection.ts'
import type { AccessPolicy, Authenticator } from '../contract.ts'
import { mechanismsFor } from '../mechanisms.ts'
import { shareMailboxes } from './shared.ts'

export type MdaOptions = {
  readonly authenticator: Authenticator
  openMailboxes(account: AccountRef): Mailboxes
  /** What others share with the account; absent: nothing. */
  readonly grants?: Grants
  /** D10: an administrator allows credentials in the clear on this service, and this peer is inside. Default: never. */
  plainLoginAllowed?(connection: Connection): boolean
}

/** 143, 993, 110, 995 (D9–D12): people read their mail; no credentials in the clear. */
export function createMdaPolicy(options: MdaOptions): AccessPolicy {
  const mayAuthenticate = (connection: Connection): boolean =>
    connection.tls !== null || options.plainLoginAllowed?.(connection) === true
  return {
    mayAuthenticate,
    mechanisms: (connection) => (mayAuthenticate(connection) ? mechanismsFor(connection, options.authenticator) : []),
    authenticator: options.authenticator,
    open(account) {
      const own = options.openMailboxes(account)
      return options.grants === undefined ? own : shareMailboxes({ account, own, grants: options.grants })
    },
  }
}
