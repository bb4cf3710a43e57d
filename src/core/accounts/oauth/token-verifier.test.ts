/** Bearer tokens against an issuer in memory: what is taken, what is not, and how seldom the issuer is asked. */
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { suite, test } from 'node:test'
import { Secret } from '../../../std/secret.ts'
import { createTestClock } from '../../../std/test-clock.ts'
import {
  OAUTH_CLOCK_SKEW_MS,
  OAUTH_KEYS_LIFETIME_MS,
  OAUTH_KEYS_MAX,
  OAUTH_KEYS_REFETCH_MS,
  OAUTH_KEYS_STALE_MS,
  OAUTH_QUESTIONS_AT_ONCE_MAX,
  OAUTH_TOKEN_MAX_OCTETS,
} from '../../../model/limits.ts'
import type { Fetch } from './issuer.ts'
import { createTokenVerifier, type TokenVerifierOptions } from './token-verifier.ts'

const ISSUER = 'https://id.test/realms/office'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })

const jwk = (key: KeyObject, facts: object): object => ({ ...key.export({ format: 'jwk' }), ...facts })
const KEYS = [
  jwk(rsa.publicKey, { kid: 'rsa', use: 'sig', alg: 'RS256' }),
  jwk(ec.publicKey, { kid: 'ec' }),
  jwk(ed.publicKey, { kid: 'ed' }),
  jwk(weak.publicKey, { kid: 'weak' }),
  jwk(stranger.publicKey, { kid: 'enc', use: 'enc' }),
  { kty: 'oct', k: 'c2VjcmV0', kid: 'oct' },
  { kty: 'unknown' },
  'no key',
]

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

type Made = { header?: object; claims?: object; by?: (signed: Buffer) => Buffer }

const byRsa = (signed: Buffer): Buffer => sign('sha256', signed, rsa.privateKey)

function setUp(change: Partial<TokenVerifierOptions> = {}) {
  const clock = createTestClock()
  const asked: string[] = []
  const site = {
    keys: KEYS as unknown[],
    issuer: ISSUER,
    silent: false,
    introspection: {} as Record<string, unknown>,
    posted: '',
    authorization: '',
  }
  const fetch: Fetch = async ({ method, url, headers, body }) => {
    asked.push(`${method} ${new URL(url).pathname}`)
    if (site.silent) throw new Error('nobody answers')
    const json = (value: object) => ({ status: 200, body: JSON.stringify(value) })
    if (url === `${ISSUER}/.well-known/openid-configuration`) {
      return json({
        issuer: site.issuer,
        jwks_uri: 'https://id.test/keys',
        introspection_endpoint: 'https://id.test/ask',
      })
    }
    if (url === 'https://id.test/keys') return json({ keys: site.keys })
    if (url !== 'https://id.test/ask') return { status: 404, body: '' }
    Object.assign(site, { posted: body, authorization: headers['authorization'] })
    return json(site.introspection)
  }
  const options = { issuer: ISSUER, audiences: ['mail'], claim: 'email', scope: null, client: null, ...change }
  const verifier = createTokenVerifier(options, { fetch, clock })
  const seconds = (): number => Math.floor(clock.now() / 1000)
  const make = ({ header = {}, claims = {}, by = byRsa }: Made = {}): string => {
    const all = {
      iss: ISSUER,
      aud: 'mail',
      exp: seconds() + 300,
      iat: seconds(),
      email: 'anna@here.test',
      email_verified: true,
      ...claims,
    }
    const signed = `${part({ alg: 'RS256', kid: 'rsa', ...header })}.${part(all)}`
    return `${signed}.${by(Buffer.from(signed)).toString('base64url')}`
  }
  const verify = async (token: string) => verifier.verify(new Secret(token))
  /** `ok` with the address, or why not. */
  const outcome = async (made: Made | string) => {
    const verdict = await verify(typeof made === 'string' ? made : make(made))
    return verdict.at === 'ok' ? verdict.login : `${verdict.at}: ${verdict.why}`
  }
  return { clock, site, asked, make, verify, outcome, verifier, seconds }
}

