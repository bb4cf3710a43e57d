/** Whatever somebody signs in by: failures are guesses, successes are watched, and the right key at the wrong door is neither. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Accounts, Guard, LiveLogins, LoginOutcome, TokenVerifier } from '../core/contract.ts'
import type { AccountId } from '../model/ids.ts'
import type { Connection, PeerCertificate } from '../model/connection.ts'
import { createTestConnection } from '../session/test-connection.ts'
import type { LogEvent } from '../std/log.ts'
import { Secret } from '../std/secret.ts'
import { createTestClock } from '../std/test-clock.ts'
import { createAuthenticator } from './authenticator.ts'
import type { Authenticator } from './contract.ts'
import { mechanismsFor } from './mechanisms.ts'

const account = { accountId: 7 as AccountId, address: { localPart: 'tim', domain: 'here.test' } }
const OK: LoginOutcome = { at: 'ok', account, by: { by: 'access-key', tag: 'x' } }
const REFUSED: LoginOutcome = { at: 'refused' }
const OUT_OF_SCOPE: LoginOutcome = { at: 'refused', why: 'out-of-scope' }
const certificate: PeerCertificate = { fingerprint: 'AA:BB', addresses: ['tim@here.test'], trusted: true }

/** Every way in answers `outcome`; `may` is what the guard says to a guess. */
function setUp(
  outcome: LoginOutcome,
  options: { may?: boolean; verdict?: Awaited<ReturnType<TokenVerifier['verify']>> } = {},
) {
  const told: string[] = []
  const events: LogEvent[] = []
  const log = { debug() {}, info: (e: LogEvent) => void events.push(e), warn: (e: LogEvent) => void events.push(e) }
  const guard: Partial<Guard> = {
    beforeGuess: ({ user }) => (told.push(`guess ${user}`), { at: options.may === false ? 'refuse' : 'go' }),
    loginFailed: (address, facts) => void told.push(`failed ${facts!.user} ${address}`),
    loginSucceeded: (address, facts) => void told.push(`succeeded ${facts!.user} ${address}`),
  }
  const accounts: Partial<Accounts> = {
    verifyPassword: async (login, password, place) => (told.push(`password ${login} ${place!.protocol}`), outcome),
    scramKeys: async () => ({ salt: 'c2FsdA==', iterations: 4096, pairs: [], proven: () => outcome }),
    verifyCertificate: async (shown, login, place) => (
      told.push(`certificate ${shown.fingerprint} ${login} ${place.protocol}`),
      outcome
    ),
    accountOf: async (login) => (told.push(`account ${login}`), outcome.at === 'ok' ? outcome : { at: outcome.at }),
  }
  const live: LiveLogins = {
    began: ({ cid, by }) => void told.push(`began ${cid} ${by?.tag ?? 'nothing'}`),
    ended() {},
  }
  const tokens: TokenVerifier = {
    configuration: 'https://id.test/.well-known/openid-configuration',
    verify: async () => options.verdict ?? { at: 'ok', login: 'tim@here.test' },
  }
  const authenticator = createAuthenticator({
    accounts: accounts as Accounts,
    guard: guard as Guard,
    log: { ...log, error() {}, with: () => assert.fail() },
    live,
    tokens,
  })
  const { connection } = createTestConnection({ service: 'imaps', clock: createTestClock(), tls: true, certificate })
  const reasons = (): unknown[] => events.filter(({ event }) => event === 'auth.failed').map((each) => each['reason'])
  return { authenticator, connection, told, reasons }
}

type WayIn = (authenticator: Authenticator, connection: Connection) => Promise<LoginOutcome>
const ways: readonly [name: string, reason: string, by: WayIn][] = [
  ['a password', 'bad-password', (a, c) => a.password(c, 'tim@here.test', new Secret('x'))],
  [
    'SCRAM',
    'bad-password',
    async (a, c) => {
      const offer = await a.scramKeys(c, 'tim@here.test')
      return 'pairs' in offer ? a.scramEnded(c, 'tim@here.test', offer.proven(0)) : offer
    },
  ],
  ['a token', 'bad-token', (a, c) => a.token(c, 'tim@here.test', new Secret('x'))],
  ['a certificate', 'bad-certificate', (a, c) => a.certificate(c, null)],
]

