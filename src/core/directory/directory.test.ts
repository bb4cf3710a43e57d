import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../std/secret.ts'
import { ALIAS_MEMBERS_MAX, PASSWORD_MAX_OCTETS } from '../../model/limits.ts'
import { at } from '../testing/test-directory.ts'
import { openTestCore } from '../testing/test-core.ts'

const sesame = new Secret('sesame')

test('domains: added once, in one spelling, removed when nobody lives there', async () => {
  await using core = await openTestCore()
  const { directory } = core
  assert.deepEqual(await directory.addDomain(' Example.TEST '), { at: 'done', name: 'example.test' })
  assert.deepEqual(await directory.addDomain('example.test'), { at: 'exists' })
  assert.deepEqual(await directory.addDomain('Пример.test'), { at: 'done', name: 'xn--e1afmkfd.test' })
  assert.deepEqual(await directory.addDomain('xn--e1afmkfd.test'), { at: 'exists' })
  for (const name of [
    '',
    'a b',
    'a..b',
    '-a.test',
    'a_b.test',
    '[127.0.0.1]',
    'a@b',
    `${'x'.repeat(64)}.test`,
    "x';--",
  ]) {
    assert.equal((await directory.addDomain(name)).at, 'bad-domain', name)
  }
  const names = (await directory.domains()).map(({ name }) => name)
  assert.deepEqual(names.toSorted(), ['example.test', 'here.test', 'xn--e1afmkfd.test'])

  await core.addAccount('ivan@пример.test')
  assert.deepEqual(await directory.removeDomain('пример.test'), { at: 'in-use' })
  assert.deepEqual(await directory.removeDomain('EXAMPLE.test'), { at: 'done' })
  assert.deepEqual(await directory.removeDomain('example.test'), { at: 'not-found' })
})

test('an account: made with its mailboxes, found, changed, removed', async () => {
  await using core = await openTestCore()
  const { directory, accounts, store } = core
  const made = await directory.addAccount('Ann@HERE.test', sesame, { quotaOctets: 1000 })
  assert.ok(made.at === 'done')
  assert.deepEqual(made.account.address, at('Ann@here.test'))
  const mailboxes = await store.mail.mailboxes(made.account.accountId)
  assert.deepEqual(
    mailboxes.map(({ name, specialUse, subscribed }) => [name, specialUse, subscribed]),
    [
      ['INBOX', null, true],
      ['Archive', 'Archive', true],
      ['Drafts', 'Drafts', true],
      ['Junk', 'Junk', true],
      ['Sent', 'Sent', true],
      ['Trash', 'Trash', true],
    ],
  )
  assert.equal((await accounts.verifyPassword('ann@here.test', sesame)).at, 'ok')
  assert.deepEqual(await directory.addAccount('ann@here.test', sesame), { at: 'exists' })
  assert.equal((await directory.account('ANN@here.test'))?.quotaOctets, 1000)
  assert.deepEqual(await directory.setQuota('ann@here.test', null), { at: 'done' })
  assert.deepEqual(await directory.setMessageQuota('ann@here.test', 1), { at: 'done' })
  assert.equal((await directory.account('ann@here.test'))?.quotaMessages, 1)
  for (const bad of [0, -1, 1.5]) assert.equal((await directory.setMessageQuota('ann@here.test', bad)).at, 'bad-quota')
  assert.deepEqual(await directory.setMessageQuota('nonsense', 1), { at: 'not-found' })
  assert.deepEqual(await directory.setMessageQuota('ann@here.test', null), { at: 'done' })
  assert.equal((await directory.account('ann@here.test'))?.quotaOctets, null)

  assert.deepEqual(await directory.setPassword('ann@here.test', new Secret('changed')), { at: 'done' })
  assert.equal((await accounts.verifyPassword('ann@here.test', sesame)).at, 'refused')
  assert.equal((await accounts.verifyPassword('ann@here.test', new Secret('changed'))).at, 'ok')

  await directory.addAlias('info@here.test', ['ann@here.test'])
  assert.deepEqual(await directory.removeAccount('ann@here.test'), { at: 'done', namedBy: [at('info@here.test')] })
  assert.deepEqual(await directory.removeAccount('ann@here.test'), { at: 'not-found' })
  assert.equal(await directory.account('ann@here.test'), null)
  assert.equal((await accounts.verifyPassword('ann@here.test', new Secret('changed'))).at, 'refused')
})