suite('signed tokens', () => {
  test('each algorithm that is taken', async () => {
    const { outcome } = setUp()
    const es = (signed: Buffer): Buffer => sign('sha256', signed, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })
    assert.equal(await outcome({}), 'anna@here.test')
    assert.equal(await outcome({ header: { kid: undefined } }), 'anna@here.test')
    assert.equal(await outcome({ header: { alg: 'ES256', kid: 'ec' }, by: es }), 'anna@here.test')
    const eddsa = { header: { alg: 'EdDSA', kid: 'ed' }, by: (signed: Buffer) => sign(null, signed, ed.privateKey) }
    assert.equal(await outcome(eddsa), 'anna@here.test')
  })

  test('what is no signature of the issuer', async () => {
    const { outcome, make } = setUp()
    const refused = async (made: Made | string, why: RegExp) => assert.match(await outcome(made), why)
    const nothing = (): Buffer => Buffer.alloc(0)
    await refused({ header: { alg: 'none' }, by: nothing }, /no signed JWT/)
    await refused({ header: { alg: 'none' } }, /algorithm that is not taken/)
    await refused({ header: { alg: 'NONE' } }, /algorithm that is not taken/)
    // The issuer's public key as a shared secret: the classic confusion.
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
    const byHmac = (signed: Buffer): Buffer => createHmac('sha256', pem).update(signed).digest()
    await refused({ header: { alg: 'HS256' }, by: byHmac }, /algorithm that is not taken/)
    await refused({ header: { alg: 'constructor' } }, /algorithm that is not taken/)
    await refused({ by: (signed) => sign('sha256', signed, stranger.privateKey) }, /none of the keys/)
    await refused({ header: { kid: 'enc' }, by: (s) => sign('sha256', s, stranger.privateKey) }, /none of the keys/)
    await refused({ header: { kid: 'weak' }, by: (s) => sign('sha256', s, weak.privateKey) }, /none of the keys/)
    await refused({ header: { alg: 'RS512' } }, /none of the keys/)
    await refused({ header: { alg: 'ES256' } }, /none of the keys/)
    await refused({ header: { kid: 'nobody' } }, /none of the keys/)
    await refused({ header: { crit: ['exp'] } }, /extension/)
    // RFC 7518 §3.4: not as DER.
    await refused(
      { header: { alg: 'ES256', kid: 'ec' }, by: (s) => sign('sha256', s, ec.privateKey) },
      /none of the keys/,
    )
    const [head = '', , signature = ''] = make().split('.')
    await refused(`${head}.${part({ email: 'bert@here.test' })}.${signature}`, /none of the keys/)
    for (const text of ['', 'x', 'a.b', 'a.b.c', 'a.b.c.d', `${head}.${head}.=`])
      await refused(text, /no (signed )?JWT/)
    await refused('a'.repeat(OAUTH_TOKEN_MAX_OCTETS + 1), /too long/)
  })

  test('what it must say', async () => {
    const { outcome, seconds } = setUp()
    const skew = OAUTH_CLOCK_SKEW_MS / 1000
    const cases: readonly [object, string | RegExp][] = [
      [{ aud: ['other', 'mail'] }, 'anna@here.test'],
      [{ exp: seconds() - skew + 1 }, 'anna@here.test'],
      [{ nbf: seconds() + skew }, 'anna@here.test'],
      [{ email_verified: undefined }, 'anna@here.test'],
      [{ iss: `${ISSUER}/` }, /another issuer/],
      [{ iss: undefined }, /another issuer/],
      [{ aud: 'other' }, /another audience/],
      [{ aud: [] }, /another audience/],
      [{ aud: undefined }, /another audience/],
      [{ exp: seconds() - skew }, /has expired/],
      [{ exp: undefined }, /no end/],
      [{ exp: '9999999999' }, /no end/],
      [{ nbf: seconds() + skew + 1 }, /not good yet/],
      [{ iat: seconds() + skew + 1 }, /not good yet/],
      [{ iat: 'now' }, /not good yet/],
      [{ email: undefined }, /no address/],
      [{ email: ['anna@here.test'] }, /no address/],
      [{ email: 'anna' }, /no address/],
      [{ email_verified: false }, /not verified/],
      [{ email_verified: 'true' }, /not verified/],
    ]
    for (const [claims, wanted] of cases) {
      const got = await outcome({ claims })
      if (typeof wanted === 'string') assert.equal(got, wanted, JSON.stringify(claims))
      else assert.match(got, wanted, JSON.stringify(claims))
    }
  })

  test('another claim, and a scope', async () => {
    const upn = setUp({ claim: 'upn' })
    const claims = { upn: 'bert@here.test', email_verified: false }
    assert.equal(await upn.outcome({ claims }), 'bert@here.test')
    const scoped = setUp({ scope: 'mail' })
    for (const good of [{ scope: 'openid mail' }, { scp: 'mail' }, { scp: ['x', 'mail'] }]) {
      assert.equal(await scoped.outcome({ claims: good }), 'anna@here.test')
    }
    for (const bad of [{}, { scope: 'email' }, { scp: ['x'] }]) {
      const verdict = await scoped.verify(scoped.make({ claims: bad }))
      assert.ok(verdict.at === 'refused' && verdict.status === 'insufficient_scope')
    }
  })
})

