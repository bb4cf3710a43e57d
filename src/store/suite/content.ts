/** `mailMarks`, `contents`, `messageKeys`, `uidsOfMessages`: messages by key, for the search index. */
import assert from 'node:assert/strict'
import type { AccountId, MessageKey } from '../../model/ids.ts'
import type { Store } from '../contract.ts'
import { account, ALL, collect, deliver, mailboxId, NOW, range } from '../testing/letters.ts'
import type { Check } from './shared.ts'

const key = (n: number): MessageKey => n as MessageKey

async function contentsOf(store: Store, accountId: AccountId, after: number, limit = 100): Promise<[number, string][]> {
  const contents = await store.mail.contents(accountId, key(after), limit)
  return contents.map(({ messageKey, summary }) => [messageKey, summary.header.subject ?? ''])
}

export function contentTests(check: Check): void {
  check('contents: by key, above one, of one account, while they lie in some mailbox', async (store) => {
    const ann = await account(store)
    const bob = await account(store, 'bob')
    for (const content of ['one', 'two', 'three']) await deliver(store, ann, content)
    await deliver(store, bob, 'another')
    const all = await contentsOf(store, ann, 0)
    assert.deepEqual(all.map(([, subject]) => subject), ['one', 'two', 'three']) // prettier-ignore
    const keys = all.map(([messageKey]) => messageKey)
    assert.deepEqual(keys, keys.toSorted((a, b) => a - b)) // prettier-ignore
    assert.deepEqual(await contentsOf(store, ann, keys[0]!, 1), [all[1]])
    assert.deepEqual(await contentsOf(store, ann, keys[2]!), [])
    assert.deepEqual([...(await store.mail.messageKeys(ann))], keys)
    assert.equal((await contentsOf(store, bob, 0)).length, 1)

    // A copy keeps a message; without any entry it is gone, and its key is not given out again.
    const from = await mailboxId(store, ann)
    const to = await mailboxId(store, ann, 'Sent')
    await store.run({ do: 'copy', accountId: ann, from, to, uids: [range(2)], now: NOW })
    await store.run({ do: 'expunge', accountId: ann, mailboxId: from, uids: ALL, deletedOnly: false })
    assert.deepEqual(await contentsOf(store, ann, 0), [all[1]])
    assert.deepEqual([...(await store.mail.messageKeys(ann))], [keys[1]])
    await deliver(store, ann, 'four')
    const [, [newest] = [0, '']] = await contentsOf(store, ann, 0)
    assert.ok(newest > keys[2]!)
  })

  check('mailMarks: how far each account goes; the same list while nothing is written', async (store) => {
    assert.deepEqual(await store.mail.mailMarks(), [])
    const ann = await account(store)
    const bob = await account(store, 'bob')
    await deliver(store, bob, 'one')
    const before = await store.mail.mailMarks()
    assert.equal(await store.mail.mailMarks(), before)
    await deliver(store, bob, 'two')
    const marks = await store.mail.mailMarks()
    assert.deepEqual(marks.map(({ accountId, messages }) => [accountId, messages]), [[ann, 0], [bob, 2]]) // prettier-ignore
    assert.equal(marks[1]!.lastKey, (await contentsOf(store, bob, 0)).at(-1)?.[0])
    assert.ok(marks[1]!.modSeq > before[1]!.modSeq)
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.deepEqual((await store.mail.mailMarks()).map(({ accountId }) => accountId), [bob]) // prettier-ignore
    assert.deepEqual(await contentsOf(store, ann, 0), [])
  })

  check('uidsOfMessages: those named and all above, in one mailbox', async (store) => {
    const ann = await account(store)
    for (const content of ['one', 'two', 'three', 'four']) await deliver(store, ann, content)
    const inbox = await mailboxId(store, ann)
    const sent = await mailboxId(store, ann, 'Sent')
    await store.run({ do: 'copy', accountId: ann, from: inbox, to: sent, uids: [range(3)], now: NOW })
    const [one, , three, four] = (await collect(store.mail.entries(ann, inbox, ALL))).map((entry) => entry.messageKey)
    const uids = async (above: number, ...keys: number[]) => [
      ...(await store.mail.uidsOfMessages(ann, inbox, { above: key(above), keys: Float64Array.from(keys) })),
    ]
    assert.deepEqual(await uids(four!), [])
    assert.deepEqual(await uids(four!, one!, three!), [1, 3])
    assert.deepEqual(await uids(three!, one!), [1, 4])
    assert.deepEqual(await uids(0), [1, 2, 3, 4])
    const inSent = await store.mail.uidsOfMessages(ann, sent, { above: four!, keys: Float64Array.from([one!, three!]) })
    assert.deepEqual([...inSent], [1])
    const nowhere = await store.mail.uidsOfMessages(99 as AccountId, inbox, {
      above: key(0),
      keys: new Float64Array(0),
    })
    assert.deepEqual([...nowhere], [])
  })
}
