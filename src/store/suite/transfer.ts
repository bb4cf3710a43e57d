/** `copy`, `move`, `expunge`. */
import assert from 'node:assert/strict'
import type { MailboxId } from '../../model/ids.ts'
import type { Store } from '../contract.ts'
import { account, ALL, collect, deliver, draft, mailboxId, NOW, range, uid } from '../testing/letters.ts'
import { type Check, text, entriesOf, uidsOf, info, countsHold } from './shared.ts'

export function transferTests(check: Check): void {
  async function two(store: Store, quotaOctets: number | null = null) {
    const accountId = await account(store, 'ann', quotaOctets)
    for (const content of ['one', 'two', 'three']) await deliver(store, accountId, content)
    const from = await mailboxId(store, accountId)
    const to = await mailboxId(store, accountId, 'Sent')
    return { accountId, from, to, now: NOW + 5 }
  }

  check('copy: flags, dates and content go along', async (store) => {
    const at = await two(store)
    const { accountId, from, to } = at
    const flags = ['\\Flagged', 'work']
    const base = { accountId, uids: [range(2)], mode: 'add', flags, unchangedSince: null } as const
    await store.run({ do: 'setFlags', mailboxId: from, ...base })
    // The target knows the keyword in another case: the first one stays.
    await store.run({
      do: 'append',
      accountId,
      mailboxId: to,
      messages: [{ ...(await draft(store, 'x')), flags: ['WORK'], internalDate: 0 }],
      now: NOW,
    })
    const outcome = await store.run({ do: 'copy', ...at, uids: [range(2, 3), range(3, 9)] })
    const { uidValidity } = await info(store, accountId, to)
    assert.deepEqual(outcome, { at: 'done', uidValidity, sources: [2, 3], uids: [2, 3] })
    const [source] = await collect(store.mail.entries(accountId, from, [range(2)]))
    const [copy] = await collect(store.mail.entries(accountId, to, [range(2)]))
    assert.ok(source !== undefined && copy !== undefined)
    assert.deepEqual(copy.flags, ['\\Flagged', 'WORK'])
    assert.equal(copy.messageKey, source.messageKey)
    assert.deepEqual([copy.internalDate, copy.savedAt], [source.internalDate, NOW + 5])
    await countsHold(store, accountId)
    const none = await store.run({ do: 'copy', ...at, uids: [range(50, 60)] })
    assert.deepEqual(none, { at: 'done', uidValidity, sources: [], uids: [] })
    assert.equal((await store.run({ do: 'copy', ...at, to: 99 as MailboxId, uids: ALL })).at, 'not-found')
  })

  check('copy: into the same mailbox, and the content outlives either', async (store) => {
    const at = await two(store)
    const { accountId, from } = at
    const outcome = await store.run({ do: 'copy', ...at, to: from, uids: ALL })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(
      [outcome.sources, outcome.uids],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    )
    const gone = await store.run({
      do: 'expunge',
      accountId,
      mailboxId: from,
      uids: [range(1, 3), range(5)],
      deletedOnly: false,
    })
    assert.ok(gone.at === 'done')
    assert.deepEqual(gone.uids, [1, 2, 3, 5])
    const entries = await entriesOf(store, accountId, from)
    assert.deepEqual(
      entries.map((entry) => entry.uid),
      [4, 6],
    )
    const bodies = await Promise.all(entries.map(({ messageKey }) => store.mail.read(accountId, messageKey, 0, 10)))
    assert.deepEqual(bodies.map(text), ['one', 'three'])
    await countsHold(store, accountId)
  })

  check('copy: over quota keeps nothing; move needs no room', async (store) => {
    const at = await two(store, 15)
    const { accountId, from, to } = at
    assert.deepEqual(await store.run({ do: 'copy', ...at, uids: ALL }), { at: 'over-quota' })
    assert.deepEqual(await uidsOf(store, accountId, to), [])
    assert.equal((await store.run({ do: 'move', ...at, uids: ALL })).at, 'done')
    assert.deepEqual(await uidsOf(store, accountId, from), [])
    await countsHold(store, accountId)
  })

  check('move: leaves tombstones, raises both mailboxes, gives new uids in the same one', async (store) => {
    const at = await two(store)
    const { accountId, from, to } = at
    const before = await info(store, accountId, from)
    const outcome = await store.run({ do: 'move', ...at, uids: [range(1), range(3)] })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(
      [outcome.sources, outcome.uids],
      [
        [1, 3],
        [1, 2],
      ],
    )
    assert.deepEqual(await uidsOf(store, accountId, from), [2])
    assert.deepEqual(await store.mail.expungedSince(accountId, from, before.highestModSeq), [1, 3])
    const [left, right] = [await info(store, accountId, from), await info(store, accountId, to)]
    assert.ok(left.highestModSeq > before.highestModSeq && right.highestModSeq > before.highestModSeq)
    const again = await store.run({ do: 'move', ...at, to: from, uids: ALL })
    assert.ok(again.at === 'done')
    assert.deepEqual([again.sources, again.uids], [[2], [4]])
    const [entry] = await entriesOf(store, accountId, from)
    assert.equal(text(await store.mail.read(accountId, entry!.messageKey, 0, 9)), 'two')
    await countsHold(store, accountId)
  })

  check('expunge: only the deleted ones, or all; tombstones by modSeq', async (store) => {
    const { accountId, from } = await two(store)
    const start = (await info(store, accountId, from)).highestModSeq
    const deleted = { uids: [range(1), range(3)], mode: 'add', flags: ['\\Deleted'], unchangedSince: null } as const
    await store.run({ do: 'setFlags', accountId, mailboxId: from, ...deleted })
    const base = { do: 'expunge', accountId, mailboxId: from } as const
    const one = await store.run({ ...base, uids: [range(1, 2)], deletedOnly: true })
    assert.ok(one.at === 'done' && one.modSeq !== null)
    assert.deepEqual(one.uids, [1])
    const rest = await store.run({ ...base, uids: ALL, deletedOnly: true })
    assert.ok(rest.at === 'done')
    assert.deepEqual(rest.uids, [3])
    assert.deepEqual(await store.run({ ...base, uids: ALL, deletedOnly: true }), { at: 'done', modSeq: null, uids: [] })
    const three = await store.run({ ...base, uids: ALL, deletedOnly: false })
    assert.ok(three.at === 'done')
    assert.deepEqual(three.uids, [2])
    assert.deepEqual(await store.mail.expungedSince(accountId, from, start), [1, 2, 3])
    assert.deepEqual(await store.mail.expungedSince(accountId, from, one.modSeq), [2, 3])
    assert.equal((await info(store, accountId, from)).uidNext, 4)
    assert.equal(
      (await store.run({ ...base, mailboxId: 9 as MailboxId, uids: ALL, deletedOnly: false })).at,
      'not-found',
    )
    await countsHold(store, accountId)
  })

  check('uids and modSeqs are never used again, also after a restart', async (store, opened) => {
    const { accountId, from } = await two(store)
    await store.run({ do: 'expunge', accountId, mailboxId: from, uids: ALL, deletedOnly: false })
    const before = await info(store, accountId, from)
    const { store: again } = await opened.reopen()
    assert.deepEqual(await info(again, accountId, from), before)
    assert.equal(await deliver(again, accountId, 'new'), uid(4))
    assert.ok((await info(again, accountId, from)).highestModSeq > before.highestModSeq)
  })
}
