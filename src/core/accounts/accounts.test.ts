import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../../std/secret.ts'
import { createTestClock } from '../../std/test-clock.ts'
import { createTestRandom } from '../../std/test-random.ts'
import { CREDENTIAL_CACHE_MS, PASSWORD_HASH_QUEUE_MAX, PASSWORD_HASHES_PER_CORE_MAX } from '../../model/limits.ts'
import { StoreError, type Credential } from '../../store/contract.ts'
import { at, createTestDirectory } from '../testing/test-directory.ts'
import type { Accounts } from '../contract.ts'
import { createAccounts } from './accounts.ts'
import { argon2OfNode } from './argon2.ts'
import { createPasswordHasher, type PasswordHasher } from './password-hasher.ts'

/** Counts the work, and can be made to wait. */
function setUp(options: { cores?: number } = {}) {
  const clock = createTestClock()
  const random = createTestRandom()
  const real = createPasswordHasher({
    random,
    argon2: argon2OfNode,
    cost: { memoryKib: 64, passes: 1, parallelism: 1 },
  })
  const work = { verified: 0, pretended: 0, running: 0, mostRunning: 0, held: null as Promise<void> | null }
  const counted = async <T>(kind: 'verified' | 'pretended', run: () => Promise<T>): Promise<T> => {
    work[kind] += 1
    work.mostRunning = Math.max(work.mostRunning, ++work.running)
    await work.held
    try {
      return await run()
    } finally {
      work.running -= 1
    }
  }
  const hasher: PasswordHasher = {
    hash: (password) => real.hash(password),
    verify: (phc, password) => counted('verified', () => real.verify(phc, password)),
    pretend: (password) => counted('pretended', () => real.pretend(password)),
  }
  const directory = createTestDirectory({
    domains: { 'here.test': null },
    aliases: { 'sales@here.test': ['ann@here.test', 'far@there.test'], 'boss@here.test': ['sales@here.test'] },
  })
  const accounts = createAccounts({
    directory,
    hasher,
    clock,
    random,
    cores: options.cores ?? 1,
    scramSecret: Buffer.from('of this installation'),
  })
  const addAnn = async (password: string): Promise<Credential> => {
    const credential = await accounts.makeCredential(new Secret(password))
    directory.setAccount('ann@here.test', { credential })
    return credential
  }
  const login = async (name: string, password: string) => (await accounts.verifyPassword(name, new Secret(password))).at
  return { accounts, directory, clock, work, addAnn, login }
}

test('the right password, any case of the name', async () => {
  const { accounts, addAnn, login } = setUp()
  await addAnn('sesame')
  const outcome = await accounts.verifyPassword('ANN@Here.Test', new Secret('sesame'))
  assert.ok(outcome.at === 'ok')
  assert.deepEqual(outcome.account.address, at('ann@here.test'))
  assert.equal(await login('ann@here.test', 'Sesame'), 'refused')
  assert.equal(await login('ann@here.test', ''), 'refused')
})

test('names that are none: refused, each at the price of a hash (S7)', async () => {
  const { addAnn, login, work } = setUp()
  await addAnn('sesame')
  const names = [
    'bob@here.test',
    'ann',
    '',
    '@here.test',
    'ann@',
    'ann@there.test',
    'sales@here.test',
    'ann+x@here.test',
  ]
  for (const name of names) assert.equal(await login(name, 'sesame'), 'refused', name)
  assert.equal(work.pretended, names.length)
})

test('a password that was right lately costs no hash; the credential it was right for must still be there', async () => {
  const { addAnn, login, work, clock } = setUp()
  await addAnn('sesame')
  assert.equal(await login('ann@here.test', 'sesame'), 'ok')
  assert.equal(await login('ANN@here.test', 'sesame'), 'ok')
  assert.equal(work.verified, 1)
  assert.equal(await login('ann@here.test', 'wrong'), 'refused')
  assert.equal(await login('ann@here.test', 'wrong'), 'refused')
  assert.equal(work.verified, 3, 'a wrong password is never remembered')

  clock.advance(CREDENTIAL_CACHE_MS)
  assert.equal(await login('ann@here.test', 'sesame'), 'ok')
  assert.equal(work.verified, 4)

  await addAnn('changed')
  assert.equal(await login('ann@here.test', 'sesame'), 'refused')
  assert.equal(await login('ann@here.test', 'changed'), 'ok')
})

test('a client that opens many connections at once pays one hash', async () => {
  const { addAnn, login, work } = setUp()
  await addAnn('sesame')
  const outcomes = await Promise.all([
    ...Array.from({ length: 8 }, () => login('ann@here.test', 'sesame')),
    login('ann@here.test', 'x'),
  ])
  assert.deepEqual(outcomes, [...Array.from({ length: 8 }, () => 'ok'), 'refused'])
  assert.equal(work.verified, 2)
})

test('a removed account is refused although its password is remembered', async () => {
  const { addAnn, login, directory } = setUp()
  await addAnn('sesame')
  await login('ann@here.test', 'sesame')
  directory.removeAccount('ann@here.test')
  assert.equal(await login('ann@here.test', 'sesame'), 'refused')
})

