import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { AccountRef, LoginOutcome, ScramKeys } from '../core/contract.ts'
import type { AccountId } from '../model/ids.ts'
import { FAILED_LOGIN_DELAYS_MS, FAILED_LOGINS_PER_CONNECTION_MAX } from '../model/limits.ts'
import type { Authenticator, SaslMechanism } from '../roles/contract.ts'
import { createTestClock } from '../std/test-clock.ts'
import { createTestRandom } from '../std/test-random.ts'
import { createLoginGate, runSasl, type SaslOutcome } from './sasl.ts'
import { createTestConnection } from './test-connection.ts'

const account: AccountRef = { accountId: 7 as AccountId, address: { localPart: 'tim', domain: 'here.test' } }
const keys: ScramKeys = { salt: 'c2FsdA==', iterations: 4096, storedKey: 'AAAA', serverKey: 'AAAA' }

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
      return { keys, account }
    },
    scramEnded(_, login, proven) {
      asked.push(`${login} ${proven === null ? 'refused' : 'proven'}`)
      return proven === null ? { at: 'refused' } : { at: 'ok', account: proven }
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