suite('the issuer', () => {
  const BOTH = ['GET /realms/office/.well-known/openid-configuration', 'GET /keys']

  test('is asked at the first token, and then once in an hour', async () => {
    const { outcome, asked, clock } = setUp()
    assert.deepEqual(asked, [])
    await Promise.all([outcome({}), outcome({}), outcome({})])
    assert.deepEqual(asked, BOTH)
    clock.advance(OAUTH_KEYS_LIFETIME_MS - 1)
    await outcome({})
    assert.equal(asked.length, 2)
    clock.advance(1)
    await outcome({})
    assert.deepEqual(asked, [...BOTH, ...BOTH])
  })

  test('a key that is new is found; made-up names do not make us knock', async () => {
    const { outcome, asked, clock, site } = setUp()
    site.keys = KEYS.slice(1)
    assert.match(await outcome({}), /none of the keys/)
    for (let i = 0; i < 20; i++) assert.match(await outcome({ header: { kid: `made-up-${i}` } }), /none of the keys/)
    assert.equal(asked.length, 2)
    site.keys = KEYS
    clock.advance(OAUTH_KEYS_REFETCH_MS)
    assert.equal(await outcome({}), 'anna@here.test')
    assert.equal(asked.length, 4)
  })

  test('silent: its keys go on for a day; without keys: try later', async () => {
    const { outcome, asked, clock, site } = setUp()
    site.silent = true
    assert.match(await outcome({}), /^try-later: nobody answers/)
    site.silent = false
    assert.match(await outcome({}), /^try-later/, 'not asked again at once')
    assert.equal(asked.length, 1)
    clock.advance(OAUTH_KEYS_REFETCH_MS)
    assert.equal(await outcome({}), 'anna@here.test')
    site.silent = true
    clock.advance(OAUTH_KEYS_STALE_MS - 1)
    assert.equal(await outcome({}), 'anna@here.test')
    clock.advance(OAUTH_KEYS_REFETCH_MS)
    assert.match(await outcome({}), /^try-later/)
  })

  test('one that calls itself otherwise is not believed', async () => {
    const { outcome, site } = setUp()
    site.issuer = 'https://evil.test'
    assert.match(await outcome({}), /^try-later: .* is of another issuer/)
  })

  test('of too many keys the first are read', async () => {
    const { outcome, site } = setUp()
    const others = (count: number) => Array.from({ length: count }, (_, i) => ({ kty: 'oct', kid: `${i}` }))
    site.keys = [...others(OAUTH_KEYS_MAX - 1), KEYS[0]]
    assert.equal(await outcome({}), 'anna@here.test')
    const more = setUp()
    more.site.keys = [...others(OAUTH_KEYS_MAX), KEYS[0]]
    assert.match(await more.outcome({}), /none of the keys/)
  })
})

suite('tokens that are not signed (RFC 7662)', () => {
  const client = { id: 'gavan', secret: new Secret('hush:%') }

  test('are not taken without a client', async () => {
    const { outcome, asked } = setUp()
    assert.match(await outcome('opaque'), /no signed JWT/)
    assert.deepEqual(asked, [])
  })

  test('the issuer is asked, as the client', async () => {
    const { outcome, site, seconds } = setUp({ client })
    site.introspection = { active: true, email: 'anna@here.test', exp: seconds() + 10 }
    assert.equal(await outcome('opaque+/='), 'anna@here.test')
    assert.equal(site.posted, 'token=opaque%2B%2F%3D&token_type_hint=access_token')
    assert.equal(site.authorization, `Basic ${Buffer.from('gavan:hush%3A%25').toString('base64')}`)
    for (const [answer, why] of [
      [{ active: false }, /not active/],
      [{}, /not active/],
      [{ active: 'true' }, /not active/],
      [{ active: true }, /no address/],
      [{ active: true, email: 'anna@here.test', aud: 'other' }, /another audience/],
      [{ active: true, email: 'anna@here.test', iss: 'https://evil.test' }, /another issuer/],
      [{ active: true, email: 'anna@here.test', exp: 1 }, /has expired/],
    ] as const) {
      site.introspection = answer
      assert.match(await outcome('opaque'), why)
    }
    site.silent = true
    assert.match(await outcome('opaque'), /^try-later/)
  })

  test('no more questions at once than the issuer should be asked', async () => {
    const { outcome, site, asked } = setUp({ client })
    site.introspection = { active: false }
    await outcome('first')
    const all = await Promise.all(Array.from({ length: OAUTH_QUESTIONS_AT_ONCE_MAX + 1 }, (_, i) => outcome(`${i}`)))
    assert.equal(all.filter((each) => each.startsWith('refused')).length, OAUTH_QUESTIONS_AT_ONCE_MAX)
    assert.match(all.at(-1)!, /^try-later: too many/)
    assert.equal(asked.filter((each) => each === 'POST /ask').length, OAUTH_QUESTIONS_AT_ONCE_MAX + 1)
    assert.match(await outcome('later'), /^refused/)
  })

  test('a token that is a JWT is never asked about: its signature decides', async () => {
    const { outcome, asked, site } = setUp({ client })
    site.introspection = { active: true, email: 'anna@here.test' }
    assert.match(await outcome({ header: { alg: 'none' } }), /algorithm/)
    assert.match(await outcome({ by: (signed) => sign('sha256', signed, stranger.privateKey) }), /none of the keys/)
    assert.ok(!asked.includes('POST /ask'))
  })
})
