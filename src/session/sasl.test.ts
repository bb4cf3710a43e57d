import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { AccountRef, LoginOutcome, ScramOffer } from '../core/contract.ts'
import type { AccountId } from '../model/ids.ts'
import { FAILED_LOGIN_DELAYS_MS, FAILED_LOGINS_PER_CONNECTION_MAX } from '../model/limits.ts'
import type { Authenticator, SaslMechanism } from '../roles/contract.ts'
import { createTestClock } from '../std/test-clock.ts'
import { createTestRandom } from '../std/test-random.ts'
import { createLoginGate, runSasl, type SaslOutcome } from './sasl.ts'
import { createTestConnection } from './test-connection.ts'

const account: AccountRef = { accountId: 7 as AccountId, address: { localPart: 'tim', domain: 'here.test' } }
const keys: ScramOffer = {
  salt: 'c2FsdA==',
  iterations: 4096,
  pairs: [{ storedKey: 'AAAA', serverKey: 'AAAA' }],
  proven: () => ({ at: 'ok', account }),
}

/** Runs one exchange; `asked` is what reached the authenticator. */
async function run(
  mechanism: SaslMechanism,
  answers: readonly (string | null | Buffer)[],
  change: Partial<Authenticator> = {},
): Promise<{ outcome: SaslOutcome; asked: string[] }> {
  const asked: string[] = []
  const authenticator: Authenticator = {
    mayTry: () => true,
    async password(_, login, password): Promise<LoginOutcome> {
      asked.push(`${login}:${password.reveal()}`)
      return password.reveal() === 'right' ? { at: 'ok', account } : { at: 'refused' }
    },
    async scramKeys(_, login) {
      asked.push(login)
      return keys
    },
    scramEnded(_, login, outcome) {
      asked.push(`${login} ${outcome.at}`)
      return outcome
    },
    takesTokens: true,
    async token(_, login, token) {
      asked.push(`${login} ${token.reveal()}`)
      if (token.reveal() === 'right') return { at: 'ok', account }
      return { at: 'refused', error: { status: 'invalid_token', configuration: 'https://issuer.test/configuration' } }
    },
    async certificate(_, login) {
      asked.push(String(login))
      return { at: 'ok', account }
    },
    failureDelayMs: () => 0,
    ...change,
  }
  const { connection } = createTestConnection({ service: 'imaps', clock: createTestClock(), tls: true })
  let i = 0
  const outcome = await runSasl({
    mechanism,
    initialResponse: null,
    offered: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'PLAIN', 'LOGIN'],
    authenticator,
    connection,
    random: createTestRandom(),
    async challenge() {
      const answer = answers[i++]
      assert.ok(answer !== undefined, 'no more challenges were expected')
      return answer === '!' ? 'malformed' : answer === null ? null : Buffer.from(answer)
    },
  })
  return { outcome, asked }
}

test('each outcome of an exchange', async () => {
  assert.deepEqual(await run('PLAIN', ['\0tim\0right']), { outcome: { at: 'ok', account }, asked: ['tim:right'] })
  assert.deepEqual(await run('LOGIN', ['tim', 'wrong']), { outcome: { at: 'refused' }, asked: ['tim:wrong'] })
  assert.deepEqual(await run('LOGIN', ['tim', null]), { outcome: { at: 'cancelled' }, asked: [] })
  assert.deepEqual(await run('PLAIN', ['!']), { outcome: { at: 'malformed', why: 'malformed base64' }, asked: [] })
  assert.equal((await run('PLAIN', ['tim'])).outcome.at, 'malformed')
  const later = { at: 'try-later' } as const
  assert.deepEqual(await run('PLAIN', [], { mayTry: () => false }), { outcome: later, asked: [] })
  assert.deepEqual(await run('PLAIN', ['\0tim\0right'], { password: async () => later }), { outcome: later, asked: [] })
  const busy = await run('SCRAM-SHA-256', ['n,,n=tim,r=abc'], { scramKeys: async () => later })
  assert.deepEqual(busy, { outcome: later, asked: [] })
})

test('SCRAM: a wrong proof is told to the authenticator, a broken exchange is not', async () => {
  const answers = ['n,,n=tim,r=abc', null]
  assert.deepEqual(await run('SCRAM-SHA-256', answers), { outcome: { at: 'cancelled' }, asked: ['tim'] })
  const wrongNonce = await run('SCRAM-SHA-256', ['n,,n=tim,r=abc', 'c=biws,r=abc,p=AAAA'])
  assert.deepEqual(wrongNonce, { outcome: { at: 'malformed', why: 'nonce differs' }, asked: ['tim'] })
  const nonce = Buffer.from(createTestRandom().bytes(18)).toString('base64')
  const wrongProof = await run('SCRAM-SHA-256', ['n,,n=tim,r=abc', `c=biws,r=abc${nonce},p=AAAA`])
  assert.deepEqual(wrongProof, { outcome: { at: 'refused' }, asked: ['tim', 'tim refused'] })
  // RFC 5802 §6: -PLUS is offered here, so a client that saw none was deceived.
  assert.equal((await run('SCRAM-SHA-256', ['y,,n=tim,r=abc'])).outcome.at, 'malformed')
})

test('OAUTHBEARER, XOAUTH2: the client says something to the error, and only then is refused', async () => {
  const right = 'n,a=tim,\x01auth=Bearer right\x01\x01'
  assert.deepEqual(await run('OAUTHBEARER', [right]), { outcome: { at: 'ok', account }, asked: ['tim right'] })
  const wrong = right.replace('right', 'wrong')
  for (const said of ['\x01', '']) {
    const refused = await run('OAUTHBEARER', [wrong, said])
    assert.equal(refused.outcome.at, 'refused')
    assert.deepEqual(refused.asked, ['tim wrong'])
  }
  assert.equal((await run('OAUTHBEARER', [wrong, null])).outcome.at, 'cancelled')
  assert.equal((await run('OAUTHBEARER', [wrong, 'more'])).outcome.at, 'malformed')
  const old = await run('XOAUTH2', ['user=tim\x01auth=Bearer right\x01\x01'])
  assert.deepEqual(old, { outcome: { at: 'ok', account }, asked: ['tim right'] })
  const later = { at: 'try-later' } as const
  assert.deepEqual(await run('OAUTHBEARER', [right], { token: async () => later }), { outcome: later, asked: [] })
})

test('EXTERNAL: as whom is asked, or nothing', async () => {
  assert.deepEqual((await run('EXTERNAL', [''])).asked, ['null'])
  assert.deepEqual((await run('EXTERNAL', ['tim@here.test'])).asked, ['tim@here.test'])
  assert.equal((await run('EXTERNAL', ['a\0b'])).outcome.at, 'malformed')
})

test('S6: refused logins wait longer each time, and the last ends the connection', async () => {
  const clock = createTestClock()
  const gate = createLoginGate({ clock })
  for (let i = 1; i <= FAILED_LOGINS_PER_CONNECTION_MAX; i++) {
    const refused = gate.refused()
    assert.equal(clock.nextDueMs, FAILED_LOGIN_DELAYS_MS[i - 1])
    clock.advance(FAILED_LOGIN_DELAYS_MS[i - 1]!)
    assert.equal(await refused, i === FAILED_LOGINS_PER_CONNECTION_MAX ? 'close' : 'go-on')
  }
})
