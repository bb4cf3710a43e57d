/** App passwords and client certificates, on a real store. */
import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { suite, test } from 'node:test'
import { Secret } from '../../std/secret.ts'
import { createTestRandom } from '../../std/test-random.ts'
import { ACCESS_KEY_NAME_MAX, ACCESS_KEY_USE_NOTED_EVERY_MS, ACCESS_KEYS_PER_ACCOUNT_MAX } from '../../model/limits.ts'
import type { Protocol } from '../../model/service.ts'
import type { LoginOutcome } from '../contract.ts'
import { openTestCore, type TestCore } from '../testing/test-core.ts'
import { fitsAppPassword, hashAppPassword, makeAppPassword, readAppPassword } from './app-password.ts'
import { createLiveLogins } from './live-logins.ts'

const place = (protocol: Protocol) => ({ protocol, address: '192.0.2.9' })

async function withCore(body: (core: TestCore) => Promise<void>): Promise<void> {
  const core = await openTestCore()
  try {
    await core.addAccount('anna@here.test')
    await core.addAccount('bert@here.test')
    await body(core)
  } finally {
    await core[Symbol.asyncDispose]()
  }
}

async function make({ accessKeys }: TestCore, name: string, scope: readonly Protocol[] = []) {
  const made = await accessKeys.addAppPassword('anna@here.test', { name, scope })
  assert.ok(made.at === 'done')
  return { keyId: made.keyId, password: made.password.reveal() }
}

const login = (core: TestCore, password: string, protocol: Protocol, name = 'anna@here.test') =>
  core.accounts.verifyPassword(name, new Secret(password), place(protocol))

