/** Rights in an account's mailboxes (RFC 4314), as its owner gives them. */
import type { MailboxId } from '../../model/ids.ts'
import { ALL_RIGHTS } from '../../model/rights.ts'
import { parseAddress, printAddress, sameAddress } from '../../format/address/address.ts'
import type { Grantee, Store } from '../../store/contract.ts'
import type { AccountRef, AclEntry, Identity, Mailboxes } from '../contract.ts'
import { canonicalAddress } from '../directory/canonical.ts'

type Known = { readonly at: 'owner' } | { readonly at: 'other'; readonly grantee: Grantee }

export function openAcl(
  account: AccountRef,
  { mail, directory, run }: Store,
): Pick<Mailboxes, 'acl' | 'setAcl' | 'identify'> {
  const { accountId } = account

  /**
   * Choice: an identifier is an account's first address, or `anyone`; no groups, no negative rights (RFC 4314 §2 allows
   * to do without), and nobody who has no account here.
   */
  async function resolve(identifier: string): Promise<Known | null> {
    if (identifier.toLowerCase() === 'anyone') return { at: 'other', grantee: 'anyone' }
    const parsed = parseAddress(identifier)
    if (!parsed.ok) return null
    const address = canonicalAddress(parsed.value)
    if (sameAddress(address, account.address)) return { at: 'owner' }
    const found = await directory.accountByAddress(address)
    if (found === null) return null
    return found.accountId === accountId ? { at: 'owner' } : { at: 'other', grantee: found.accountId }
  }

  const there = async (mailboxId: MailboxId): Promise<boolean> => (await mail.mailbox(accountId, mailboxId)) !== null

  return {
    async acl(mailboxId) {
      if (!(await there(mailboxId))) return { at: 'not-found' }
      const entries: AclEntry[] = [{ identifier: printAddress(account.address), rights: ALL_RIGHTS }]
      for (const { grantee, rights } of await mail.rights(accountId, mailboxId)) {
        entries.push({ identifier: grantee === 'anyone' ? grantee : printAddress(grantee.address), rights })
      }
      return { at: 'done', entries }
    },
    async setAcl(mailboxId, { identifier, mode, rights }) {
      if (!(await there(mailboxId))) return { at: 'not-found' }
      const known = await resolve(identifier)
      if (known === null) return { at: 'unknown-identifier' }
      if (known.at === 'owner') return { at: 'owner' }
      return run({ do: 'setRights', accountId, mailboxId, grantee: known.grantee, mode, rights })
    },
    async identify(mailboxId, identifier): Promise<Identity | { at: 'not-found' }> {
      if (!(await there(mailboxId))) return { at: 'not-found' }
      const known = await resolve(identifier)
      return known === null ? { at: 'unknown-identifier' } : { at: known.at }
    },
  }
}
