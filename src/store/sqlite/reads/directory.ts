/** Domains, accounts and aliases, read. */
import type { Address } from '../../../model/address.ts'
import type { AccountId } from '../../../model/ids.ts'
import type { AccessKey, AccountInfo, AliasInfo, Credential, DirectoryReads, DomainInfo } from '../../contract.ts'
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
  quotaMessages: number | null,
]
type AliasRow = [localPart: string, domain: string, targets: string, until: number | null]
type KeyRow = [
  accountId: number,
  keyId: number,
  kind: string,
  name: string,
  scope: string,
  secret: string,
  scram: string | null,
  createdAt: number,
  lastUse: string | null,
]

const domainOf = ([name, catchAll]: DomainRow): DomainInfo => ({
  name,
  catchAll: catchAll === null ? null : (JSON.parse(catchAll) as Address),
})

const accountOf = (row: AccountRow): AccountInfo => ({
  accountId: row[0] as AccountId,
  address: { localPart: row[1], domain: row[2] },
  credential: JSON.parse(row[3]) as Credential,
  quotaOctets: row[4],
  quotaMessages: row[7],
  usedOctets: row[5],
  usedMessages: row[6],
})

const aliasOf = ([localPart, domain, targets, until]: AliasRow): AliasInfo => ({
  address: { localPart, domain },
  targets: JSON.parse(targets) as Address[],
  ...(until === null ? {} : { until }),
})

const keyOf = ([, keyId, kind, name, scope, secret, scram, createdAt, lastUse]: KeyRow): AccessKey => ({
  keyId,
  kind: kind as AccessKey['kind'],
  name,
  scope: JSON.parse(scope) as AccessKey['scope'],
  secret,
  scram: scram === null ? null : (JSON.parse(scram) as AccessKey['scram']),
  createdAt,
  lastUse: lastUse === null ? null : (JSON.parse(lastUse) as AccessKey['lastUse']),
})

const orNull = <Row, T>(row: Row | undefined, read: (row: Row) => T): T | null => (row === undefined ? null : read(row))

// Async in signature: what a statement throws becomes a rejection.
export function directoryReads(db: Database): DirectoryReads {
  const ACCOUNT = `SELECT account.account_id, account.local_part, account.domain, credential, quota_octets, used_octets,
    used_messages, (SELECT messages FROM message_quota q WHERE q.account_id = account.account_id) FROM account`
  const ALIAS = `SELECT local_part, address.domain, targets, until FROM address
    LEFT JOIN alias_end ON alias_end.domain = address.domain AND alias_end.local_key = address.local_key
    WHERE targets IS NOT NULL`
  const allDomains = db.prepare<DomainRow>('SELECT name, catch_all FROM domain ORDER BY name')
  const oneDomain = db.prepare<DomainRow>('SELECT name, catch_all FROM domain WHERE name = ?')
  const allAccounts = db.prepare<AccountRow>(`${ACCOUNT} ORDER BY account.domain, account.local_part`)
  const oneAccount = db.prepare<AccountRow>(`${ACCOUNT} WHERE account_id = ?`)
  const accountAt = db.prepare<AccountRow>(
    `${ACCOUNT} JOIN address USING (account_id) WHERE address.domain = ? AND address.local_key = ?`,
  )
  const allAliases = db.prepare<AliasRow>(`${ALIAS} ORDER BY address.domain, address.local_key`)
  const oneAlias = db.prepare<AliasRow>(`${ALIAS} AND address.domain = ? AND address.local_key = ?`)
  const oneLink = db.prepare<[accountId: number, expiresAt: number]>(
    'SELECT account_id, expires_at FROM once_link WHERE token_hash = ?',
  )
  const limitOf = db.prepare<[messages: number, recipients: number]>(
    'SELECT messages, recipients FROM sending_limit WHERE account_id = ?',
  )
  const sentIn = db.prepare<[hour: number, messages: number, recipients: number]>(
    'SELECT hour, messages, recipients FROM sent WHERE account_id = ? AND hour BETWEEN ? AND ? ORDER BY hour',
  )
  // Prepared when asked for: a database of an older schema is read without them (reader.ts).
  const KEY = 'SELECT account_id, key_id, kind, name, scope, secret, scram, created_at, last_use FROM access_key'

  return {
    domains: async () => allDomains.all().map(domainOf),
    domain: async (name) => orNull(oneDomain.get(name), domainOf),
    accounts: async () => allAccounts.all().map(accountOf),
    account: async (accountId) => orNull(oneAccount.get(accountId), accountOf),
    accountByAddress: async (address) => orNull(accountAt.get(address.domain, localKey(address)), accountOf),
    aliases: async () => allAliases.all().map(aliasOf),
    alias: async (address) => orNull(oneAlias.get(address.domain, localKey(address)), aliasOf),
    accessKeys: async (accountId) =>
      db.cached<KeyRow>(`${KEY} WHERE account_id = ? ORDER BY key_id`).all(accountId).map(keyOf),
    async certificateKey(secret) {
      const row = db.cached<KeyRow>(`${KEY} WHERE kind = 'certificate' AND secret = ?`).get(secret)
      return row === undefined ? null : { accountId: row[0] as AccountId, key: keyOf(row) }
    },
    async sending(accountId, { from, to }) {
      const hours = sentIn
        .all(accountId, from, to)
        .map(([hour, messages, recipients]) => ({ hour, messages, recipients }))
      return {
        limit: orNull(limitOf.get(accountId), ([messages, recipients]) => ({ messages, recipients })),
        hours,
      }
    },
    onceLink: async (tokenHash) =>
      orNull(oneLink.get(tokenHash), ([accountId, expiresAt]) => ({ accountId: accountId as AccountId, expiresAt })),
  }
}
