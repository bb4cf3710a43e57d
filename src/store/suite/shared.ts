/** What the parts of the contract suite share. */
import assert from 'node:assert/strict'
import type { AccountId, MailboxId } from '../../model/ids.ts'
import type { Store } from '../contract.ts'
import { ALL, collect } from '../testing/letters.ts'

export type Opened = { readonly store: Store; reopen(): Promise<Opened>; close(): Promise<void> }
export type Check = (what: string, body: (store: Store, opened: Opened) => Promise<void>) => void

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
export const entriesOf = (store: Store, accountId: AccountId, id: MailboxId) =>
  collect(store.mail.entries(accountId, id, ALL))
export const uidsOf = async (store: Store, accountId: AccountId, id: MailboxId) => [
  ...(await store.mail.uids(accountId, id)),
]

export async function info(store: Store, accountId: AccountId, id: MailboxId) {
  const found = await store.mail.mailbox(accountId, id)
  assert.ok(found !== null)
  return found
}

/** The counts a mailbox keeps are those its entries come to. */
export async function countsHold(store: Store, accountId: AccountId): Promise<void> {
  let octets = 0
  let messages = 0
  for (const mailbox of await store.mail.mailboxes(accountId)) {
    const entries = await entriesOf(store, accountId, mailbox.mailboxId)
    const size = entries.reduce((sum, { sizeOctets }) => sum + sizeOctets, 0)
    assert.equal(mailbox.messages, entries.length)
    assert.equal(mailbox.sizeOctets, size)
    assert.equal(mailbox.unseen, entries.filter(({ flags }) => !flags.includes('\\Seen')).length)
    assert.equal(mailbox.deleted, entries.filter(({ flags }) => flags.includes('\\Deleted')).length)
    for (const entry of entries) {
      assert.ok(entry.uid < mailbox.uidNext)
      assert.ok(entry.modSeq <= mailbox.highestModSeq)
    }
    octets += size
    messages += entries.length
  }
  const found = await store.directory.account(accountId)
  assert.deepEqual([found?.usedOctets, found?.usedMessages], [octets, messages])
}
