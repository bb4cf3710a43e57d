/** MTA-STS policies of other domains. */
import assert from 'node:assert/strict'
import type { Check } from './shared.ts'

export function stsPolicyTests(check: Check): void {
  check('MTA-STS policies: kept, replaced, forgotten; there after a restart', async (store, { reopen }) => {
    const policy = { id: '1', mode: 'enforce', mx: ['*.away.example'], maxAgeSeconds: 86_400, fetchedAt: 5 } as const
    const set = (domain: string, to: typeof policy | null) => store.run({ do: 'setStsPolicy', domain, policy: to })
    assert.equal(await store.queue.stsPolicy('away.example'), null)
    assert.deepEqual(await set('away.example', policy), { at: 'done' })
    await set('other.example', policy)
    await set('away.example', { ...policy, fetchedAt: 6 } as never)
    assert.deepEqual(await set('other.example', null), { at: 'done' })
    assert.deepEqual(await set('none.example', null), { at: 'done' })
    const { store: again } = await reopen()
    assert.deepEqual(await again.queue.stsPolicy('away.example'), { ...policy, domain: 'away.example', fetchedAt: 6 })
    assert.equal(await again.queue.stsPolicy('other.example'), null)
  })
}
