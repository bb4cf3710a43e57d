/** One-time links: how a person comes to a password that nobody else has seen. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'
import { Secret } from '../../std/secret.ts'
import { parseAddress, printAddress } from '../../format/address/address.ts'
import type { AccountId } from '../../model/ids.ts'
import { ONCE_LINK_LIFETIME_MS, ONCE_LINK_TOKEN_OCTETS } from '../../model/limits.ts'
import type { AccountInfo, Store } from '../../store/contract.ts'
import type { Accounts, Directory, GivenLink, OnceLinks } from '../contract.ts'
import { canonicalAddress } from '../directory/canonical.ts'
import { chosenProblem } from './password-rule.ts'

const TOKEN = new RegExp(`^[\\w-]{${(ONCE_LINK_TOKEN_OCTETS / 3) * 4}}$`)

/** Of 144 bits of chance no slow hash is wanted; and what is looked up by its hash cannot be felt out octet by octet. */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

export function createOnceLinks(options: {
  store: Store
  accounts: Accounts
  directory: Directory
  clock: Clock
  random: Random
}): OnceLinks {
  const { store, accounts, directory, clock, random } = options

  const chance = (): Secret => new Secret(Buffer.from(random.bytes(ONCE_LINK_TOKEN_OCTETS)).toString('base64url'))

  const accountAt = async (text: string): Promise<AccountInfo | null> => {
    const parsed = parseAddress(text.trim())
    return parsed.ok ? store.directory.accountByAddress(canonicalAddress(parsed.value)) : null
  }

  const give = async (accountId: AccountId): Promise<GivenLink | null> => {
    const token = chance()
    const expiresAt = clock.now() + ONCE_LINK_LIFETIME_MS
    const link = { tokenHash: hashOf(token.reveal()), expiresAt }
    const outcome = await store.run({ do: 'setOnceLink', accountId, link })
    return outcome.at === 'done' ? { token, expiresAt } : null
  }

  const find: OnceLinks['find'] = async (token) => {
    if (!TOKEN.test(token)) return null
    const link = await store.directory.onceLink(hashOf(token))
    if (link === null || link.expiresAt <= clock.now()) return null
    const account = await store.directory.account(link.accountId)
    return account === null ? null : { address: account.address, expiresAt: link.expiresAt }
  }

  return {
    async invite(address, more) {
      // Until the link is used its password is one that nobody has.
      const added = await directory.addAccount(address, chance(), more)
      if (added.at !== 'done') return added
      const link = await give(added.account.accountId)
      return link === null ? { at: 'not-found' } : { at: 'done', link }
    },

    async give(address) {
      const account = await accountAt(address)
      const link = account === null ? null : await give(account.accountId)
      return link === null ? { at: 'not-found' } : { at: 'done', link }
    },

    async end(address) {
      const account = await accountAt(address)
      if (account === null) return { at: 'not-found' }
      return store.run({ do: 'setOnceLink', accountId: account.accountId, link: null })
    },

    find,

    async use(token, password) {
      const found = await find(token)
      if (found === null) return { at: 'gone' } // Asked before the costly hash; the command asks again.
      const why = chosenProblem(password, printAddress(found.address))
      if (why !== null) return { at: 'bad-password', why }
      const account = await store.directory.accountByAddress(found.address)
      const credential = await accounts.makeCredential(password, account?.credential.scram)
      const outcome = await store.run({ do: 'useOnceLink', tokenHash: hashOf(token), credential, now: clock.now() })
      return outcome.at === 'done' ? { at: 'done', address: found.address } : { at: 'gone' }
    },
  }
}