for (const [name, reason, by] of ways)
  suite(name, () => {
    test('right: the guard and the watch hear of it', async () => {
      const { authenticator, connection, told, reasons } = setUp(OK)
      assert.equal((await by(authenticator, connection)).at, 'ok')
      assert.ok(told.includes('succeeded tim@here.test 192.0.2.1'))
      assert.ok(told.includes('began test x'))
      assert.deepEqual(reasons(), [])
    })

    test('wrong: it is one guess at that user, from that address', async () => {
      const { authenticator, connection, told, reasons } = setUp(REFUSED)
      assert.equal((await by(authenticator, connection)).at, 'refused')
      assert.equal(told.filter((each) => each === 'guess tim@here.test').length, 1)
      assert.equal(told.filter((each) => each === 'failed tim@here.test 192.0.2.1').length, 1)
      assert.ok(!told.some((each) => each.startsWith('began')))
      assert.deepEqual(reasons(), [reason])
    })

    test('guessed at too often: nothing is looked at', async () => {
      const { authenticator, connection, told, reasons } = setUp(OK, { may: false })
      assert.deepEqual(await by(authenticator, connection), { at: 'try-later' })
      assert.deepEqual(told, ['guess tim@here.test'])
      assert.deepEqual(reasons(), ['blocked'])
    })

    if (name !== 'a token')
      test('right, at the wrong door: refused, and nobody has guessed', async () => {
        const { authenticator, connection, told, reasons } = setUp(OUT_OF_SCOPE)
        assert.equal((await by(authenticator, connection)).at, 'refused')
        assert.ok(!told.some((each) => /^(?:failed|succeeded|began)/.test(each)))
        assert.deepEqual(reasons(), ['out-of-scope'])
      })
  })

suite('tokens', () => {
  const verdicts = {
    refused: { at: 'refused', status: 'insufficient_scope', why: 'it does not grant mail' },
    silent: { at: 'try-later', why: 'nobody answers' },
  } as const

  test('refused by the issuer: one guess, and the client is told where to get a better one', async () => {
    const { authenticator, connection, told, reasons } = setUp(OK, { verdict: verdicts.refused })
    const outcome = await authenticator.token(connection, 'tim@here.test', new Secret('x'))
    assert.deepEqual(outcome, {
      at: 'refused',
      error: { status: 'insufficient_scope', configuration: 'https://id.test/.well-known/openid-configuration' },
    })
    assert.ok(told.includes('failed tim@here.test 192.0.2.1'))
    assert.deepEqual(reasons(), ['bad-token'])
  })

  test('the issuer is silent: nobody’s fault', async () => {
    const { authenticator, connection, told, reasons } = setUp(OK, { verdict: verdicts.silent })
    assert.equal((await authenticator.token(connection, null, new Secret('x'))).at, 'try-later')
    assert.ok(!told.some((each) => each.startsWith('failed')))
    assert.deepEqual(reasons(), ['try-later'])
  })

  test('without a name: nobody is guessed at, the address is', async () => {
    const { authenticator, connection, told } = setUp(OK, { may: false, verdict: verdicts.refused })
    assert.equal((await authenticator.token(connection, null, new Secret('x'))).at, 'refused')
    assert.deepEqual(told, ['failed  192.0.2.1'])
  })

  test('of another than it is said to be', async () => {
    const { authenticator, connection, told } = setUp(OK)
    assert.equal((await authenticator.token(connection, 'eve@here.test', new Secret('x'))).at, 'refused')
    assert.ok(!told.some((each) => each.startsWith('account')))
    assert.equal((await authenticator.token(connection, 'TIM@here.test', new Secret('x'))).at, 'ok')
    assert.equal((await authenticator.token(connection, null, new Secret('x'))).at, 'ok')
  })
})

test('what is offered: tokens over TLS where there is an issuer, EXTERNAL where a certificate was shown', () => {
  const clock = createTestClock()
  const offered = (options: { tls?: boolean; certificate?: PeerCertificate }, takesTokens: boolean) =>
    mechanismsFor(createTestConnection({ service: 'imap', clock, ...options }).connection, { takesTokens }).join(' ')
  assert.equal(offered({}, true), 'SCRAM-SHA-256 PLAIN LOGIN')
  assert.equal(offered({ tls: true }, false), 'SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN')
  assert.equal(offered({ tls: true }, true), 'SCRAM-SHA-256-PLUS SCRAM-SHA-256 OAUTHBEARER XOAUTH2 PLAIN LOGIN')
  assert.equal(offered({ tls: true, certificate }, false), 'SCRAM-SHA-256-PLUS SCRAM-SHA-256 EXTERNAL PLAIN LOGIN')
})
