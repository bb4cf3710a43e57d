/** App passwords and client certificates. */
import assert from 'node:assert/strict'
import type { AccountId } from '../../model/ids.ts'
import { ACCESS_KEYS_PER_ACCOUNT_MAX } from '../../model/limits.ts'
import { account, KEY, NOW } from '../testing/letters.ts'
import type { Check } from './shared.ts'

export function accessKeyTests(check: Check): void {
  check('access keys: add, list, note their use, remove', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    const add = (accountId: AccountId, change: Partial<typeof KEY> = {}) =>
      store.run({ do: 'addAccessKey', accountId, ...KEY, ...change })
    assert.deepEqual(await add(ann), { at: 'done', keyId: 1 })
    assert.deepEqual(await add(ann), { at: 'exists' })
    assert.deepEqual(await add(bob), { at: 'done', keyId: 1 })
    const certificate = { kind: 'certificate', secret: 'ab:cd' } as const
    assert.deepEqual(await add(ann, certificate), { at: 'done', keyId: 2 })
    assert.deepEqual(await add(bob, certificate), { at: 'exists' })
    assert.deepEqual(await add(999 as AccountId), { at: 'not-found' })

    const key = { ...KEY, keyId: 1, lastUse: null }
    const other = { ...KEY, ...certificate, keyId: 2, lastUse: null }
    assert.deepEqual(await store.directory.accessKeys(ann), [key, other])
    assert.deepEqual(await store.directory.certificateKey('ab:cd'), { accountId: ann, key: other })
    assert.equal(await store.directory.certificateKey(KEY.secret), null)

    const use = { at: NOW, protocol: 'imap', address: '192.0.2.1' } as const
    const note = (keyId: number, at: number) =>
      store.run({ do: 'noteAccessKeyUse', accountId: ann, keyId, use: { ...use, at } })
    assert.deepEqual(await note(1, NOW), { at: 'done' })
    assert.deepEqual(await note(1, NOW - 1), { at: 'done' })
    assert.deepEqual(await note(9, NOW), { at: 'not-found' })
    assert.deepEqual(await store.directory.accessKeys(ann), [{ ...key, lastUse: use }, other])

    assert.deepEqual(await store.run({ do: 'removeAccessKey', accountId: ann, keyId: 1 }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'removeAccessKey', accountId: ann, keyId: 1 }), { at: 'not-found' })
    assert.deepEqual(await store.directory.accessKeys(ann), [other])

    for (let i = 1; i < ACCESS_KEYS_PER_ACCOUNT_MAX; i++) {
      assert.equal((await add(ann, { name: `${i}` })).at, 'done')
    }
    assert.deepEqual(await add(ann, { name: 'one more' }), { at: 'too-many' })
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.deepEqual(await store.directory.accessKeys(ann), [])
    assert.deepEqual(await add(bob, certificate), { at: 'done', keyId: 2 })
  })

  check('whose password changes, or whose access key goes, is told', async (store) => {
    const ann = await account(store, 'ann')
    await store.run({ do: 'addAccessKey', accountId: ann, ...KEY })
    for (const change of [
      { do: 'removeAccessKey', accountId: ann, keyId: 1 },
      { do: 'setCredential', accountId: ann, credential: { phc: 'other', scram: null } },
    ] as const) {
      const heard = Promise.withResolvers<string>()
      const end = store.changes.watchAccount(ann, ({ kind }) => heard.resolve(kind))
      await store.run(change)
      assert.equal(await heard.promise, 'credentials')
      end()
    }
  })
}
