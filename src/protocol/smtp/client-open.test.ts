/** Logging in at a smarthost (D8), on paper. */
import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { suite, test } from 'node:test'
import { Secret } from '../../std/secret.ts'
import { open, type ClientHeard, type Opened, type OpenOptions } from './client-open.ts'
import { createScramClient } from './client-scram.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Plays the server: `say` gets each line and answers it. */
function play(options: Partial<OpenOptions>, say: (line: string) => string): { opened: Opened; lines: string[] } {
  const talk = open({
    hostname: 'mail.home.example',
    remote: 'relay.example',
    tls: 'implicit',
    credentials: { user: 'alice', password: new Secret('pencil'), nonce: 'rOprNGfwEbeRWgbNEkqO' },
    ...options,
  })
  const lines: string[] = []
  let answer = '220 hello'
  let step = talk.next()
  while (!step.done) {
    const ask = step.value
    let heard: ClientHeard = { kind: 'done' }
    if (ask.ask === 'send') {
      lines.push(ask.text.trimEnd())
      answer = say(ask.text.replace('\r\n', ''))
    } else if (ask.ask === 'reply') {
      const texts = answer.split('\n')
      heard = {
        kind: 'reply',
        reply: { code: Number(answer.slice(0, 3)), status: null, lines: texts.map((text) => text.slice(4)) },
      }
    } else if (ask.ask === 'stretch') {
      heard = { kind: 'key', key: pbkdf2Sync(ask.password, ask.salt, ask.iterations, 32, 'sha256') }
    }
    step = talk.next(heard)
  }
  return { opened: step.value, lines }
}

const offering =
  (mechanisms: string, auth: (line: string) => string) =>
  (line: string): string =>
    line.startsWith('EHLO') ? `250-relay.example\n250 AUTH ${mechanisms}` : auth(line)

suite('AUTH as the client', () => {
  test('PLAIN', () => {
    const { opened, lines } = play(
      {},
      offering('PLAIN LOGIN', () => '235 ok'),
    )
    assert.deepEqual([opened.at, lines.at(-1)], ['ready', `AUTH PLAIN ${base64('\0alice\0pencil')}`])
  })

  test('LOGIN', () => {
    const answers = ['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6', '235 ok']
    const { opened, lines } = play(
      {},
      offering('LOGIN', () => answers.shift()!),
    )
    assert.equal(opened.at, 'ready')
    assert.deepEqual(lines.slice(1), ['AUTH LOGIN', base64('alice'), base64('pencil')])
  })

  /** A server of SCRAM-SHA-256 that knows `password`. */
  const scramServer = (password: string, lie = false) => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
    const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()
    let bare = ''
    let serverFirst = ''
    return (line: string): string => {
      const text = Buffer.from(line.replace('AUTH SCRAM-SHA-256 ', ''), 'base64').toString()
      if (line.startsWith('AUTH')) {
        bare = text.slice(3)
        serverFirst = `r=${/r=(.*)$/.exec(bare)![1]}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=${salt.toString('base64')},i=4096`
        return `334 ${base64(serverFirst)}`
      }
      if (line === '') return '235 ok'
      const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256')
      const clientKey = hmac(salted, 'Client Key')
      const authMessage = `${bare},${serverFirst},${text.slice(0, text.indexOf(',p='))}`
      const signature = hmac(createHash('sha256').update(clientKey).digest(), authMessage)
      const proof = Buffer.from(clientKey.map((octet, i) => octet ^ signature[i]!)).toString('base64')
      if (text.slice(text.indexOf(',p=') + 3) !== proof) return '535 no'
      const server = hmac(hmac(lie ? Buffer.alloc(32) : salted, 'Server Key'), authMessage)
      return `334 ${base64(`v=${server.toString('base64')}`)}`
    }
  }

  test('SCRAM-SHA-256 is preferred', () => {
    const { opened, lines } = play({}, offering('PLAIN SCRAM-SHA-256', scramServer('pencil')))
    assert.equal(opened.at, 'ready')
    assert.ok(!lines.some((line) => line.includes(base64('pencil')) || line.includes('PLAIN')))
  })

  test('a server that cannot prove itself is left', () => {
    const { opened } = play({}, offering('SCRAM-SHA-256', scramServer('pencil', true)))
    assert.ok(opened.at === 'refused' && opened.answer.status === '4.7.8' && opened.close)
  })

  test('a wrong password waits for the operator', () => {
    for (const [mechanisms, say] of [
      ['SCRAM-SHA-256', scramServer('other')],
      ['PLAIN', () => '535 no'],
    ] as const) {
      const { opened } = play({}, offering(mechanisms, say))
      assert.ok(opened.at === 'refused' && opened.stage === 'auth' && opened.to === 'waiting')
    }
  })

  test('no password without TLS, none for unknown mechanisms, none after HELO', () => {
    const clear = play(
      { tls: 'opportunistic' },
      offering('PLAIN', () => '235 ok'),
    )
    assert.ok(clear.opened.at === 'refused' && clear.opened.answer.status === '4.7.10')
    assert.equal(clear.lines.length, 1)
    const unknown = play(
      {},
      offering('GSSAPI', () => '235 ok'),
    )
    assert.ok(unknown.opened.at === 'refused' && unknown.opened.answer.status === '4.7.4')
    const old = play({}, () => '500 what?')
    assert.ok(old.opened.at === 'refused')
    assert.equal(old.lines.length, 1)
  })
})

suite('SCRAM-SHA-256', () => {
  // RFC 7677 §3.
  test('the example of the RFC', () => {
    const scram = createScramClient({ user: 'user', nonce: 'rOprNGfwEbeRWgbNEkqO' })
    assert.equal(scram.clientFirst, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    const first = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
    const challenge = scram.challenge(first)
    assert.ok(challenge.ok)
    const { salt, iterations } = challenge.value
    assert.equal(
      scram.clientFinal(pbkdf2Sync('pencil', salt, iterations, 32, 'sha256')),
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    )
    assert.ok(scram.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))
    assert.ok(!scram.verify('v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))
    assert.ok(!scram.verify('e=other-error'))
  })

  test('what is not to be believed', () => {
    for (const message of [
      '',
      'r=other,s=W22Z,i=4096',
      'r=abc,s=W22Z,i=4096',
      'r=abcdef,s=W22Z,i=1',
      'r=abcdef,s=W22Z,i=99999999',
      'r=abcdef,s=,i=4096',
      'm=x,r=abcdef,s=W22Z,i=4096',
    ]) {
      assert.equal(createScramClient({ user: 'u', nonce: 'abc' }).challenge(message).ok, false, message)
    }
  })
})
