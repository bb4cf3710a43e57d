import type { AccountId } from '../../model/ids.ts'
import { StoreError, type Changes } from '../../store/contract.ts'
import type { AccountRef, Accounts, LiveLogins, Proof } from '../contract.ts'

type Login = { readonly account: AccountRef; readonly by: Proof | null; readonly end: () => void }
type Watched = { readonly logins: Map<string, Login>; readonly stop: () => void }

/**
 * Asks after each change of an account's credentials.
 * Choice: a changed password ends sessions too, as a revoked app password does: it is changed because somebody knows it.
 */
export function createLiveLogins(options: {
  changes: Pick<Changes, 'watchAccount'>
  stillHolds: Accounts['stillHolds']
}): LiveLogins {
  const { changes, stillHolds } = options
  const accountOf = new Map<string, AccountId>()
  const watched = new Map<AccountId, Watched>()

  const check = async (cid: string, login: Login): Promise<void> => {
    try {
      if (await stillHolds(login.account, login.by)) return
    } catch (error) {
      if (!(error instanceof StoreError)) throw error // Who cannot be asked about is out.
    }
    if (watched.get(login.account.accountId)?.logins.get(cid) !== login) return
    endNow(cid, login)
  }

  function endNow(cid: string, login: Login): void {
    ended(cid)
    login.end()
  }

  const watch = (accountId: AccountId): Watched => {
    const logins = new Map<string, Login>()
    const stop = changes.watchAccount(accountId, ({ kind }) => {
      if (kind !== 'credentials' && kind !== 'account-removed') return
      for (const [cid, login] of logins) check(cid, login).catch(() => endNow(cid, login)) // Who cannot be asked about is out.
    })
    return { logins, stop }
  }

  function ended(cid: string): void {
    const accountId = accountOf.get(cid)
    const here = accountId === undefined ? undefined : watched.get(accountId)
    if (accountId === undefined || here === undefined) return
    accountOf.delete(cid)
    here.logins.delete(cid)
    if (here.logins.size > 0) return
    here.stop()
    watched.delete(accountId)
  }

  return {
    began({ cid, account, by, end }) {
      ended(cid)
      const here = watched.get(account.accountId) ?? watch(account.accountId)
      watched.set(account.accountId, here)
      accountOf.set(cid, account.accountId)
      here.logins.set(cid, { account, by, end })
    },
    ended,
  }
}
