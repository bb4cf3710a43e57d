/** How far the search index is, and making it anew. Searches are right all the while: what is not indexed is looked into. */
import * as v from 'valibot'
import { printAddress } from '../../format/address/address.ts'
import type { Directory } from '../../core/contract.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Log } from '../../std/log.ts'
import type { Store } from '../../store/contract.ts'
import { wishForReindex } from '../../store/search/search-index.ts'
import { openSearchReads } from '../../store/search/reads.ts'
import { done, refused, route, type AdminRoute } from './api.ts'

export type SearchIndexStatus = {
  readonly octets: number
  readonly messages: number
  /** Messages that are not in it yet, at most. */
  readonly waiting: number
  readonly accounts: readonly { readonly address: string; readonly messages: number; readonly waiting: number }[]
}

export type SearchIndexOperator = {
  status(): Promise<SearchIndexStatus>
  /** Null: all accounts. @throws StoreError */
  rebuild(accountId: AccountId | null): void
}

export function createSearchIndexOperator(parts: {
  dataDir: string
  store: Pick<Store, 'mail'>
  directory: Directory
  log: Log
}): SearchIndexOperator {
  const { dataDir, store, directory, log } = parts
  return {
    async status() {
      const reads = openSearchReads({ dataDir, log })
      const status = await reads.status()
      reads.close()
      const known = new Map(status?.accounts.map((account) => [account.accountId, account]))
      const marks = new Map((await store.mail.mailMarks()).map((mark) => [mark.accountId, mark]))
      const accounts = (await directory.accounts()).map(({ accountId, address }) => {
        const has = known.get(accountId)
        const waiting = Math.max(0, (marks.get(accountId)?.lastKey ?? 0) - (has?.upTo ?? 0))
        return { address: printAddress(address), messages: has?.messages ?? 0, waiting }
      })
      const sum = (of: (account: (typeof accounts)[number]) => number): number =>
        accounts.reduce((total, account) => total + of(account), 0)
      return {
        octets: status?.octets ?? 0,
        messages: sum(({ messages }) => messages),
        waiting: sum(({ waiting }) => waiting),
        accounts,
      }
    },
    rebuild: (accountId) => wishForReindex(dataDir, accountId),
  }
}

const NOT_HERE = refused(503, 'there is no search index here', 'start the server: gavan serve')

export const SEARCH_INDEX_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: '/v1/search-index',
    summary: 'How far the search index is, by account',
    body: v.optional(v.strictObject({})),
    run: async ({ searchIndex }) => (searchIndex === undefined ? NOT_HERE : done(await searchIndex.status())),
  }),
  route({
    method: 'POST',
    path: '/v1/search-index/rebuild',
    summary: 'Make the search index anew, of one account or (null) of all; searches go on meanwhile',
    body: v.strictObject({ address: v.nullable(v.string()) }),
    run: async ({ searchIndex, directory }, _, { address }) => {
      if (searchIndex === undefined) return NOT_HERE
      const account = address === null ? null : await directory.account(address)
      if (address !== null && account === null) return refused(404, `there is no user ${address}`, 'gavan user list')
      searchIndex.rebuild(account?.accountId ?? null)
      return done()
    },
  }),
]
