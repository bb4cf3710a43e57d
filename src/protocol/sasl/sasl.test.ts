import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { decodeBase64, decodeInitialResponse } from './base64.ts'
import type { SaslAnswer, SaslEnd, SaslExchange, ScramKeyMaterial } from './exchange.ts'
import { loginExchange, plainExchange } from './plain.ts'
import { oauthBearerExchange, parseOauthBearer, parseXoauth2 } from './oauth.ts'
import { scramExchange, type ScramOptions } from './scram.ts'

/** Runs an exchange against a client that answers each challenge. */
function run(
  exchange: SaslExchange,
  answers: readonly (string | ((challenge: string) => string))[],
  keys?: ScramKeyMaterial,
) {
  const challenges: string[] = []
  let answer: SaslAnswer = Buffer.alloc(0)
  let i = 0
  for (;;) {
    const step = exchange.next(answer)
    if (step.done === true) return { end: step.value, challenges }
    if (step.value.ask === 'keys') {
      assert.ok(keys)
      answer = keys
      continue
    }
    assert.ok(step.value.ask === 'response')
    const challenge = step.value.challenge.toString()
    challenges.push(challenge)
    const next = answers[i++] ?? assert.fail(`unexpected challenge ${challenge}`)
    answer = Buffer.from(typeof next === 'string' ? next : next(challenge))
  }
}

const shown = (end: SaslEnd): string =>
  end.at === 'password' ? `${end.login} ${end.password.reveal()}` : JSON.stringify(end)

test('RFC 4616 §4: PLAIN', () => {
  const cases: readonly [string, string][] = [
    ['\0tim\0tanstaaftanstaaf', 'tim tanstaaftanstaaf'],
    ['tim\0tim\0x', 'tim x'],
    ['\0т@ф\0пароль', 'т@ф пароль'],
    ['Ursel\0Kurt\0xipj3plmq', 'malformed'],
    ['\0tim', 'malformed'],
    ['\0\0x', 'malformed'],
    ['\0tim\0', 'malformed'],
    ['\0tim\0a\0b', 'malformed'],
    ['', 'malformed'],
  ]
  for (const [message, wanted] of cases) {
    const direct = run(plainExchange(Buffer.from(message)), [])
    assert.match(shown(direct.end), new RegExp(wanted), message)
    const asked = run(plainExchange(null), [message])
    assert.deepEqual(asked.challenges, [''])
    assert.match(shown(asked.end), new RegExp(wanted), message)
  }
  assert.equal(run(plainExchange(Buffer.from([0, 0xff, 0, 0x61])), []).end.at, 'malformed')
})

test('LOGIN', () => {
  const asked = run(loginExchange(null), ['tim', 'pw'])
  assert.deepEqual(asked.challenges, ['Username:', 'Password:'])
  assert.equal(shown(asked.end), 'tim pw')
  const direct = run(loginExchange(Buffer.from('tim')), ['pw'])
  assert.deepEqual(direct.challenges, ['Password:'])
  assert.equal(shown(direct.end), 'tim pw')
  assert.equal(run(loginExchange(null), ['', 'pw']).end.at, 'malformed')
  assert.equal(run(loginExchange(null), ['tim', '']).end.at, 'malformed')
})

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const derive = (password: string, salt: string, iterations: number) => {
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), iterations, 32, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  const storedKey = createHash('sha256').update(clientKey).digest()
  const serverKey = hmac(salted, 'Server Key')
  const pair = { storedKey: storedKey.toString('base64'), serverKey: serverKey.toString('base64') }
  const keys = { salt, iterations, pairs: [pair] }
  return { clientKey, storedKey, keys }
}

// RFC 7677 §3.
const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ=='
const { clientKey, storedKey, keys: KEYS } = derive('pencil', SALT, 4096)
const OPTIONS: ScramOptions = {
  plus: false,
  plusOffered: false,
  channelBinding: () => null,
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
}

