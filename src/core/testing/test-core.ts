import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../std/log.ts'
import { Secret } from '../../std/secret.ts'
import { createTestClock, type TestClock } from '../../std/test-clock.ts'
import { createTestRandom } from '../../std/test-random.ts'
import type { Random } from '../../std/random.ts'
import type { Store } from '../../store/contract.ts'
import { openStore } from '../../store/sqlite/open.ts'
import { createAccessKeyOperator } from '../accounts/access-key-operator.ts'
import { createAccounts, type KeyUse } from '../accounts/accounts.ts'
import { argon2OfNode } from '../accounts/argon2.ts'
import { createPasswordHasher } from '../accounts/password-hasher.ts'
import type { AccessKeyOperator, AccountRef, Accounts, Directory } from '../contract.ts'
import { createDirectory } from '../directory/directory.ts'

export type TestCore = {
  readonly store: Store
  readonly clock: TestClock
  readonly random: Random
  readonly accounts: Accounts
  readonly directory: Directory
  readonly accessKeys: AccessKeyOperator
  /** Resolves when the uses of access keys so far are written down. */
  usesNoted(): Promise<number>
  /** Adds an account whose password is `sesame`; its domain must be there. */
  addAccount(address: string, quotaOctets?: number): Promise<AccountRef>
  [Symbol.asyncDispose](): Promise<void>
}

/** A real store in a folder of its own, with the domain `here.test`. Passwords are hashed cheaply. */
export async function openTestCore(): Promise<TestCore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gavan-core-'))
  const clock = createTestClock()
  const random = createTestRandom()
  const store = await openStore({ dataDir, clock, log: silentLog })
  const cost = { memoryKib: 8, passes: 1, parallelism: 1 }
  const hasher = createPasswordHasher({ random, argon2: argon2OfNode, cost })
  const scramSecret = Buffer.from('of this test')
  const noteUse = ({ accountId, keyId, ...use }: KeyUse): void => {
    notes.push(store.run({ do: 'noteAccessKeyUse', accountId, keyId, use }))
  }
  const notes: Promise<unknown>[] = []
  const accounts = createAccounts({ directory: store.directory, hasher, clock, random, cores: 1, scramSecret, noteUse })
  const directory = createDirectory({ store, accounts, clock, random })
  await directory.addDomain('here.test')
  return {
    store,
    clock,
    random,
    accounts,
    directory,
    accessKeys: createAccessKeyOperator({ store, accountAt: directory.account, clock, random, scramSecret }),
    usesNoted: async () => (await Promise.all(notes)).length,
    async addAccount(address, quotaOctets) {
      const outcome = await directory.addAccount(address, new Secret('sesame'), { quotaOctets: quotaOctets ?? null })
      if (outcome.at !== 'done') throw new Error(`${address}: ${outcome.at}`)
      return outcome.account
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
