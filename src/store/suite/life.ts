/** Notices; grouping; closing. */
import assert from 'node:assert/strict'
import { type ChangeNotice, StoreError } from '../contract.ts'
import { accept, account, ALL, deliver, mailboxId, NOW, relayTo } from '../testing/letters.ts'
import { type Check, uidsOf, info, countsHold } from './shared.ts'

export function changeTests(check: Check): void {
  check('a notice is heard after the commit, and a reader then sees the change', async (store) => {
    const ann = await account(store)
    const inbox = await mailboxId(store, ann)
    const heard = Promise.withResolvers<ChangeNotice>()
    const end = store.changes.watchAccount(ann, heard.resolve)
    const delivered = deliver(store, ann, 'x')
    const notice = await heard.promise
    const mailbox = await info(store, ann, inbox)
    assert.deepEqual(notice, { kind: 'mailbox', accountId: ann, mailboxId: inbox, modSeq: mailbox.highestModSeq })
    assert.equal(mailbox.messages, 1)
    await delivered
    end()
  })

  check('each kind of change reaches who watches it, and nobody else', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    const log: string[] = []
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))
    const ends = [
      store.changes.watchAccount(ann, (notice) => log.push(`ann ${notice.kind}`)),
      store.changes.watchAccount(bob, (notice) => log.push(`bob ${notice.kind}`)),
      store.changes.watchQueue(() => log.push('queue')),
      store.changes.watchDirectory(() => log.push('directory')),
    ]
    const hears = async (expected: string[], act: () => Promise<unknown>) => {
      log.length = 0
      await act()
      while (log.length < expected.length) await turn()
      assert.deepEqual(log.toSorted(), expected)
    }
    await turn()
    await hears(['ann mailbox'], () => deliver(store, ann, 'x'))
    await hears(['queue'], () => accept(store, 'x', { relay: [relayTo('b.example')] }))
    await hears(['bob mailbox-list'], () =>
      store.run({ do: 'createMailbox', accountId: bob, name: 'n', specialUse: null, now: NOW }),
    )
    await hears(['directory'], () => store.run({ do: 'addDomain', name: 'x.example' }))
    await hears(['ann account-removed', 'directory'], () => store.run({ do: 'removeAccount', accountId: ann }))
    for (const end of ends) end()
    log.length = 0
    await deliver(store, bob, 'x')
    await turn()
    assert.deepEqual(log, [])
  })
}

export function lifeTests(check: Check): void {
  check('commands of one turn commit together, each for itself', async (store) => {
    const ann = await account(store, 'ann', 10)
    const outcomes = await Promise.all([
      accept(store, '12345678', { local: [{ accountId: ann, mailbox: 'INBOX', flags: [] }] }),
      store.run({ do: 'addDomain', name: 'a.example' }),
      store.run({ do: 'addDomain', name: 'z.example' }),
      // Ours: a mailbox that is no atom's. It fails alone.
      store
        .run({
          do: 'setFlags',
          accountId: ann,
          mailboxId: await mailboxId(store, ann),
          uids: ALL,
          mode: 'add',
          flags: ['no atom'],
          unchangedSince: null,
        })
        .then(
          () => 'kept',
          () => 'thrown',
        ),
    ])
    assert.deepEqual(
      outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : outcome.at)),
      ['accepted', 'exists', 'done', 'thrown'],
    )
    assert.equal((await store.directory.domains()).length, 2)
    await countsHold(store, ann)
  })

  check('close finishes what was given, then refuses', async (store, opened) => {
    const ann = await account(store)
    const pending = Promise.all(Array.from({ length: 20 }, (_, i) => deliver(store, ann, `m${i}`)))
    // The letters are staged in a few turns; then they are under way.
    for (let i = 0; i < 20; i++) await Promise.resolve()
    const { store: again } = await opened.reopen()
    await pending
    assert.equal((await uidsOf(again, ann, await mailboxId(again, ann))).length, 20)
    const closed = (error: unknown): boolean => error instanceof StoreError && error.kind === 'closed'
    await assert.rejects(store.run({ do: 'addDomain', name: 'q.example' }), closed)
    await assert.rejects(store.mail.mailboxes(ann), closed)
  })
}
