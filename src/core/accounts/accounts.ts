import type { Clock } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'
import type { Address } from '../../model/address.ts'
import {
  ACCESS_KEY_USE_NOTED_EVERY_MS,
  CREDENTIAL_CACHE_MAX,
  CREDENTIAL_CACHE_MS,
  PASSWORD_HASH_QUEUE_MAX,
  PASSWORD_HASHES_PER_CORE_MAX,
} from '../../model/limits.ts'
import { StoreError, type AccessKey, type AccountInfo, type DirectoryReads } from '../../store/contract.ts'
import type { AccountId } from '../../model/ids.ts'
import type { AccountRef, Accounts, LoginOutcome, LoginPlace } from '../contract.ts'
import { canonicalAddress, localKey } from '../directory/canonical.ts'
import { createRoutes } from '../directory/routes.ts'
import { fitsAppPassword, readAppPassword } from './app-password.ts'
import { createCredentialCache } from './credential-cache.ts'
import { createHashGate } from './hash-gate.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { deriveScramKeys, madeUpScramKeys, saslprep } from './scram-keys.ts'

const refOf = ({ accountId, address }: AccountInfo): AccountRef => ({ accountId, address })

/** A use of an access key that is to be written down. */
export type KeyUse = { readonly accountId: AccountId; readonly keyId: number } & LoginPlace & { readonly at: number }

const NOBODY = 0 as AccountId

/** Names are looked up, never parsed into a mailbox path: anything with a domain behind the last `@` may be asked for. */
function loginAddress(login: string): Address | null {
  const at = login.lastIndexOf('@')
  if (at <= 0 || at === login.length - 1) return null
  return canonicalAddress({ localPart: login.slice(0, at), domain: login.slice(at + 1) })
}

const isSame = (login: string, account: AccountInfo): boolean => {
  const address = loginAddress(login)
  return address !== null && localKey(address) === localKey(account.address)
}

/** A password is hashed as SASLprep leaves it, so that composed and decomposed spellings are one; else as it is. */
const prepared = (password: string): string => saslprep(password) ?? password

/**
 * @param options.cores how many cores this thread's share of the hashing may use; at least 1
 * @param options.noteUse is told of uses of access keys, seldom enough to be written down each
 * @param options.scramSecret the installation's own, the same after a restart: made-up keys must not change (RFC 5802 §9)
 */
