/** Domains, accounts and aliases, read. */
import type { Address } from '../../../model/address.ts'
import type { AccountId } from '../../../model/ids.ts'
import type { AccountInfo, AliasInfo, Credential, DirectoryReads, DomainInfo } from '../../contract.ts'
import { localKey } from '../commands/directory.ts'
import type { Database } from '../database.ts'

type DomainRow = [name: string, catchAll: string | null]
type AccountRow = [
  accountId: number,
  localPart: string,
  domain: string,
  credential: string,
  quotaOctets: number | null,
  usedOctets: number,
  usedMessages: number,
]
type AliasRow = [localPart: string, domain: string, targets: string]

const domainOf = ([name, catchAll]: DomainRow): DomainInfo => ({
  name,
  catchAll: catchAll === null ? null : (JSON.parse(catchAll) as Address),
})

const accountOf = (row: AccountRow): AccountInfo => ({
  accountId: row[0] as AccountId,
  address: { localPart: row[1], domain: row[2] },
  credential: JSON.parse(row[3]) as Credential,
  quotaOctets: row[4],
  usedOctets: row[5],
  usedMessages: row[6],
})

const aliasOf = ([localPart, domain, targets]: AliasRow): AliasInfo => ({
  address: { localPart, domain },
  targets: JSON.parse(targets) as Address[],
})

const orNull = <Row, T>(row: Row | undefined, read: (row: Row) => T): T | null => (row === undefined ? null : read(row))

// Async in signature: what a statement throws becomes a rejection.
export function directoryReads(db: Database): DirectoryReads {
  const ACCOUNT = `SELECT account.account_id, account.local_part, account.domain, credential, quota_octets, used_octets,
    used_messages FROM account`
  const ALIAS = 'SELECT local_part, domain, targets FROM address WHERE targets IS NOT NULL'
  const allDomains = db.prepare<DomainRow>('SELECT name, catch_all FROM domain ORDER BY name')
  const oneDomain = db.prepare<DomainRow>('SELECT name, catch_all FROM domain WHERE name = ?')
  const allAccounts = db.prepare<AccountRow>(`${ACCOUNT} ORDER BY account.domain, account.local_part`)
  const oneAccount = db.prepare<AccountRow>(`${ACCOUNT} WHERE account_id = ?`)
  const accountAt = db.prepare<AccountRow>(
    `${ACCOUNT} JOIN address USING (account_id) WHERE address.domain = ? AND address.local_key = ?`,
  )
  const allAliases = db.prepare<AliasRow>(`${ALIAS} ORDER BY domain, local_key`)
  const oneAlias = db.prepare<AliasRow>(`${ALIAS} AND domain = ? AND local_key = ?`)

  return {
    domains: async () => allDomains.all().map(domainOf),
    domain: async (name) => orNull(oneDomain.get(name), domainOf),
    accounts: async () => allAccounts.all().map(accountOf),
    account: async (accountId) => orNull(oneAccount.get(accountId), accountOf),
    accountByAddress: async (address) => orNull(accountAt.get(address.domain, localKey(address)), accountOf),
    aliases: async () => allAliases.all().map(aliasOf),
    alias: async (address) => orNull(oneAlias.get(address.domain, localKey(address)), aliasOf),
  }
}