/** Does the client's part of SCRAM up to the key. @returns what the proof comes to */
async function scram(core: TestCore, password: string, protocol: Protocol): Promise<LoginOutcome | 'no pair fits'> {
  const offer = await core.accounts.scramKeys('anna@here.test', place(protocol))
  assert.ok('pairs' in offer)
  const salted = pbkdf2Sync(password, Buffer.from(offer.salt, 'base64'), offer.iterations, 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const storedKey = createHash('sha256').update(clientKey).digest('base64')
  const pair = offer.pairs.findIndex((each) => each.storedKey === storedKey)
  return pair === -1 ? 'no pair fits' : offer.proven(pair)
}

suite('app passwords', () => {
  test('made of 100 bits, told in groups, read as people type them', () => {
    const random = createTestRandom()
    const made = makeAppPassword(random)
    assert.match(made, /^([a-z2-7]{4}-){4}[a-z2-7]{4}$/)
    const letters = readAppPassword(made)!
    for (const typed of [made.toUpperCase(), made.replaceAll('-', ''), made.replaceAll('-', ' ')]) {
      assert.equal(readAppPassword(typed), letters)
    }
    for (const other of ['', 'sesame', `${made}a`, made.replace(/./, '1')]) assert.equal(readAppPassword(other), null)
    const secret = hashAppPassword(letters, random)
    assert.ok(!secret.includes(letters))
    assert.notEqual(secret, hashAppPassword(letters, random), 'each has its salt')
    assert.ok(fitsAppPassword(secret, letters))
    assert.ok(
      !fitsAppPassword(
        secret,
        letters.replace(/./, (first) => (first === 'a' ? 'b' : 'a')),
      ),
    )
    for (const broken of ['', '$', 'salt', 'salt$']) assert.ok(!fitsAppPassword(broken, letters))
  })

  test('each is good within its scope, and the account’s own password goes on', () =>
    withCore(async (core) => {
      const phone = await make(core, 'Phone', ['imap', 'smtp'])
      const script = await make(core, 'Script')
      for (const protocol of ['imap', 'smtp'] as const) {
        assert.equal((await login(core, phone.password, protocol)).at, 'ok')
        assert.equal((await login(core, phone.password.replaceAll('-', ' '), protocol)).at, 'ok')
      }
      assert.deepEqual(await login(core, phone.password, 'pop3'), { at: 'refused', why: 'out-of-scope' })
      for (const protocol of ['imap', 'pop3', 'smtp', 'sieve', 'http'] as const) {
        assert.equal((await login(core, script.password, protocol)).at, 'ok')
        assert.equal((await login(core, 'sesame', protocol)).at, 'ok')
      }
      assert.deepEqual(await login(core, phone.password, 'imap', 'bert@here.test'), { at: 'refused' })
      const unknown = makeAppPassword(core.random)
      assert.deepEqual(await login(core, unknown, 'imap'), { at: 'refused' })
    }))

  test('a revoked one is refused; so are those of a removed account', () =>
    withCore(async (core) => {
      const phone = await make(core, 'Phone')
      const tablet = await make(core, 'Tablet')
      assert.deepEqual(await core.accessKeys.remove('anna@here.test', phone.keyId), { at: 'done' })
      assert.deepEqual(await core.accessKeys.remove('anna@here.test', phone.keyId), { at: 'not-found' })
      assert.deepEqual(await core.accessKeys.remove('bert@here.test', tablet.keyId), { at: 'not-found' })
      assert.deepEqual(await login(core, phone.password, 'imap'), { at: 'refused' })
      assert.equal((await login(core, tablet.password, 'imap')).at, 'ok')
      await core.directory.removeAccount('anna@here.test')
      assert.deepEqual(await login(core, tablet.password, 'imap'), { at: 'refused' })
    }))

  test('the last use is written down, once in an hour', () =>
    withCore(async (core) => {
      const { password } = await make(core, 'Phone')
      const use = async () => {
        await login(core, password, 'imap')
        await core.usesNoted()
        const list = await core.accessKeys.list('anna@here.test')
        assert.ok(list.at === 'done')
        return list.keys[0]?.lastUse
      }
      const first = { at: core.clock.now(), ...place('imap') }
      assert.deepEqual(await use(), first)
      core.clock.advance(ACCESS_KEY_USE_NOTED_EVERY_MS - 1)
      assert.deepEqual(await use(), first)
      assert.equal(await core.usesNoted(), 1, 'no commit for each login')
      core.clock.advance(1)
      assert.deepEqual(await use(), { ...first, at: core.clock.now() })
      assert.deepEqual(await login(core, password, 'pop3'), await login(core, password, 'pop3'))
      assert.equal(await core.usesNoted(), 2)
    }))

  test('SCRAM takes each of them beside the account’s own, and goes on when that is changed', () =>
    withCore(async (core) => {
      const phone = await make(core, 'Phone', ['imap'])
      const script = await make(core, 'Script')
      const at = async (password: string, protocol: Protocol) => {
        const outcome = await scram(core, password, protocol)
        return typeof outcome === 'string' ? outcome : outcome.at
      }
      assert.equal(await at('sesame', 'imap'), 'ok')
      assert.equal(await at(phone.password, 'imap'), 'ok')
      assert.equal(await at(script.password, 'imap'), 'ok')
      assert.equal(await at(phone.password, 'smtp'), 'no pair fits')
      assert.equal(await at('wrong', 'imap'), 'no pair fits')
      assert.equal((await core.directory.setPassword('anna@here.test', new Secret('changed'))).at, 'done')
      assert.equal(await at('sesame', 'imap'), 'no pair fits')
      assert.equal(await at('changed', 'imap'), 'ok')
      assert.equal(await at(phone.password, 'imap'), 'ok')
      await core.accessKeys.remove('anna@here.test', phone.keyId)
      assert.equal(await at(phone.password, 'imap'), 'no pair fits')
      // A password that SCRAM cannot carry: the app passwords still can.
      await core.directory.addAccount('carl@here.test', new Secret('bell\u0080'))
      const made = await core.accessKeys.addAppPassword('carl@here.test', { name: 'x', scope: [] })
      assert.ok(made.at === 'done')
      const offer = await core.accounts.scramKeys('carl@here.test', place('imap'))
      assert.ok('pairs' in offer && offer.pairs.length === 2)
      assert.equal(offer.proven(0).at, 'refused')
      assert.equal(offer.proven(1).at, 'ok')
    }))

  test('what may not be: a name twice, none, too long, unprintable; one too many', () =>
    withCore(async (core) => {
      const add = async (name: string, address = 'anna@here.test') =>
        (await core.accessKeys.addAppPassword(address, { name, scope: [] })).at
      assert.equal(await add('Phone'), 'done')
      assert.equal(await add(' Phone '), 'exists')
      assert.equal(await add('Phone', 'bert@here.test'), 'done')
      assert.equal(await add('Phone', 'nobody@here.test'), 'not-found')
      assert.equal(await add(' '), 'bad-name')
      assert.equal(await add('ж'.repeat(ACCESS_KEY_NAME_MAX)), 'done')
      assert.equal(await add('ж'.repeat(ACCESS_KEY_NAME_MAX + 1)), 'bad-name')
      assert.equal(await add('a\u202eb'), 'bad-name')
      for (let i = 2; i < ACCESS_KEYS_PER_ACCOUNT_MAX; i++) assert.equal(await add(`${i}`), 'done')
      assert.equal(await add('one more'), 'too-many')
    }))
})

suite('what was signed in with goes, and the session with it', () => {
  const FAR = 'c'
  async function sessions(core: TestCore) {
    const live = createLiveLogins({ changes: core.store.changes, stillHolds: core.accounts.stillHolds })
    const ended = new Map<string, PromiseWithResolvers<void>>()
    const begin = async (cid: string, password: string, name?: string) => {
      const outcome = await login(core, password, 'imap', name)
      assert.ok(outcome.at === 'ok')
      const end = Promise.withResolvers<void>()
      ended.set(cid, end)
      live.began({ cid, account: outcome.account, by: outcome.by ?? null, end: () => end.resolve() })
    }
    /** Whether it has ended, once all that was told before has been heard. */
    const hasEnded = async (cid: string) => {
      const end = ended.get(cid)!
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
      return Promise.race([end.promise.then(() => true), Promise.resolve(false).then(() => false)])
    }
    return { live, begin, hasEnded, ended }
  }

  test('a revoked app password ends its sessions, and no others', () =>
    withCore(async (core) => {
      const phone = await make(core, 'Phone')
      const tablet = await make(core, 'Tablet')
      const { live, begin, hasEnded, ended } = await sessions(core)
      await begin('phone', phone.password)
      await begin('gone', phone.password)
      await begin('tablet', tablet.password)
      await begin('own', 'sesame')
      await begin(FAR, 'sesame', 'bert@here.test')
      live.ended('gone')
      await core.accessKeys.remove('anna@here.test', phone.keyId)
      await ended.get('phone')!.promise
      for (const cid of ['gone', 'tablet', 'own', FAR]) assert.equal(await hasEnded(cid), false, cid)
    }))

  test('a changed password ends those that came in with the old one; a removed account all', () =>
    withCore(async (core) => {
      const phone = await make(core, 'Phone')
      const { begin, hasEnded, ended } = await sessions(core)
      await begin('phone', phone.password)
      await begin('own', 'sesame')
      await begin(FAR, 'sesame', 'bert@here.test')
      await core.directory.setPassword('anna@here.test', new Secret('changed'))
      await ended.get('own')!.promise
      assert.equal(await hasEnded('phone'), false)
      await begin('new', 'changed')
      await core.directory.removeAccount('anna@here.test')
      await ended.get('phone')!.promise
      await ended.get('new')!.promise
      assert.equal(await hasEnded(FAR), false)
    }))
})

suite('client certificates', () => {
  const shown = (fingerprint: string, addresses: string[] = [], trusted = false) => ({
    fingerprint,
    addresses,
    trusted,
  })

  test('pinned: whoever shows it is that account, within its scope', () =>
    withCore(async (core) => {
      const { accountId } = (await core.directory.account('anna@here.test'))!
      const key = { kind: 'certificate', name: 'Laptop', scope: ['imap'], secret: 'AA:BB', scram: null } as const
      await core.store.run({ do: 'addAccessKey', accountId, ...key, createdAt: 0 })
      const at = async (asWhom: string | null, protocol: Protocol = 'imap', fingerprint = 'AA:BB') =>
        core.accounts.verifyCertificate(shown(fingerprint), asWhom, place(protocol))
      const outcome = await at(null)
      assert.ok(outcome.at === 'ok')
      assert.deepEqual(outcome.account.address, { localPart: 'anna', domain: 'here.test' })
      assert.deepEqual(outcome.by, { by: 'access-key', tag: 'AA:BB' })
      assert.equal((await at('ANNA@here.test')).at, 'ok')
      assert.deepEqual(await at('bert@here.test'), { at: 'refused' })
      assert.deepEqual(await at(null, 'smtp'), { at: 'refused', why: 'out-of-scope' })
      assert.deepEqual(await at(null, 'imap', 'CC:DD'), { at: 'refused' })
      await core.usesNoted()
    }))

  test('of a CA: by the addresses in it', () =>
    withCore(async (core) => {
      const at = async (addresses: string[], asWhom: string | null, trusted = true) =>
        (await core.accounts.verifyCertificate(shown('x', addresses, trusted), asWhom, place('imap'))).at
      assert.equal(await at(['anna@here.test'], null), 'ok')
      assert.equal(await at(['anna@here.test'], 'anna@here.test'), 'ok')
      assert.equal(await at(['nobody@here.test', 'anna@here.test'], null), 'ok')
      assert.equal(await at(['anna@here.test', 'bert@here.test'], 'bert@here.test'), 'ok')
      assert.equal(await at(['anna@here.test'], 'bert@here.test'), 'refused')
      assert.equal(await at([], 'anna@here.test'), 'refused')
      assert.equal(await at(['anna@here.test'], null, false), 'refused')
    }))

  test('what is added must be a certificate, without its key', () =>
    withCore(async (core) => {
      const add = async (pem: string) => {
        const outcome = await core.accessKeys.addCertificate('anna@here.test', { name: 'x', scope: [], pem })
        return outcome.at === 'bad-certificate' ? outcome.why : outcome.at
      }
      assert.match(await add('x'), /not a PEM certificate/)
      assert.match(await add('-----BEGIN PRIVATE KEY-----'), /private key/)
    }))
})
