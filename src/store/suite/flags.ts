/** `setFlags`, keywords, `changedSince` (RFC 7162). */
import assert from 'node:assert/strict'
import { KEYWORDS_PER_MAILBOX_MAX } from '../../model/limits.ts'
import type { MailboxId, ModSeq } from '../../model/ids.ts'
import type { Command, Store } from '../contract.ts'
import { account, ALL, collect, deliver, mailboxId, range } from '../testing/letters.ts'
import { type Check, entriesOf, info, countsHold } from './shared.ts'

export function flagTests(check: Check): void {
  type Flags = Extract<Command, { do: 'setFlags' }>
  async function mailboxOfFour(store: Store) {
    const accountId = await account(store)
    for (const content of ['a', 'b', 'c', 'd']) await deliver(store, accountId, content)
    const id = await mailboxId(store, accountId)
    const set = (change: Partial<Flags>) =>
      store.run({
        do: 'setFlags',
        accountId,
        mailboxId: id,
        uids: ALL,
        mode: 'add',
        flags: [],
        unchangedSince: null,
        ...change,
      })
    return { accountId, id, set }
  }

  check('setFlags: add, remove, replace; unchanged entries keep their modSeq', async (store) => {
    const { accountId, id, set } = await mailboxOfFour(store)
    const before = await info(store, accountId, id)
    const one = await set({ uids: [range(2, 3)], flags: ['\\Seen', 'Work'] })
    assert.ok(one.at === 'done' && one.modSeq !== null)
    assert.ok(one.modSeq > before.highestModSeq)
    assert.deepEqual(one.changed, [
      { uid: 2, flags: ['\\Seen', 'Work'] },
      { uid: 3, flags: ['\\Seen', 'Work'] },
    ])
    const two = await set({ uids: [range(1, 4)], flags: ['\\Seen'] })
    assert.ok(two.at === 'done' && two.modSeq !== null)
    assert.deepEqual(
      two.changed.map((entry) => entry.uid),
      [1, 4],
    )
    const entries = await entriesOf(store, accountId, id)
    assert.deepEqual(
      entries.map((entry) => entry.modSeq),
      [two.modSeq, one.modSeq, one.modSeq, two.modSeq],
    )
    const nothing = await set({ uids: [range(2)], flags: ['\\Seen', 'WORK'] })
    assert.deepEqual(nothing, { at: 'done', modSeq: null, changed: [], modified: [] })
    const three = await set({ uids: [range(3)], mode: 'remove', flags: ['work', 'unknown', '\\Flagged'] })
    assert.ok(three.at === 'done')
    assert.deepEqual(three.changed, [{ uid: 3, flags: ['\\Seen'] }])
    const four = await set({ uids: [range(2, 3)], mode: 'replace', flags: ['\\Deleted', 'b', 'a'] })
    assert.ok(four.at === 'done')
    assert.deepEqual(
      four.changed.map((entry) => entry.flags),
      [
        ['\\Deleted', 'b', 'a'],
        ['\\Deleted', 'b', 'a'],
      ],
    )
    const same = await set({ uids: [range(2, 3)], mode: 'replace', flags: ['A', 'B', '\\Deleted'] })
    assert.ok(same.at === 'done' && same.modSeq === null)
    const five = await set({ uids: [range(2)], mode: 'replace', flags: ['a'] })
    assert.ok(five.at === 'done')
    assert.deepEqual(five.changed, [{ uid: 2, flags: ['a'] }])
    await countsHold(store, accountId)
    assert.equal((await set({ mailboxId: 99 as MailboxId })).at, 'not-found')
  })

  check('setFlags: unchangedSince leaves alone and names what changed after it (RFC 7162 §3.1.3)', async (store) => {
    const { accountId, id, set } = await mailboxOfFour(store)
    const since = (await info(store, accountId, id)).highestModSeq
    await set({ uids: [range(2)], flags: ['\\Flagged'] })
    const outcome = await set({ uids: [range(1, 3)], flags: ['\\Seen'], unchangedSince: since })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(outcome.modified, [2])
    assert.deepEqual(
      outcome.changed.map((entry) => entry.uid),
      [1, 3],
    )
    const none = await set({ uids: [range(1, 3)], flags: ['\\Seen'], unchangedSince: 0 as ModSeq })
    assert.ok(none.at === 'done')
    assert.deepEqual([none.modified, none.changed], [[1, 2, 3], []])
    await countsHold(store, accountId)
  })

  check('keywords keep the case they were first stored with; a mailbox holds only so many', async (store) => {
    const { accountId, id, set } = await mailboxOfFour(store)
    await set({ uids: [range(1)], flags: ['$Forwarded'] })
    const outcome = await set({ uids: [range(2)], flags: ['$FORWARDED', '$forwarded'] })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(outcome.changed, [{ uid: 2, flags: ['$Forwarded'] }])
    const more = Array.from({ length: KEYWORDS_PER_MAILBOX_MAX - 1 }, (_, i) => `k${i}`)
    assert.equal((await set({ uids: [range(3)], flags: more })).at, 'done')
    assert.equal((await store.mail.keywords(accountId, id)).length, KEYWORDS_PER_MAILBOX_MAX)
    assert.equal((await set({ uids: [range(4)], flags: ['last'] })).at, 'too-many-keywords')
    // What no message has any more makes room.
    await set({ uids: [range(3)], mode: 'remove', flags: ['k0'] })
    assert.equal((await set({ uids: [range(4)], flags: ['last'] })).at, 'done')
    assert.ok((await store.mail.keywords(accountId, id)).includes('last'))
  })

  check('changedSince gives what changed, and nothing else', async (store) => {
    const { accountId, id, set } = await mailboxOfFour(store)
    const since = (await info(store, accountId, id)).highestModSeq
    assert.deepEqual(await collect(store.mail.entries(accountId, id, ALL, { changedSince: since })), [])
    await set({ uids: [range(2), range(4)], flags: ['\\Seen'] })
    const uids = async (ranges: readonly ReturnType<typeof range>[]) => {
      const entries = await collect(store.mail.entries(accountId, id, ranges, { changedSince: since }))
      return entries.map((entry) => entry.uid)
    }
    assert.deepEqual(await uids(ALL), [2, 4])
    assert.deepEqual(await uids([range(1, 3)]), [2])
    const messages = await collect(store.mail.messages(accountId, id, ALL, { changedSince: since }))
    assert.deepEqual(
      messages.map((message) => message.summary.preview),
      ['b', 'd'],
    )
    const all = await collect(store.mail.entries(accountId, id, ALL, { changedSince: 0 as ModSeq }))
    assert.equal(all.length, 4)
  })
}