test('what an account may not be, and nothing is changed', async () => {
  await using core = await openTestCore()
  const { directory } = core
  for (const address of [
    '',
    'ann',
    'ann@',
    '@here.test',
    'a b@here.test',
    'ann@here..test',
    'ann@here.test>',
    'a\r\nb@here.test',
  ]) {
    assert.equal((await directory.addAccount(address, sesame)).at, 'bad-address', address)
  }
  assert.deepEqual(await directory.addAccount('ann@there.test', sesame), { at: 'no-domain', domain: 'there.test' })
  for (const password of ['', 'a\0b', 'a\nb', '\ud800', 'x'.repeat(PASSWORD_MAX_OCTETS + 1)]) {
    assert.equal((await directory.addAccount('ann@here.test', new Secret(password))).at, 'bad-password')
  }
  for (const quotaOctets of [0, -1, 1.5, Number.NaN, Infinity]) {
    assert.equal((await directory.addAccount('ann@here.test', sesame, { quotaOctets })).at, 'bad-quota')
  }
  assert.deepEqual(await directory.accounts(), [])
  assert.deepEqual(await directory.setPassword('ann@here.test', sesame), { at: 'not-found' })
  assert.deepEqual(await directory.setQuota('nonsense', 1), { at: 'not-found' })
  const longest = await directory.addAccount('ann@here.test', new Secret('x'.repeat(PASSWORD_MAX_OCTETS)))
  assert.equal(longest.at, 'done')
})

test('aliases: to accounts and outside, each target once', async () => {
  await using core = await openTestCore()
  const { directory } = core
  await core.addAccount('ann@here.test')
  const targets = ['ann@here.test', 'Far@there.test', 'ANN@here.test', 'ann+tag@here.test']
  const made = await directory.addAlias('Sales@here.test', targets)
  assert.ok(made.at === 'done')
  assert.deepEqual(made.alias.targets.length, 3)
  assert.deepEqual(await directory.addAlias('sales@here.test', ['ann@here.test']), { at: 'exists' })
  assert.deepEqual(await directory.addAlias('ann@here.test', ['far@there.test']), { at: 'exists' })
  assert.deepEqual(await directory.addAccount('sales@here.test', sesame), { at: 'exists' })
  assert.equal((await directory.addAlias('team@here.test', ['sales@here.test'])).at, 'done')
  assert.deepEqual((await directory.aliases()).map(({ address }) => address.localPart).toSorted(), ['Sales', 'team'])
  assert.deepEqual(await directory.removeAlias('SALES@here.test'), { at: 'done' })
  assert.deepEqual(await directory.removeAlias('sales@here.test'), { at: 'not-found' })
  assert.deepEqual(await directory.removeAlias('nonsense'), { at: 'not-found' })
})

test('what an alias may not be', async () => {
  await using core = await openTestCore()
  const { directory } = core
  await core.addAccount('ann@here.test')
  const add = async (targets: readonly string[], address = 'x@here.test') =>
    (await directory.addAlias(address, targets)).at
  assert.equal(await add([]), 'no-targets')
  assert.equal(await add(['ann@here.test'], 'x'), 'bad-address')
  assert.equal(await add(['ann']), 'bad-address')
  assert.equal(await add(['ann@here.test'], 'x@there.test'), 'no-domain')
  assert.deepEqual(await directory.addAlias('x@here.test', ['ann@here.test', 'anne@here.test']), {
    at: 'unknown-target',
    target: at('anne@here.test'),
  })
  assert.equal(await add(['x@here.test']), 'loop')
  assert.equal(await add(['x+tag@here.test', 'ann@here.test']), 'loop')
  assert.equal(
    await add(Array.from({ length: ALIAS_MEMBERS_MAX + 1 }, (_, i) => `m${i}@there.test`)),
    'too-many-targets',
  )
  assert.deepEqual(await directory.aliases(), [])
})

test('an alias that would close a ring is refused', async () => {
  await using core = await openTestCore()
  const { directory } = core
  await core.addAccount('ann@here.test')
  await directory.addAlias('a@here.test', ['ann@here.test'])
  await directory.addAlias('b@here.test', ['a@here.test'])
  await directory.removeAlias('a@here.test')
  assert.equal((await directory.addAlias('a@here.test', ['b@here.test', 'ann@here.test'])).at, 'loop')
})

test('catch-all: to somebody who is there, or outside', async () => {
  await using core = await openTestCore()
  const { directory, store } = core
  await core.addAccount('ann@here.test')
  assert.deepEqual(await directory.setCatchAll('HERE.test', 'ann@here.test'), { at: 'done' })
  assert.deepEqual((await store.directory.domain('here.test'))?.catchAll, at('ann@here.test'))
  assert.deepEqual(await directory.setCatchAll('here.test', 'far@there.test'), { at: 'done' })
  assert.deepEqual(await directory.setCatchAll('here.test', null), { at: 'done' })
  assert.equal((await directory.setCatchAll('here.test', 'nobody@here.test')).at, 'unknown-target')
  assert.equal((await directory.setCatchAll('here.test', 'nonsense')).at, 'bad-address')
  assert.equal((await directory.setCatchAll('there.test', 'ann@here.test')).at, 'not-found')
  assert.equal((await store.directory.domain('here.test'))?.catchAll, null)
})
