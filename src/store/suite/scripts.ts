/** Filters: scripts of an account. */
import assert from 'node:assert/strict'
import { SIEVE_SCRIPTS_PER_ACCOUNT_MAX } from '../../model/limits.ts'
import { account } from '../testing/letters.ts'
import type { Check } from './shared.ts'

export function scriptTests(check: Check): void {
  check('scripts: put, list, activate, rename, remove; gone with their account', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    const put = (name: string, text: string, accountId = ann) => store.run({ do: 'putScript', accountId, name, text })
    const activate = (name: string | null) => store.run({ do: 'activateScript', accountId: ann, name })
    assert.deepEqual(await put('Отпуск', 'keep;'), { at: 'done' })
    assert.deepEqual(await put('b', 'stop; # ё'), { at: 'done' })
    assert.deepEqual(await put('b', 'discard;', bob), { at: 'done' })
    assert.equal(await store.filters.activeScript(ann), null)

    assert.deepEqual(await activate('none'), { at: 'not-found' })
    assert.deepEqual(await activate('b'), { at: 'done' })
    assert.deepEqual(await activate('Отпуск'), { at: 'done' })
    assert.deepEqual(await put('Отпуск', 'discard;'), { at: 'done' })
    assert.deepEqual(await store.filters.activeScript(ann), { name: 'Отпуск', text: 'discard;' })
    assert.deepEqual(await store.filters.scripts(ann), [
      { name: 'b', active: false, sizeOctets: 10 },
      { name: 'Отпуск', active: true, sizeOctets: 8 },
    ])
    assert.equal(await store.filters.script(ann, 'b'), 'stop; # ё')
    assert.equal(await store.filters.script(ann, 'c'), null)

    const rename = (name: string, newName: string) => store.run({ do: 'renameScript', accountId: ann, name, newName })
    assert.deepEqual(await rename('Отпуск', 'b'), { at: 'exists' })
    assert.deepEqual(await rename('none', 'c'), { at: 'not-found' })
    assert.deepEqual(await rename('Отпуск', 'c'), { at: 'done' })
    const remove = (name: string) => store.run({ do: 'removeScript', accountId: ann, name })
    assert.deepEqual(await remove('c'), { at: 'active' })
    assert.deepEqual(await remove('none'), { at: 'not-found' })
    assert.deepEqual(await activate(null), { at: 'done' })
    assert.deepEqual(await remove('c'), { at: 'done' })
    assert.deepEqual(await store.filters.scripts(bob), [{ name: 'b', active: false, sizeOctets: 8 }])

    for (let i = 1; i < SIEVE_SCRIPTS_PER_ACCOUNT_MAX; i++) assert.equal((await put(`s${i}`, '')).at, 'done')
    assert.deepEqual(await put('one more', ''), { at: 'too-many' })
    assert.deepEqual(await put('b', 'keep;'), { at: 'done' })
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.deepEqual(await store.filters.scripts(ann), [])
    assert.deepEqual(await put('b', '', ann), { at: 'not-found' })
  })

  check('a change of filters is told', async (store) => {
    const ann = await account(store, 'ann')
    const heard = Promise.withResolvers<string>()
    const end = store.changes.watchAccount(ann, ({ kind }) => heard.resolve(kind))
    await store.run({ do: 'putScript', accountId: ann, name: 'a', text: 'keep;' })
    assert.equal(await heard.promise, 'filters')
    end()
  })
}
