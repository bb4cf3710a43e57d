/** What the junk filter has learnt, learning it anew, and why it says of a letter what it says. */
import * as v from 'valibot'
import type { Directory } from '../../core/contract.ts'
import { createJunkJudge } from '../../core/junk/judge.ts'
import { storedFacts } from '../../core/junk/stored-facts.ts'
import { printAddress } from '../../format/address/address.ts'
import { createScanner } from '../../format/message/scan.ts'
import type { AccountId } from '../../model/ids.ts'
import { JUNK_LEARNT_MIN, JUNK_LEARNT_OF_ALL_MIN } from '../../model/limits.ts'
import type { Log } from '../../std/log.ts'
import { openJunkReads, wishForRetraining } from '../../store/junk/junk-file.ts'
import { done, refused, route, type AdminRoute } from './api.ts'

export type JunkStatusView = {
  readonly accounts: readonly {
    readonly address: string
    readonly good: number
    readonly junk: number
    /** Whose words decide; `none` while too little was learnt. */
    readonly goesBy: 'own' | 'all' | 'none'
  }[]
  readonly all: { readonly good: number; readonly junk: number }
}

export type JunkWhy = {
  readonly result: string
  readonly points: number
  readonly findings: readonly { readonly by: string; readonly points: number; readonly says: string }[]
  readonly whose: 'own' | 'all' | 'none'
  readonly good: number
  readonly junk: number
  readonly probability: number | null
  readonly words: readonly {
    readonly word: string
    readonly probability: number
    readonly good: number
    readonly junk: number
  }[]
}

export type JunkOperator = {
  status(): Promise<JunkStatusView>
  /** Null: all accounts. @throws StoreError */
  retrain(accountId: AccountId | null): void
  why(accountId: AccountId, letter: Buffer): Promise<JunkWhy>
}

export function createJunkOperator(parts: {
  dataDir: string
  hostname: string
  directory: Directory
  log: Log
}): JunkOperator {
  const { dataDir, hostname, directory, log } = parts
  return {
    async status() {
      const reads = openJunkReads({ dataDir, log })
      const learnt = reads.status()
      reads.close()
      const of = (accountId: AccountId | null): { good: number; junk: number } => {
        const { good = 0, junk = 0 } = learnt.find((each) => each.accountId === accountId) ?? {}
        return { good, junk }
      }
      const all = of(null)
      const otherwise = Math.min(all.good, all.junk) >= JUNK_LEARNT_OF_ALL_MIN ? ('all' as const) : ('none' as const)
      const accounts = (await directory.accounts()).map(({ accountId, address }) => {
        const { good, junk } = of(accountId)
        const own = Math.min(good, junk) >= JUNK_LEARNT_MIN
        return { address: printAddress(address), good, junk, goesBy: own ? ('own' as const) : otherwise }
      })
      return { accounts, all }
    },
    retrain: (accountId) => wishForRetraining(dataDir, accountId),
    async why(accountId, letter) {
      const scanner = createScanner()
      scanner.push(letter)
      const { summary } = scanner.finish()
      const read = (start: number, end: number): Promise<Uint8Array> => Promise.resolve(letter.subarray(start, end))
      const facts = await storedFacts(read, summary.root, hostname.toLowerCase())
      const reads = openJunkReads({ dataDir, log })
      try {
        const judged = { ...facts, points: 0, summary, read }
        const { verdict, letters, ...rest } = await createJunkJudge(reads).explain(accountId, judged)
        return { ...verdict, ...letters, ...rest }
      } finally {
        reads.close()
      }
    },
  }
}

const NOT_HERE = refused(503, 'there is no junk filter here', 'start the server: gavan serve')
const noUser = (address: string) => refused(404, `there is no user ${address}`, 'gavan user list')

export const JUNK_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: '/v1/junk',
    summary: 'How many letters the junk filter has learnt, by account',
    body: v.optional(v.strictObject({})),
    run: async ({ junk }) => (junk === undefined ? NOT_HERE : done(await junk.status())),
  }),
  route({
    method: 'POST',
    path: '/v1/junk/retrain',
    summary: 'Learn anew from the mail of one account or (null) of all; mail goes on meanwhile',
    body: v.strictObject({ address: v.nullable(v.string()) }),
    run: async ({ junk, directory }, _, { address }) => {
      if (junk === undefined) return NOT_HERE
      const account = address === null ? null : await directory.account(address)
      if (address !== null && account === null) return noUser(address)
      junk.retrain(account?.accountId ?? null)
      return done()
    },
  }),
  route({
    method: 'POST',
    path: '/v1/junk/why',
    summary: 'What an account says of a letter (its octets in base64), and the words that speak most',
    body: v.strictObject({ address: v.string(), letter: v.pipe(v.string(), v.base64()) }),
    run: async ({ junk, directory }, _, { address, letter }) => {
      if (junk === undefined) return NOT_HERE
      const account = await directory.account(address)
      if (account === null) return noUser(address)
      return done(await junk.why(account.accountId, Buffer.from(letter, 'base64')))
    },
  }),
]
