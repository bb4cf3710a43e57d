import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { printAddress } from '../../format/address/address.ts'
import {
  ONCE_LINK_LIFETIME_MS,
  ONCE_LINK_TOKEN_OCTETS,
  PASSWORD_CHOSEN_MIN_CHARACTERS,
  PASSWORD_MAX_OCTETS,
} from '../../model/limits.ts'
import { Secret } from '../../std/secret.ts'
import { openTestCore, type TestCore } from '../testing/test-core.ts'
import { createOnceLinks } from './once-links.ts'

const setUp = async () => {
  const core = await openTestCore()
  return { core, links: createOnceLinks(core) }
}
const signsIn = async ({ accounts }: TestCore, address: string, password: string): Promise<boolean> =>
  (await accounts.verifyPassword(address, new Secret(password))).at === 'ok'

const CHOSEN = new Secret('a boat on the lake')

suite('one-time links', () => {
  test('an invitation: nobody signs in before it is used, and it is used once', async () => {
    const { core, links } = await setUp()
    await using _ = core
    const invited = await links.invite('ann@here.test')
    assert.ok(invited.at === 'done')
    const token = invited.link.token.reveal()
    assert.equal(Buffer.from(token, 'base64url').length, ONCE_LINK_TOKEN_OCTETS)
    assert.equal(JSON.stringify(invited).includes(token), false, 'it does not print')
    assert.equal((await links.invite('ann@here.test')).at, 'exists')
    assert.equal((await links.invite('ann@nowhere.test')).at, 'no-domain')
    for (const password of ['', token, CHOSEN.reveal()])
      assert.equal(await signsIn(core, 'ann@here.test', password), false)
    const found = await links.find(token)
    assert.equal(found === null ? null : printAddress(found.address), 'ann@here.test')
    assert.notEqual(await links.find(token), null, 'looking does not use it up')
    const both = await Promise.all([links.use(token, CHOSEN), links.use(token, CHOSEN)])
    assert.deepEqual(both.map(({ at }) => at).toSorted(), ['done', 'gone'])
    assert.equal(await signsIn(core, 'ann@here.test', CHOSEN.reveal()), true)
    assert.equal(await links.find(token), null)
    assert.equal((await links.use(token, new Secret('another one'))).at, 'gone')
  })

  test('for an account that is there: the old password holds until then; a new link ends the earlier', async () => {
    const { core, links } = await setUp()
    await using _ = core
    await core.addAccount('ann@here.test')
    const tokenOf = async (): Promise<string> => {
      const given = await links.give('Ann@here.test')
      assert.ok(given.at === 'done')
      return given.link.token.reveal()
    }
    const [first, second] = [await tokenOf(), await tokenOf()]
    assert.equal(await signsIn(core, 'ann@here.test', 'sesame'), true)
    assert.equal((await links.use(first, CHOSEN)).at, 'gone')
    assert.equal((await links.use(second, CHOSEN)).at, 'done')
    assert.equal(await signsIn(core, 'ann@here.test', 'sesame'), false)
    const third = await tokenOf()
    await core.directory.setPassword('ann@here.test', new Secret('by the administrator'))
    assert.equal(await links.find(third), null, 'a password set otherwise ends it')
    const fourth = await tokenOf()
    assert.equal((await links.end('ann@here.test')).at, 'done')
    assert.equal(await links.find(fourth), null)
    for (const outcome of [await links.give('bob@here.test'), await links.end('bob@here.test')])
      assert.equal(outcome.at, 'not-found')
  })

  test('it ends after its time', async () => {
    const { core, links } = await setUp()
    await using _ = core
    const invited = await links.invite('ann@here.test')
    assert.ok(invited.at === 'done')
    const token = invited.link.token.reveal()
    core.clock.advance(ONCE_LINK_LIFETIME_MS - 1)
    assert.notEqual(await links.find(token), null)
    core.clock.advance(1)
    assert.equal(await links.find(token), null)
    assert.equal((await links.use(token, CHOSEN)).at, 'gone')
  })

  test('what it does not say is none; the hash that is kept is none either', async () => {
    const { core, links } = await setUp()
    await using _ = core
    const invited = await links.invite('ann@here.test')
    assert.ok(invited.at === 'done')
    const token = invited.link.token.reveal()
    const { createHash } = await import('node:crypto')
    const hash = createHash('sha256').update(token).digest('hex')
    assert.notEqual(await core.store.directory.onceLink(hash), null)
    assert.equal(await core.store.directory.onceLink(token), null)
    for (const wrong of ['', token.slice(1), `${token}A`, `${token} `, hash, 'x'.repeat(24), "' OR 1=1 --", '\0'])
      assert.equal(await links.find(wrong), null, wrong)
  })

  test('a password that a person chooses has a least length, and is not the address', async () => {
    const { core, links } = await setUp()
    await using _ = core
    const invited = await links.invite('anna.petrova@here.test')
    assert.ok(invited.at === 'done')
    const token = invited.link.token.reveal()
    for (const [password, why] of [
      ['', 'too-short'],
      ['я'.repeat(PASSWORD_CHOSEN_MIN_CHARACTERS - 1), 'too-short'],
      ['😀'.repeat(PASSWORD_CHOSEN_MIN_CHARACTERS - 1), 'too-short'],
      ['x'.repeat(PASSWORD_MAX_OCTETS + 1), 'unfit'],
      ['long enough\n', 'unfit'],
      ['Anna.Petrova@Here.Test', 'is-the-address'],
      ['anna.petrova', 'is-the-address'],
    ] as const) {
      const outcome = await links.use(token, new Secret(password))
      assert.deepEqual(outcome, { at: 'bad-password', why }, password.slice(0, 30))
    }
    assert.notEqual(await links.find(token), null, 'a refused password does not use it up')
    assert.equal((await links.use(token, new Secret('я'.repeat(PASSWORD_CHOSEN_MIN_CHARACTERS)))).at, 'done')
  })
})
