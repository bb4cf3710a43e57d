import type { Address } from '../../model/address.ts'
import type { AccountId } from '../../model/ids.ts'
import type { AccountInfo, AliasInfo, Credential, DirectoryReads, DomainInfo } from '../../store/contract.ts'
import { localKey } from '../directory/canonical.ts'

/** `a@b` as an address, for tests. */
export function at(text: string): Address {
  const cut = text.lastIndexOf('@')
  return { localPart: text.slice(0, cut), domain: text.slice(cut + 1) }
}

export type TestAccount = { credential?: Credential; quotaOctets?: number; usedOctets?: number }

/** A directory made of plain data, for tests of what reads one. Its maps may be changed under way. */
export function createTestDirectory(data: {
  domains: Record<string, string | null>
  accounts?: Record<string, TestAccount>
  aliases?: Record<string, readonly string[]>
}): DirectoryReads & { setAccount(address: string, account: TestAccount): void; removeAccount(address: string): void } {
  const accounts = new Map<string, AccountInfo>()
  const ids = new Map<string, AccountId>()
  const setAccount = (address: string, account: TestAccount): void => {
    const key = localKey(at(address))
    const accountId = ids.get(key) ?? ((ids.size + 1) as AccountId)
    ids.set(key, accountId)
    accounts.set(key, {
      accountId,
      address: at(address),
      credential: account.credential ?? { phc: '', scram: null },
      quotaOctets: account.quotaOctets ?? null,
      quotaMessages: null,
      usedOctets: account.usedOctets ?? 0,
      usedMessages: 0,
    })
  }
  for (const [address, account] of Object.entries(data.accounts ?? {})) setAccount(address, account)
  const domains = Object.entries(data.domains).map(([name, catchAll]): DomainInfo => ({
    name,
    catchAll: catchAll === null ? null : at(catchAll),
  }))
  const aliases = Object.entries(data.aliases ?? {}).map(([address, targets]): AliasInfo => ({
    address: at(address),
    targets: targets.map(at),
  }))
  return {
    domains: async () => domains,
    domain: async (name) => domains.find((domain) => domain.name === name) ?? null,
    accounts: async () => [...accounts.values()],
    account: async (accountId) => [...accounts.values()].find((account) => account.accountId === accountId) ?? null,
    accountByAddress: async (address) => accounts.get(localKey(address)) ?? null,
    aliases: async () => aliases,
    alias: async (address) => aliases.find((alias) => localKey(alias.address) === localKey(address)) ?? null,
    onceLink: async () => null,
    sending: async () => ({ limit: null, hours: [] }),
    accessKeys: async () => [],
    certificateKey: async () => null,
    setAccount,
    removeAccount: (address) => void accounts.delete(localKey(at(address))),
  }
}
