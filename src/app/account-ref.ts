import type { AccountRef } from '../core/contract.ts'
import type { Address } from '../model/address.ts'
import type { Store } from '../store/contract.ts'

/** The program's own look at an account, e.g. for the sandbox: no proof is asked. */
export async function readAccountRef(store: Store, address: Address): Promise<AccountRef | null> {
  const account = await store.directory.accountByAddress(address)
  return account === null ? null : { accountId: account.accountId, address: account.address }
}
