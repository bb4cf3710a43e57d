import type { Clock } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'
import type { Address } from '../../model/address.ts'
import {
  CREDENTIAL_CACHE_MAX,
  CREDENTIAL_CACHE_MS,
  PASSWORD_HASH_QUEUE_MAX,
  PASSWORD_HASHES_PER_CORE_MAX,
} from '../../model/limits.ts'
import { StoreError, type AccountInfo, type DirectoryReads } from '../../store/contract.ts'
import type { AccountRef, Accounts } from '../contract.ts'
import { canonicalAddress, localKey } from '../directory/canonical.ts'
import { createRoutes } from '../directory/routes.ts'
import { createCredentialCache } from './credential-cache.ts'
import { createHashGate } from './hash-gate.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { deriveScramKeys, madeUpScramKeys, saslprep } from './scram-keys.ts'

const refOf = ({ accountId, address }: AccountInfo): AccountRef => ({ accountId, address })

/** Names are looked up, never parsed into a mailbox path: anything with a domain behind the last `@` may be asked for. */
function loginAddress(login: string): Address | null {
  const at = login.lastIndexOf('@')
  if (at <= 0 || at === login.length - 1) return null
  return canonicalAddress({ localPart: login.slice(0, at), domain: login.slice(at + 1) })
}

/** A password is hashed as SASLprep leaves it, so that composed and decomposed spellings are one; else as it is. */
const prepared = (password: string): string => saslprep(password) ?? password

/**
 * @param options.cores how many cores this thread's share of the hashing may use; at least 1
 * @param options.scramSecret the installation's own, the same after a restart: made-up keys must not change (RFC 5802 §9)
 */
export function createAccounts(options: {
  directory: DirectoryReads
  hasher: PasswordHasher
  clock: Clock
  random: Random
  cores: number
  scramSecret: Uint8Array
}): Accounts {
  const { directory, hasher, clock, random, scramSecret } = options
  const gate = createHashGate({
    atOnceMax: Math.max(1, Math.floor(options.cores)) * PASSWORD_HASHES_PER_CORE_MAX,
    waitingMax: PASSWORD_HASH_QUEUE_MAX,
  })
  const cache = createCredentialCache({
    clock,
    random,
    lifetimeMs: CREDENTIAL_CACHE_MS,
    entriesMax: CREDENTIAL_CACHE_MAX,
  })
  const routes = createRoutes({ directory, hostname: '', postmaster: null })

  /** A client that opens several connections at once asks the same several times: they share one answer. */
  const asked = new Map<string, ReturnType<typeof gate.run<boolean>>>()
  const once = (key: string, ask: () => ReturnType<typeof gate.run<boolean>>): ReturnType<typeof ask> => {
    let answer = asked.get(key)
    if (answer === undefined) {
      answer = ask().finally(() => asked.delete(key))
      asked.set(key, answer)
    }
    return answer
  }

  /** @returns null for no such account, `try-later` when the store does not answer */
  const find = async (login: string): Promise<AccountInfo | null | 'try-later'> => {
    const address = loginAddress(login)
    try {
      return address === null ? null : await directory.accountByAddress(address)
    } catch (error) {
      if (error instanceof StoreError) return 'try-later'
      throw error
    }
  }

  return {
    async verifyPassword(login, secret) {
      const password = prepared(secret.reveal())
      const account = await find(login)
      if (account === 'try-later') return { at: 'try-later' }
      if (account === null) {
        const outcome = await gate.run(() => hasher.pretend(password))
        return { at: outcome === 'full' ? 'try-later' : 'refused' }
      }
      const { phc } = account.credential
      const key = cache.key({ accountId: account.accountId, phc, password })
      if (cache.has(key)) return { at: 'ok', account: refOf(account) }
      const outcome = await once(key, () => gate.run(() => hasher.verify(phc, password)))
      if (outcome === 'full') return { at: 'try-later' }
      if (!outcome.done) return { at: 'refused' }
      cache.add(key)
      return { at: 'ok', account: refOf(account) }
    },

    async scramKeys(login) {
      const account = await find(login)
      if (account === 'try-later') return { at: 'try-later' }
      const address = loginAddress(login)
      const madeUp = madeUpScramKeys(address === null ? login : localKey(address), scramSecret)
      // An account whose password SCRAM cannot carry looks like an unknown one, and its owner uses PLAIN.
      if (account === null || account.credential.scram === null) return { keys: madeUp, account: null }
      return { keys: account.credential.scram, account: refOf(account) }
    },

    async makeCredential(secret) {
      const scramPassword = saslprep(secret.reveal())
      const made = await gate.run(() => hasher.hash(prepared(secret.reveal())), { patient: true })
      if (made === 'full') throw new Error('the hash gate refused patient work')
      const scram = scramPassword === null ? null : await deriveScramKeys(scramPassword, random.bytes(16))
      return { phc: made.done, scram }
    },

    async maySendAs(account, from) {
      const route = await routes.resolve(from, { fallbacks: false })
      return route.accounts.some(({ accountId }) => accountId === account.accountId)
    },
  }
}
