/** What is told of messages and mailboxes beside the mail: ids (RFC 8474), rights (RFC 4314), annotations (RFC 5464). */
import type { Address } from '../../../model/address.ts'
import type { AccountId, MailboxId, MessageKey } from '../../../model/ids.ts'
import { type Right, rightsOf } from '../../../model/rights.ts'
import type { Grant, MailReads, MailboxRight } from '../../contract.ts'
import { SERVER, SHARED } from '../commands/annotations.ts'
import { ANYONE } from '../commands/rights.ts'
import type { Database } from '../database.ts'
import { DELETED } from '../flags.ts'
import { messageId } from '../work.ts'

type GrantRow = [owner: number, localPart: string, domain: string, mailboxId: number, rights: string]

const addressOf = (localPart: string, domain: string): Address => ({ localPart, domain })

/** By name and by `anyone`: one for each mailbox, with the rights of both (RFC 4314 §2 leaves how to us). */
function joined(rows: readonly GrantRow[]): Grant[] {
  const grants = new Map<string, Grant & { readonly rights: Set<Right> }>()
  for (const [owner, localPart, domain, mailboxId, rights] of rows) {
    const key = `${owner}/${mailboxId}`
    const known = grants.get(key)
    if (known !== undefined) for (const right of rightsOf(rights)) known.rights.add(right)
    else {
      grants.set(key, {
        owner: { accountId: owner as AccountId, address: addressOf(localPart, domain) },
        mailboxId: mailboxId as MailboxId,
        rights: new Set(rightsOf(rights)),
      })
    }
  }
  return [...grants.values()]
}

// Async in signature: what a statement throws becomes a rejection.
export function objectReads(
  db: Database,
): Pick<
  MailReads,
  'objectIds' | 'messagesWith' | 'deletedOctets' | 'rights' | 'grantsTo' | 'grantTo' | 'annotations' | 'urlKey'
> {
  const idsOf = db.prepare<[messageId: number, original: number, thread: number]>(
    `SELECT message_id, original, thread FROM message_thread
     WHERE message_id IN (SELECT ? * 4294967296 + value FROM json_each(?))`,
  )
  const OF_ACCOUNT = 'message_id BETWEEN ?1 * 4294967296 AND ?1 * 4294967296 + 4294967295'
  const withOriginal = db.prepare<[number]>(
    `SELECT message_id FROM message_thread WHERE ${OF_ACCOUNT} AND original = ?2`,
  )
  const withThread = db.prepare<[number]>(`SELECT message_id FROM message_thread WHERE ${OF_ACCOUNT} AND thread = ?2`)
  const rowOf = db.prepare<[original: number, thread: number]>(
    'SELECT original, thread FROM message_thread WHERE message_id = ?',
  )
  const deletedSum = db.prepare<[number]>(
    `SELECT total(size_octets) FROM entry WHERE account_id = ? AND mailbox_id = ? AND (flags & ${DELETED}) <> 0`,
  )
  const rightsIn = db.prepare<[grantee: number, localPart: string | null, domain: string | null, rights: string]>(
    `SELECT grantee, local_part, domain, rights FROM mailbox_right r LEFT JOIN account a ON a.account_id = r.grantee
     WHERE r.account_id = ? AND r.mailbox_id = ? ORDER BY grantee = 0, domain, local_part`,
  )
  const GRANT = `SELECT r.account_id, a.local_part, a.domain, r.mailbox_id, r.rights
    FROM mailbox_right r JOIN account a ON a.account_id = r.account_id`
  // Choice: `anyone` is every account of the owner's domain, not of every domain that happens to live on the server.
  const NEIGHBOUR = `r.grantee = ${ANYONE} AND r.account_id <> ?1
    AND a.domain = (SELECT domain FROM account WHERE account_id = ?1)`
  const allGrants = db.prepare<GrantRow>(
    `${GRANT} WHERE r.grantee = ?1 UNION ALL ${GRANT} WHERE ${NEIGHBOUR} ORDER BY 3, 2, 4`,
  )
  const oneGrant = db.prepare<GrantRow>(
    `${GRANT} WHERE r.grantee = ?1 AND r.account_id = ?2 AND r.mailbox_id = ?3
     UNION ALL ${GRANT} WHERE ${NEIGHBOUR} AND r.account_id = ?2 AND r.mailbox_id = ?3`,
  )
  const urlKeyOf = db.prepare<[Uint8Array]>('SELECT secret FROM url_key WHERE account_id = ? AND mailbox_id = ?')
  const annotationsOf = db.prepare<[entry: string, value: Uint8Array]>(
    `SELECT entry, value FROM annotation
     WHERE account_id = ? AND mailbox_id = ? AND reader IN (${SHARED}, ?) ORDER BY entry`,
  )
  const ofServer = db.prepare<[entry: string, value: Uint8Array]>(
    `SELECT entry, value FROM annotation
     WHERE account_id IN (0, ?1) AND mailbox_id = ${SERVER} AND reader IN (${SHARED}, ?1) ORDER BY entry`,
  )

  return {
    async objectIds(accountId, messageKeys) {
      const rows = new Map(
        idsOf
          .all(accountId, JSON.stringify(messageKeys))
          .map(([id, original, thread]) => [id, { email: original, thread }]),
      )
      return messageKeys.map((key) => {
        const id = messageId(accountId, key)
        return rows.get(id) ?? { email: id, thread: id }
      })
    },
    async messagesWith(accountId, wanted) {
      const isEmail = 'email' in wanted
      const id = isEmail ? wanted.email : wanted.thread
      const ids = (isEmail ? withOriginal : withThread).all(accountId, id).map(([found]) => found)
      // One without a row is its own original, and begins its thread.
      if (Math.floor(id / 2 ** 32) === accountId && rowOf.get(id) === undefined) ids.push(id)
      return new Set(ids.map((found) => (found % 2 ** 32) as MessageKey))
    },
    deletedOctets: async (accountId, mailboxId) => deletedSum.get(accountId, mailboxId)?.[0] ?? 0,
    rights: async (accountId, mailboxId) =>
      rightsIn.all(accountId, mailboxId).map(([grantee, localPart, domain, rights]): MailboxRight => ({
        grantee:
          grantee === ANYONE
            ? 'anyone'
            : { accountId: grantee as AccountId, address: addressOf(localPart ?? '', domain ?? '') },
        rights: rightsOf(rights),
      })),
    grantsTo: async (accountId) => joined(allGrants.all(accountId)),
    grantTo: async (accountId, owner, mailboxId) => joined(oneGrant.all(accountId, owner, mailboxId))[0] ?? null,
    urlKey: async (accountId, mailboxId) => urlKeyOf.get(accountId, mailboxId)?.[0] ?? null,
    annotations: async (accountId, mailboxId, reader) => {
      const rows = mailboxId === null ? ofServer.all(reader) : annotationsOf.all(accountId, mailboxId, reader)
      return rows.map(([entry, value]) => ({ entry, value }))
    },
  }
}