test('hashes at once and waiting are bounded; past that: try later (S15)', async () => {
  const { addAnn, login, work } = setUp({ cores: 2 })
  await addAnn('sesame')
  let release = (): void => {}
  work.held = new Promise((resolve) => (release = resolve))
  const atOnce = 2 * PASSWORD_HASHES_PER_CORE_MAX
  const attempts = Array.from({ length: atOnce + PASSWORD_HASH_QUEUE_MAX }, (_, i) =>
    login(i % 2 === 0 ? 'ann@here.test' : 'nobody@here.test', `guess ${i}`),
  )
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await login('ann@here.test', 'sesame'), 'try-later')
  assert.equal(await login('nobody@here.test', 'sesame'), 'try-later')
  release()
  assert.deepEqual(new Set(await Promise.all(attempts)), new Set(['refused']))
  assert.equal(work.mostRunning, atOnce)
  assert.equal(await login('ann@here.test', 'sesame'), 'ok')
})

test('a store that does not answer: try later; our own mistakes throw', async () => {
  const { accounts, directory, login } = setUp()
  directory.accountByAddress = () => Promise.reject(new StoreError('busy', 'locked'))
  assert.equal(await login('ann@here.test', 'sesame'), 'try-later')
  assert.deepEqual(await accounts.scramKeys('ann@here.test'), { at: 'try-later' })
  directory.accountByAddress = () => Promise.reject(new TypeError('a mistake'))
  await assert.rejects(login('ann@here.test', 'sesame'), TypeError)
})

test('SASLprep: composed and decomposed are one password, prohibited characters stay as they are', async () => {
  const { accounts, addAnn, login } = setUp()
  await addAnn('p\u00e4ssword\u00a0x') // RFC 4013 §2.1: a non-ASCII space is a space.
  assert.equal(await login('ann@here.test', 'pa\u0308ssword x'), 'ok')
  const credential = await addAnn('bell\u0007')
  assert.equal(credential.scram, null, 'RFC 4013 §2.3: control characters are prohibited')
  assert.equal(await login('ann@here.test', 'bell\u0007'), 'ok')
  const keys = await accounts.scramKeys('ann@here.test')
  assert.ok('pairs' in keys)
  assert.deepEqual(keys.proven(0), { at: 'refused' })
})

test('SCRAM keys are RFC 5802 §3 with SHA-256', async () => {
  const { accounts, addAnn } = setUp()
  await addAnn('sesame')
  const found = await accounts.scramKeys('Ann@here.test')
  assert.ok('pairs' in found)
  assert.equal(found.proven(0).at, 'ok')
  const { salt, iterations, pairs } = found
  const { storedKey, serverKey } = pairs[0]!
  assert.ok(iterations >= 4096)
  const salted = pbkdf2Sync('sesame', Buffer.from(salt, 'base64'), iterations, 32, 'sha256')
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
  assert.equal(storedKey, createHash('sha256').update(hmac('Client Key')).digest('base64'))
  assert.equal(serverKey, hmac('Server Key').toString('base64'))
})

const keysIn = (found: Awaited<ReturnType<Accounts['scramKeys']>>) => {
  assert.ok('pairs' in found)
  const { salt, iterations, pairs } = found
  assert.equal(pairs.length, 1)
  return { salt, iterations, ...pairs[0]! }
}

test('SCRAM keys of an unknown name are stable, its own, and look like real ones (S7)', async () => {
  const { accounts, addAnn } = setUp()
  await addAnn('sesame')
  const keysOf = async (name: string) => {
    const found = await accounts.scramKeys(name)
    return keysIn(found)
  }
  const [real, bob, bobAgain, eve] = [
    await keysOf('ann@here.test'),
    await keysOf('bob@here.test'),
    await keysOf('BOB@here.test'),
    await keysOf('eve@here.test'),
  ]
  assert.deepEqual(bob, bobAgain)
  assert.deepEqual(bob, await setUp().accounts.scramKeys('bob@here.test').then(keysIn))
  assert.notEqual(bob.salt, eve.salt)
  assert.equal(bob.iterations, real.iterations)
  for (const part of ['salt', 'storedKey', 'serverKey'] as const) assert.equal(bob[part].length, real[part].length)
})

test('who may send as whom', async () => {
  const { accounts, directory, addAnn } = setUp()
  await addAnn('sesame')
  directory.setAccount('bob@here.test', {})
  const ann = {
    accountId: (await directory.accountByAddress(at('ann@here.test')))!.accountId,
    address: at('ann@here.test'),
  }
  const may = (from: string) => accounts.maySendAs(ann, at(from))
  for (const from of [
    'ann@here.test',
    'ANN@here.test',
    'ann+x@here.test',
    'sales@here.test',
    'sales+x@here.test',
    'boss@here.test',
  ]) {
    assert.equal(await may(from), true, from)
  }
  for (const from of [
    'bob@here.test',
    'nobody@here.test',
    'far@there.test',
    'ann@there.test',
    'postmaster@here.test',
  ]) {
    assert.equal(await may(from), false, from)
  }
})
