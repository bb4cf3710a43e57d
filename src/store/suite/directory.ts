/** Domains, accounts, aliases. */
import assert from 'node:assert/strict'
import type { AccountId } from '../../model/ids.ts'
import { accept, account, CREDENTIAL, mailboxId, NOW } from '../testing/letters.ts'
import { type Check, text, entriesOf } from './shared.ts'

export function directoryTests(check: Check): void {
  check('domains: add, list, catch-all, remove', async (store) => {
    assert.deepEqual(await store.run({ do: 'addDomain', name: 'b.example' }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'addDomain', name: 'b.example' }), { at: 'exists' })
    await store.run({ do: 'addDomain', name: 'a.example' })
    const target = { localPart: 'x', domain: 'a.example' }
    assert.deepEqual(await store.run({ do: 'setCatchAll', domain: 'b.example', target }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'setCatchAll', domain: 'c.example', target }), { at: 'not-found' })
    const [a, b] = await store.directory.domains()
    assert.deepEqual(
      [a, b],
      [
        { name: 'a.example', catchAll: null },
        { name: 'b.example', catchAll: target },
      ],
    )
    assert.deepEqual(await store.directory.domain('b.example'), b)
    assert.equal(await store.directory.domain('c.example'), null)
    assert.deepEqual(await store.run({ do: 'removeDomain', name: 'b.example' }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'removeDomain', name: 'b.example' }), { at: 'not-found' })
  })

  check('an address is unique over accounts and aliases, local part without case', async (store) => {
    const accountId = await account(store, 'Ann')
    const ANN = { localPart: 'aNN', domain: 'a.example' }
    const base = { credential: CREDENTIAL, quotaOctets: null, mailboxes: [], now: NOW }
    assert.deepEqual(await store.run({ do: 'addAccount', address: ANN, ...base }), { at: 'exists' })
    assert.deepEqual(await store.run({ do: 'addAlias', address: ANN, targets: [] }), { at: 'exists' })
    const team = { localPart: 'Info', domain: 'a.example' }
    assert.deepEqual(await store.run({ do: 'addAlias', address: team, targets: [ANN] }), { at: 'done' })
    const lower = { ...team, localPart: 'info' }
    assert.deepEqual(await store.run({ do: 'addAccount', address: lower, ...base }), { at: 'exists' })
    const elsewhere = { localPart: 'x', domain: 'no.example' }
    assert.deepEqual(await store.run({ do: 'addAccount', address: elsewhere, ...base }), { at: 'no-domain' })
    assert.deepEqual(await store.run({ do: 'addAlias', address: elsewhere, targets: [] }), { at: 'no-domain' })
    assert.equal((await store.directory.accountByAddress(ANN))?.accountId, accountId)
    assert.equal(await store.directory.accountByAddress(team), null)
    assert.deepEqual(await store.directory.alias(lower), { address: team, targets: [ANN] })
    assert.equal(await store.directory.alias(ANN), null)
    assert.equal((await store.directory.aliases()).length, 1)
    assert.deepEqual(await store.run({ do: 'removeDomain', name: 'a.example' }), { at: 'in-use' })
    assert.deepEqual(await store.run({ do: 'removeAlias', address: ANN }), { at: 'not-found' })
    assert.deepEqual(await store.run({ do: 'removeAlias', address: team }), { at: 'done' })
  })

  check('accounts: credential, quota, mailboxes of the start', async (store) => {
    const accountId = await account(store, 'ann', 1000)
    const credential = { phc: 'new', scram: { salt: 's', iterations: 4096, storedKey: 'a', serverKey: 'b' } }
    assert.deepEqual(await store.run({ do: 'setCredential', accountId, credential }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'setQuota', accountId, quotaOctets: 5 }), { at: 'done' })
    assert.deepEqual(await store.directory.account(accountId), {
      accountId,
      address: { localPart: 'ann', domain: 'a.example' },
      credential,
      quotaOctets: 5,
      quotaMessages: null,
      usedOctets: 0,
      usedMessages: 0,
    })
    const mailboxes = await store.mail.mailboxes(accountId)
    assert.deepEqual(
      mailboxes.map(({ name, specialUse, subscribed, uidNext, messages }) => [
        name,
        specialUse,
        subscribed,
        uidNext,
        messages,
      ]),
      [
        ['INBOX', null, true, 1, 0],
        ['Sent', 'Sent', true, 1, 0],
      ],
    )
    const nobody = 999 as AccountId
    assert.deepEqual(await store.run({ do: 'setCredential', accountId: nobody, credential }), { at: 'not-found' })
    assert.deepEqual(await store.run({ do: 'setQuota', accountId: nobody, quotaOctets: 1 }), { at: 'not-found' })
    assert.deepEqual(await store.run({ do: 'removeAccount', accountId: nobody }), { at: 'not-found' })
  })

  check('a removed account takes its mail along; what others share stays', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    await accept(store, 'for both', {
      local: [ann, bob].map((accountId) => ({ accountId, mailbox: 'INBOX' as const, flags: [] })),
    })
    assert.deepEqual(await store.run({ do: 'removeAccount', accountId: ann }), { at: 'done' })
    assert.equal(await store.directory.account(ann), null)
    assert.deepEqual(await store.mail.mailboxes(ann), [])
    const [entry] = await entriesOf(store, bob, await mailboxId(store, bob))
    assert.ok(entry !== undefined)
    assert.equal(text(await store.mail.read(bob, entry.messageKey, 0, 100)), 'for both')
    const again = await account(store, 'ann')
    assert.ok(again > bob, 'an account id is never used again')
  })

  check('a one-time link: one for each account, used once, not after its end', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    const credential = { phc: 'chosen', scram: null }
    const give = (accountId: AccountId, tokenHash: string | null) =>
      store.run({
        do: 'setOnceLink',
        accountId,
        link: tokenHash === null ? null : { tokenHash, expiresAt: NOW + 1000 },
      })
    const use = (tokenHash: string, now = NOW) => store.run({ do: 'useOnceLink', tokenHash, credential, now })
    const phcOf = async (accountId: AccountId) => (await store.directory.account(accountId))?.credential.phc
    assert.deepEqual(await give(999 as AccountId, 'x'), { at: 'not-found' })
    assert.deepEqual(await give(ann, 'first'), { at: 'done' })
    assert.deepEqual(await store.directory.onceLink('first'), { accountId: ann, expiresAt: NOW + 1000 })
    assert.deepEqual(await give(ann, 'second'), { at: 'done' })
    assert.equal(await store.directory.onceLink('first'), null, 'a new one takes its place')
    assert.deepEqual(await use('first'), { at: 'not-found' })
    assert.deepEqual(await use('second', NOW + 1000), { at: 'not-found' }, 'its end has come')
    assert.notEqual(await phcOf(ann), 'chosen')
    const both = await Promise.all([use('second'), use('second')])
    assert.deepEqual(both.map(({ at }) => at).toSorted(), ['done', 'not-found'])
    assert.equal(await phcOf(ann), 'chosen')
    assert.notEqual(await phcOf(bob), 'chosen')
    // Ended: by the administrator, by a password that was set otherwise, with the account.
    await give(bob, 'third')
    assert.deepEqual(await give(bob, null), { at: 'done' })
    assert.equal(await store.directory.onceLink('third'), null)
    await give(bob, 'fourth')
    await store.run({ do: 'setCredential', accountId: bob, credential: { phc: 'other', scram: null } })
    assert.deepEqual(await use('fourth'), { at: 'not-found' })
    await give(bob, 'fifth')
    await store.run({ do: 'removeAccount', accountId: bob })
    assert.equal(await store.directory.onceLink('fifth'), null)
    assert.deepEqual(await use('fifth'), { at: 'not-found' })
  })
}