export function createAccounts(options: {
  directory: DirectoryReads
  hasher: PasswordHasher
  clock: Clock
  random: Random
  cores: number
  scramSecret: Uint8Array
  noteUse?: (use: KeyUse) => void
}): Accounts {
  const { directory, hasher, clock, random, scramSecret, noteUse = () => {} } = options
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
  const routes = createRoutes({ directory, hostname: '', postmaster: null, now: clock.now })

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

  /** @returns `try-later` when the store does not answer */
  const ask = async <T>(read: () => Promise<T>): Promise<T | 'try-later'> => {
    try {
      return await read()
    } catch (error) {
      if (error instanceof StoreError) return 'try-later'
      throw error
    }
  }
  /** @returns null for no such account */
  const find = (login: string): Promise<AccountInfo | null | 'try-later'> => {
    const address = loginAddress(login)
    return ask(async () => (address === null ? null : directory.accountByAddress(address)))
  }

  const isGoodFor = ({ scope }: AccessKey, place: LoginPlace | undefined): boolean =>
    place !== undefined && scope.includes(place.protocol)

  const byKey = (account: AccountInfo, key: AccessKey, place: LoginPlace | undefined): LoginOutcome => {
    if (place === undefined || !isGoodFor(key, place)) return { at: 'refused', why: 'out-of-scope' }
    const now = clock.now()
    // Choice: a use is written down once in an hour and key, so that a phone that asks all day costs no commit each time.
    const seenMs = key.lastUse === null ? Infinity : now - key.lastUse.at
    if (seenMs >= ACCESS_KEY_USE_NOTED_EVERY_MS) {
      const { accountId } = account
      noteUse({ accountId, keyId: key.keyId, at: now, protocol: place.protocol, address: place.address })
    }
    return { at: 'ok', account: refOf(account), by: { by: 'access-key', tag: key.secret } }
  }

  const byAppPassword = async (
    account: AccountInfo,
    password: string,
    place: LoginPlace | undefined,
  ): Promise<LoginOutcome | null> => {
    const letters = readAppPassword(password)
    if (letters === null) return null
    const keys = await ask(() => directory.accessKeys(account.accountId))
    if (keys === 'try-later') return { at: 'try-later' }
    const key = keys.find(({ kind, secret }) => kind === 'app-password' && fitsAppPassword(secret, letters))
    return key === undefined ? null : byKey(account, key, place)
  }

  return {
    async verifyPassword(login, secret, place) {
      const password = prepared(secret.reveal())
      const account = await find(login)
      if (account === 'try-later') return { at: 'try-later' }
      if (account === null) {
        const outcome = await gate.run(() => hasher.pretend(password))
        return { at: outcome === 'full' ? 'try-later' : 'refused' }
      }
      const device = await byAppPassword(account, password, place)
      if (device !== null) return device
      const { phc } = account.credential
      const proven: LoginOutcome = { at: 'ok', account: refOf(account), by: { by: 'password', tag: phc } }
      const key = cache.key({ accountId: account.accountId, phc, password })
      if (cache.has(key)) return proven
      const outcome = await once(key, () => gate.run(() => hasher.verify(phc, password)))
      if (outcome === 'full') return { at: 'try-later' }
      if (!outcome.done) return { at: 'refused' }
      cache.add(key)
      return proven
    },

    async scramKeys(login, place) {
      const account = await find(login)
      if (account === 'try-later') return { at: 'try-later' }
      const address = loginAddress(login)
      const madeUp = madeUpScramKeys(address === null ? login : localKey(address), scramSecret)
      // Nobody's are asked for too: an unknown name costs the same reads (S7).
      const keys = await ask(() => directory.accessKeys(account?.accountId ?? NOBODY))
      if (keys === 'try-later') return { at: 'try-later' }
      // An account whose password SCRAM cannot carry looks like an unknown one, and its owner uses PLAIN.
      const own = account?.credential.scram ?? null
      const { salt, iterations } = own ?? madeUp
      // Choice: app passwords share the salt of the account, so that whichever the client has, SCRAM needs no guess which.
      const devices = keys.filter(
        (key) => key.scram?.salt === salt && key.scram.iterations === iterations && isGoodFor(key, place),
      )
      return {
        salt,
        iterations,
        pairs: [own ?? madeUp, ...devices.flatMap(({ scram }) => scram ?? [])],
        proven(pair) {
          const device = devices[pair - 1]
          if (account === null) return { at: 'refused' } // A made-up key that fits is still nobody's (S7).
          if (device !== undefined) return byKey(account, device, place)
          if (pair !== 0 || own === null) return { at: 'refused' }
          return { at: 'ok', account: refOf(account), by: { by: 'password', tag: account.credential.phc } }
        },
      }
    },

    async verifyCertificate({ fingerprint, addresses, trusted }, login, place) {
      const pinned = await ask(() => directory.certificateKey(fingerprint))
      if (pinned === 'try-later') return { at: 'try-later' }
      if (pinned !== null) {
        const account = await ask(() => directory.account(pinned.accountId))
        if (account === 'try-later') return { at: 'try-later' }
        if (account === null || (login !== null && !isSame(login, account))) return { at: 'refused' }
        return byKey(account, pinned.key, place)
      }
      if (!trusted) return { at: 'refused' }
      // Choice: of a certificate with several addresses, the one that is asked for, or else the first that has an account.
      for (const address of addresses) {
        const account = await find(address)
        if (account === 'try-later') return { at: 'try-later' }
        if (account === null || (login !== null && !isSame(login, account))) continue
        return { at: 'ok', account: refOf(account) }
      }
      return { at: 'refused' }
    },

    async accountOf(login) {
      const account = await find(login)
      if (account === 'try-later') return { at: 'try-later' }
      return account === null ? { at: 'refused' } : { at: 'ok', account: refOf(account) }
    },

    async stillHolds({ accountId }, by) {
      const account = await directory.account(accountId)
      if (account === null || by === null) return account !== null
      if (by.by === 'password') return account.credential.phc === by.tag
      return (await directory.accessKeys(accountId)).some(({ secret }) => secret === by.tag)
    },

    async makeCredential(secret, like = null) {
      const scramPassword = saslprep(secret.reveal())
      const made = await gate.run(() => hasher.hash(prepared(secret.reveal())), { patient: true })
      if (made === 'full') throw new Error('the hash gate refused patient work')
      if (scramPassword === null) return { phc: made.done, scram: null }
      const salt = like === null ? random.bytes(16) : Buffer.from(like.salt, 'base64')
      return { phc: made.done, scram: await deriveScramKeys(scramPassword, salt, like?.iterations) }
    },

    async maySendAs(account, from) {
      const route = await routes.resolve(from, { fallbacks: false })
      return route.accounts.some(({ accountId }) => accountId === account.accountId)
    },
  }
}
