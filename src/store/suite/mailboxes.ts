/** Making, removing and renaming mailboxes; subscriptions. */
import assert from 'node:assert/strict'
import { MAILBOXES_PER_ACCOUNT_MAX } from '../../model/limits.ts'
import type { AccountId, MailboxId } from '../../model/ids.ts'
import type { Store } from '../contract.ts'
import { account, ALL, collect, deliver, mailboxId, NOW } from '../testing/letters.ts'
import { type Check, info, countsHold } from './shared.ts'

export function mailboxTests(check: Check): void {
  const names = async (store: Store, accountId: AccountId) =>
    (await store.mail.mailboxes(accountId)).map((mailbox) => mailbox.name)

  async function make(store: Store, accountId: AccountId, name: string): Promise<MailboxId> {
    const outcome = await store.run({ do: 'createMailbox', accountId, name, specialUse: null, now: NOW })
    assert.ok(outcome.at === 'done')
    return outcome.mailboxId
  }

  check('createMailbox: names and special uses are taken once', async (store) => {
    const accountId = await account(store)
    const create = (name: string, specialUse: 'Sent' | 'Trash' | null) =>
      store.run({ do: 'createMailbox', accountId, name, specialUse, now: NOW })
    const outcome = await create('Trash', 'Trash')
    assert.ok(outcome.at === 'done')
    assert.equal((await info(store, accountId, outcome.mailboxId)).specialUse, 'Trash')
    assert.equal((await info(store, accountId, outcome.mailboxId)).subscribed, false)
    assert.deepEqual(await create('Trash', null), { at: 'exists' })
    assert.deepEqual(await create('Outbox', 'Sent'), { at: 'special-use-taken' })
    assert.deepEqual(await names(store, accountId), ['INBOX', 'Sent', 'Trash'])
  })

  check('createMailbox: an account holds only so many', async (store) => {
    const accountId = await account(store)
    const create = (name: string) =>
      store.run({ do: 'createMailbox', accountId, name, specialUse: null, now: NOW }).then((outcome) => outcome.at)
    const there = (await store.mail.mailboxes(accountId)).length
    const made = Array.from({ length: MAILBOXES_PER_ACCOUNT_MAX - there + 1 }, (_, i) => create(`m${i}`))
    const outcomes = await Promise.all(made)
    assert.equal(outcomes.pop(), 'too-many')
    assert.ok(outcomes.every((at) => at === 'done'))
    assert.equal((await store.mail.mailboxes(accountId)).length, MAILBOXES_PER_ACCOUNT_MAX)
  })

  check('deleteMailbox: its mail goes; the name made anew has a new uidValidity', async (store) => {
    const accountId = await account(store)
    const id = await make(store, accountId, 'Old')
    const child = await make(store, accountId, 'Old/Child')
    await deliver(store, accountId, 'x')
    const from = await mailboxId(store, accountId)
    await store.run({ do: 'copy', accountId, from, to: id, uids: ALL, now: NOW })
    const old = await info(store, accountId, id)
    assert.deepEqual(await store.run({ do: 'deleteMailbox', accountId, mailboxId: id }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'deleteMailbox', accountId, mailboxId: id }), { at: 'not-found' })
    assert.ok((await store.mail.mailbox(accountId, child)) !== null)
    const anew = await info(store, accountId, await make(store, accountId, 'Old'))
    assert.ok(anew.uidValidity > old.uidValidity && anew.mailboxId !== old.mailboxId)
    assert.equal(anew.messages, 0)
    await countsHold(store, accountId)
  })

  check('renameMailbox: children go along, ids and mail stay', async (store) => {
    const accountId = await account(store)
    const id = await make(store, accountId, 'a')
    const child = await make(store, accountId, 'a/b/c')
    await make(store, accountId, 'ab')
    await make(store, accountId, 'a0')
    await store.run({ do: 'setSubscribed', accountId, name: 'a', subscribed: true })
    const rename = (name: string) => store.run({ do: 'renameMailbox', accountId, mailboxId: id, name, now: NOW })
    assert.deepEqual(await rename('x/y'), { at: 'done' })
    assert.deepEqual(await names(store, accountId), ['INBOX', 'Sent', 'a0', 'ab', 'x/y', 'x/y/b/c'])
    assert.equal((await info(store, accountId, child)).name, 'x/y/b/c')
    assert.equal((await info(store, accountId, id)).subscribed, true)
    assert.deepEqual(await rename('ab'), { at: 'exists' })
    await make(store, accountId, 'z/b/c')
    assert.deepEqual(await rename('z'), { at: 'exists' })
    assert.deepEqual(await rename('x/y/b'), { at: 'done' })
    assert.deepEqual(await names(store, accountId), ['INBOX', 'Sent', 'a0', 'ab', 'x/y/b', 'x/y/b/b/c', 'z/b/c'])
    const outcome = await store.run({ do: 'renameMailbox', accountId, mailboxId: 99 as MailboxId, name: 'q', now: NOW })
    assert.deepEqual(outcome, { at: 'not-found' })
  })

  check('renaming INBOX moves its messages and leaves it empty (RFC 9051 §6.3.6)', async (store) => {
    const accountId = await account(store)
    for (const content of ['one', 'two']) await deliver(store, accountId, content)
    const inbox = await mailboxId(store, accountId)
    const before = await info(store, accountId, inbox)
    const rename = { do: 'renameMailbox', accountId, mailboxId: inbox, now: NOW } as const
    assert.deepEqual(await store.run({ ...rename, name: 'Sent' }), { at: 'exists' })
    assert.deepEqual(await store.run({ ...rename, name: 'Old' }), { at: 'done' })
    const after = await info(store, accountId, inbox)
    assert.deepEqual([after.name, after.messages, after.uidNext], ['INBOX', 0, 3])
    assert.equal(after.uidValidity, before.uidValidity)
    assert.deepEqual(await store.mail.expungedSince(accountId, inbox, before.highestModSeq), [1, 2])
    const messages = await collect(store.mail.messages(accountId, await mailboxId(store, accountId, 'Old'), ALL))
    assert.deepEqual(
      messages.map((message) => message.summary.preview),
      ['one', 'two'],
    )
    await countsHold(store, accountId)
  })

  check('subscriptions are names, with or without a mailbox', async (store) => {
    const accountId = await account(store)
    const set = (name: string, subscribed: boolean) => store.run({ do: 'setSubscribed', accountId, name, subscribed })
    await set('Nowhere', true)
    await set('Nowhere', true)
    await set('Sent', false)
    assert.deepEqual(await store.mail.subscriptions(accountId), ['INBOX', 'Nowhere'])
    assert.equal((await store.mail.mailboxByName(accountId, 'Sent'))?.subscribed, false)
  })
}
