/** How much accounts send, and may send; aliases that end. */
import assert from 'node:assert/strict'
import { SENDING_WINDOW_HOURS } from '../../model/limits.ts'
import type { SentBy } from '../contract.ts'
import { accept, account, relayTo } from '../testing/letters.ts'
import type { Check } from './shared.ts'

const HOUR_NOW = 500_000
const USUAL = { messages: 3, recipients: 10 }

export function sendingTests(check: Check): void {
  check('what is sent counts for a day, with the letter or not at all', async (store, { reopen }) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    const send = async (of: Partial<SentBy>): Promise<string> => {
      const sentBy = { accountId: ann, hour: HOUR_NOW, recipients: 1, usual: USUAL, ...of }
      return (await accept(store, 'a letter', { relay: [relayTo('b.example')], sentBy })).at
    }
    assert.equal(await send({ recipients: 11 }), 'over-limit')
    assert.equal((await store.queue.list()).length, 0, 'nothing was kept')
    assert.deepEqual(
      [await send({ recipients: 8 }), await send({ recipients: 3 }), await send({ recipients: 2, hour: HOUR_NOW + 1 })],
      ['accepted', 'over-limit', 'accepted'],
    )
    assert.equal(await send({ accountId: bob }), 'accepted', 'each account has its own')
    const later = HOUR_NOW + SENDING_WINDOW_HOURS
    assert.equal(await send({ hour: later - 1 }), 'over-limit')
    assert.equal(await send({ hour: later, recipients: 8 }), 'accepted', 'the first hour is a day ago')
    const { store: again } = await reopen()
    assert.deepEqual(await again.directory.sending(ann, { from: HOUR_NOW, to: later }), {
      limit: null,
      hours: [
        { hour: HOUR_NOW + 1, messages: 1, recipients: 2 },
        { hour: later, messages: 1, recipients: 8 },
      ],
    })
  })

  check('an account may have a sending limit of its own; it goes with the account', async (store) => {
    const ann = await account(store, 'ann')
    const sentBy = { accountId: ann, hour: HOUR_NOW, recipients: 1, usual: USUAL }
    const send = async () => (await accept(store, 'x', { relay: [relayTo('b.example')], sentBy })).at
    const set = (limit: { messages: number; recipients: number } | null) =>
      store.run({ do: 'setSendingLimit', accountId: ann, limit })
    assert.deepEqual(await set({ messages: 0, recipients: 0 }), { at: 'done' })
    assert.equal(await send(), 'over-limit')
    await set({ messages: 1, recipients: 1 })
    assert.deepEqual([await send(), await send()], ['accepted', 'over-limit'])
    await set(null)
    assert.equal(await send(), 'accepted')
    await set({ messages: 9, recipients: 9 })
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.deepEqual(await store.directory.sending(ann, { from: 0, to: HOUR_NOW }), { limit: null, hours: [] })
    assert.deepEqual(await set(null), { at: 'not-found' })
    assert.equal(await send(), 'over-limit', 'of nobody nothing is taken')
  })

  check('an alias may end; its end goes with it', async (store) => {
    const ann = await account(store, 'ann')
    const { address } = (await store.directory.account(ann))!
    const alias = { address: { ...address, localPart: 'Brief' }, targets: [address] }
    assert.deepEqual(await store.run({ do: 'addAlias', ...alias, until: 77 }), { at: 'done' })
    assert.deepEqual(await store.directory.alias({ ...address, localPart: 'brief' }), { ...alias, until: 77 })
    assert.deepEqual(await store.directory.aliases(), [{ ...alias, until: 77 }])
    await store.run({ do: 'removeAlias', address: alias.address })
    await store.run({ do: 'addAlias', ...alias })
    assert.deepEqual(await store.directory.aliases(), [alias])
  })
}