test('RFC 7677 §3: the SCRAM-SHA-256 example', () => {
  const exchange = scramExchange(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'), OPTIONS)
  const { end, challenges } = run(
    exchange,
    ['c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', ''],
    KEYS,
  )
  assert.deepEqual(challenges, [
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  ])
  assert.deepEqual(end, { at: 'proof', login: 'user', pair: 0 })
})

/** A client that does its part, with whatever is to be wrong put in. */
function attempt(
  options: Partial<ScramOptions>,
  client: { gs2?: string; first?: string; bound?: string; nonce?: string; key?: Buffer; last?: string },
): string {
  const gs2 = client.gs2 ?? 'n,,'
  const bare = client.first ?? 'n=user,r=abc'
  const respond = (serverFirst: string): string => {
    const nonce = client.nonce ?? /^r=([^,]*)/.exec(serverFirst)![1]!
    const withoutProof = `c=${Buffer.from(gs2 + (client.bound ?? '')).toString('base64')},r=${nonce}`
    const signature = hmac(storedKey, `${bare},${serverFirst},${withoutProof}`)
    const proof = Buffer.from((client.key ?? clientKey).map((octet, i) => octet ^ signature[i]!))
    return `${withoutProof},p=${proof.toString('base64')}`
  }
  const { end } = run(
    scramExchange(Buffer.from(gs2 + bare), { ...OPTIONS, ...options }),
    [respond, client.last ?? ''],
    KEYS,
  )
  return end.at === 'proof' ? `${end.login} ${end.pair !== null}` : end.at === 'malformed' ? end.why : end.at
}

test('RFC 5802: what may be wrong in a SCRAM exchange', () => {
  const plus = {
    plus: true,
    plusOffered: true,
    channelBinding: (type: string) => (type === 'tls-exporter' ? Buffer.from('cb') : null),
  }
  const cases: readonly [string, string][] = [
    [attempt({}, {}), 'user true'],
    [attempt({}, { gs2: 'n,a=user,' }), 'user true'],
    [attempt({}, { first: 'n=u=2Cs=3Der,r=abc' }), 'u,s=er true'],
    [attempt({}, { first: 'n=user,r=abc,x=extension' }), 'user true'],
    [attempt({}, { gs2: 'y,,' }), 'user true'],
    [attempt(plus, { gs2: 'p=tls-exporter,,', bound: 'cb' }), 'user true'],
    [attempt({}, { key: Buffer.alloc(32) }), 'user false'],
    [attempt({}, { key: Buffer.alloc(31) }), 'user false'],
    [attempt({}, { bound: 'surplus' }), 'user false'],
    [attempt(plus, { gs2: 'p=tls-exporter,,', bound: 'other' }), 'user false'],
    [attempt({}, { nonce: 'abc' }), 'nonce differs'],
    [attempt({}, { last: 'x' }), 'surplus response'],
    [attempt({}, { gs2: 'n,a=root,' }), 'authorization identity differs from the login'],
    [attempt({}, { gs2: 'x,,' }), 'malformed GS2 header'],
    [attempt({}, { first: 'n=us=er,r=abc' }), 'malformed name or nonce'],
    [attempt({}, { first: 'n=,r=abc' }), 'malformed name or nonce'],
    [attempt({}, { first: 'n=user,r=' }), 'malformed name or nonce'],
    [attempt({}, { first: 'n=user' }), 'malformed first message'],
    [attempt({}, { first: 'm=x,n=user,r=abc' }), 'extension not supported'],
    // RFC 5802 §6: downgrades.
    [attempt({ plusOffered: true }, { gs2: 'y,,' }), 'channel binding was offered'],
    [attempt({}, { gs2: 'p=tls-exporter,,' }), 'channel binding needs SCRAM-SHA-256-PLUS'],
    [attempt(plus, { gs2: 'n,,' }), 'SCRAM-SHA-256-PLUS needs channel binding'],
    [attempt(plus, { gs2: 'p=tls-unique,,' }), 'channel binding type not supported'],
  ]
  for (const [got, wanted] of cases) assert.equal(got, wanted)
  assert.equal(run(scramExchange(Buffer.from([0xff]), OPTIONS), []).end.at, 'malformed')
  assert.equal(run(scramExchange(Buffer.from('n,,n=user,r=abc'), OPTIONS), ['c=biws,r=abc'], KEYS).end.at, 'malformed')
})

test('SCRAM with several passwords of one login: the proof shows which, and the server signs with its key', () => {
  const other = derive('crayon', SALT, 4096)
  for (const [pairs, wanted] of [
    [[other.keys.pairs[0]!, KEYS.pairs[0]!], 1],
    [[KEYS.pairs[0]!, other.keys.pairs[0]!], 0],
    [[other.keys.pairs[0]!], null],
    [[], null],
  ] as const) {
    const answers = [
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      '',
    ]
    const first = Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    const { end, challenges } = run(scramExchange(first, OPTIONS), answers, { ...KEYS, pairs })
    assert.deepEqual(end, { at: 'proof', login: 'user', pair: wanted })
    if (wanted !== null) assert.equal(challenges[1], 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  }
})

test('RFC 7628 §3.1: OAUTHBEARER messages, and XOAUTH2', () => {
  const rest = 'host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01'
  const token = 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=='
  const cases: readonly [string, unknown][] = [
    [`n,a=user@example.com,\x01${rest}`, { login: 'user@example.com', token }],
    [`n,,\x01${rest}`, { login: null, token }],
    [`y,a=a=2Cb=3Dc,\x01${rest}`, { login: 'a,b=c', token }],
    ['n,,\x01auth=bearer   x\x01\x01', { login: null, token: 'x' }],
    [`p=tls-exporter,,\x01${rest}`, 'channel binding is not supported with OAUTHBEARER'],
    [`n,a=a=2Xb,\x01${rest}`, 'malformed authorization identity'],
    [`n,a=x\x01${rest}`, 'malformed GS2 header'],
    [`x,,\x01${rest}`, 'malformed GS2 header'],
    ['', 'malformed GS2 header'],
    ['n,,\x01\x01', 'no Bearer token'],
    ['n,,\x01auth=\x01\x01', 'no Bearer token'],
    ['n,,\x01auth=Basic x\x01\x01', 'no Bearer token'],
    ['n,,\x01auth=Bearer x y\x01\x01', 'no Bearer token'],
    ['n,,\x01auth=Bearer x\x01', 'no Bearer token'],
    ['n,,\x01auth=Bearer x\x01\x01\x01', 'no Bearer token'],
    ['n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01', 'no Bearer token'],
    ['n,,\x01=Bearer x\x01\x01', 'no Bearer token'],
  ]
  for (const [text, wanted] of cases) assert.deepEqual(parseOauthBearer(text), wanted, JSON.stringify(text))
  // https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
  const old = 'user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01'
  assert.deepEqual(parseXoauth2(old), {
    login: 'someuser@example.com',
    token: 'ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg',
  })
  for (const text of ['', 'user=\x01auth=Bearer x\x01\x01', 'auth=Bearer x\x01\x01', 'user=a', 'user=a\x01\x01']) {
    assert.equal(typeof parseXoauth2(text), 'string', JSON.stringify(text))
  }
})

test('RFC 7628 §3.2.2: what is wrong with a token is told as a challenge', () => {
  const exchange = oauthBearerExchange(Buffer.from('n,,\x01auth=Bearer x\x01\x01'))
  const question = exchange.next(Buffer.alloc(0)).value as { ask: string; login: string | null }
  assert.deepEqual([question.ask, question.login], ['token', null])
  const error = {
    status: 'invalid_token',
    configuration: 'https://issuer.test/.well-known/openid-configuration',
  } as const
  const challenge = exchange.next({ good: false, error }).value as { challenge: Buffer }
  assert.deepEqual(JSON.parse(challenge.challenge.toString()), {
    status: 'invalid_token',
    'openid-configuration': error.configuration,
  })
  assert.deepEqual(exchange.next(Buffer.from('\x01')), { done: true, value: { at: 'token', good: false } })
})

test('base64 is strict', () => {
  assert.equal(decodeBase64('dGlt')!.toString(), 'tim')
  assert.equal(decodeBase64('dGk=')!.toString(), 'ti')
  for (const text of ['dGl', 'dGk', 'd=Gk', 'dG t', 'dGk=\n', '====', 'dGl*'])
    assert.equal(decodeBase64(text), null, text)
  assert.equal(decodeInitialResponse('=')!.length, 0)
})
