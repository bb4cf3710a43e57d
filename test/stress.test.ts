/** Stress mode as peers meet it: short time-outs and little patience, for whoever has not signed in (S14). */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  IMAP_BEFORE_LOGIN_TIMEOUT_MS,
  SMTP_COMMAND_TIMEOUT_MS,
  STRESS_COMMAND_TIMEOUT_MS,
  STRESS_ERRORS_MAX,
  STRESS_JUNK_COMMANDS_MAX,
} from '../src/model/limits.ts'
import { SMTP_CONNECTIONS, SMTP_REJECTS } from '../src/model/metrics.ts'
import type { TestPeer } from '../src/session/test-connection.ts'
import type { Load } from '../src/std/load.ts'
import { createMetrics } from '../src/std/metrics.ts'
import { openImapStage, type ImapStage } from './imap/stage.ts'
import { openMailStage, type MailStage } from './mail-stage.ts'
import { settle } from './transcript.ts'

type Changing = { -readonly [Key in keyof Load]: Load[Key] }

async function onStage(
  service: 'mx' | 'pop3s',
  body: (stage: MailStage, peer: TestPeer, load: Changing) => Promise<void>,
): Promise<void> {
  const stage = await openMailStage()
  const load: Changing = { stressed: true, refusing: false }
  const peer = stage.connect(service, { load })
  await peer.line()
  await body(stage, peer, load)
  await stage.stop()
}

async function onImapStage(body: (stage: ImapStage, peer: TestPeer) => Promise<void>): Promise<void> {
  const stage = await openImapStage()
  stage.load.stressed = true
  const peer = stage.connect()
  await peer.line()
  await body(stage, peer)
  await stage.stop()
}

const ask = async (peer: TestPeer, command: string): Promise<string> => {
  peer.send(`${command}\r\n`)
  return (await peer.line()) ?? ''
}

suite('SMTP under stress', () => {
  test('a whole command has 30 seconds, however it drips', () =>
    onStage('mx', async (stage, peer) => {
      await ask(peer, 'HELO x.test')
      peer.send('NO')
      await settle()
      stage.clock.advance(STRESS_COMMAND_TIMEOUT_MS - 1)
      await settle()
      peer.send('O')
      await settle()
      stage.clock.advance(1)
      assert.match((await peer.line()) ?? '', /^421 4\.4\.2 /)
    }))

  test('a wait that began in calm is cut short when stress comes, and is not when it does not', () =>
    onStage('mx', async (stage, peer, load) => {
      load.stressed = false
      await ask(peer, 'HELO x.test')
      for (let waited = 0; waited < SMTP_COMMAND_TIMEOUT_MS / 2; waited += STRESS_COMMAND_TIMEOUT_MS) {
        stage.clock.advance(STRESS_COMMAND_TIMEOUT_MS)
        await settle()
      }
      assert.equal(peer.closed, false)
      assert.match(await ask(peer, 'NOOP'), /^250 /)
      load.stressed = true
      await settle()
      stage.clock.advance(STRESS_COMMAND_TIMEOUT_MS)
      assert.match((await peer.line()) ?? '', /^421 4\.4\.2 /)
    }))

  test(`${STRESS_ERRORS_MAX} errors end it`, () =>
    onStage('mx', async (_, peer) => {
      for (let errors = 1; errors < STRESS_ERRORS_MAX; errors++) assert.match(await ask(peer, 'WHAT'), /^500 /)
      assert.match(await ask(peer, 'WHAT'), /^500 /)
      assert.match((await peer.line()) ?? '', /^421 4\.7\.0 Too many errors/)
    }))

  test(`${STRESS_JUNK_COMMANDS_MAX} command without purpose is let pass, two end it; greeting twice is no such thing`, () =>
    onStage('mx', async (_, peer) => {
      for (const command of ['HELO x.test', 'HELO x.test', 'HELO x.test'])
        assert.match(await ask(peer, command), /^250/)
      for (let junk = 0; junk < STRESS_JUNK_COMMANDS_MAX; junk++) assert.match(await ask(peer, 'NOOP'), /^250 /)
      assert.match(await ask(peer, 'RSET'), /^250 /)
      assert.match((await peer.line()) ?? '', /^421 4\.7\.0 Too many commands/)
    }))

  test('whoever brings mail without detours does not notice', () =>
    onStage('mx', async (stage, peer) => {
      for (let count = 0; count < 3; count++) {
        peer.send('HELO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<anna@here.test>\r\nDATA\r\n')
        for (const code of ['250', '250', '250', '354']) assert.equal((await peer.line())?.slice(0, 3), code)
        assert.match(await ask(peer, 'From: <a@far.test>\r\n\r\nx\r\n.'), /^250 /)
        assert.match(await ask(peer, 'RSET'), /^250 /)
      }
      assert.equal((await stage.read(stage.anna)).length, 3)
    }))
})

suite('before login', () => {
  test('POP3: 30 seconds, 2 errors; after login as ever', () =>
    onStage('pop3s', async (stage, peer) => {
      assert.match(await ask(peer, 'USER anna@here.test'), /^\+OK/)
      peer.send('PASS sesame\r\n')
      assert.match((await stage.hear(peer.line())) ?? '', /^\+OK/)
      for (let errors = 0; errors <= STRESS_ERRORS_MAX; errors++) assert.match(await ask(peer, 'WHAT'), /^-ERR/)
      await settle()
      stage.clock.advance(STRESS_COMMAND_TIMEOUT_MS)
      await settle()
      assert.match(await ask(peer, 'NOOP'), /^\+OK/)

      const other = stage.connect('pop3s', { load: { stressed: true, refusing: false } })
      await other.line()
      for (let errors = 0; errors < STRESS_ERRORS_MAX; errors++) assert.match(await ask(other, 'WHAT'), /^-ERR/)
      assert.match((await other.line()) ?? '', /^-ERR Too many errors/)

      const silent = stage.connect('pop3s', { load: { stressed: true, refusing: false } })
      await silent.line()
      await settle()
      stage.clock.advance(STRESS_COMMAND_TIMEOUT_MS)
      assert.equal(await silent.line(), null)
    }))

  test('IMAP: 30 seconds from the greeting', () =>
    onImapStage(async (stage, peer) => {
      stage.clock.advance(STRESS_COMMAND_TIMEOUT_MS - 1)
      assert.match(await ask(peer, 'a NOOP'), /^a OK/)
      await settle()
      stage.clock.advance(1)
      assert.match((await peer.line()) ?? '', /^\* BYE/)
    }))

  test('IMAP: stress that ends leaves the time that was; 2 errors end it', () =>
    onImapStage(async (stage, peer) => {
      assert.match(await ask(peer, 'a WHAT'), /^a BAD/)
      stage.load.stressed = false
      await settle()
      stage.clock.advance(IMAP_BEFORE_LOGIN_TIMEOUT_MS - 1)
      assert.match(await ask(peer, 'b NOOP'), /^b OK/)
      stage.load.stressed = true
      assert.match(await ask(peer, 'c WHAT'), /^c BAD/)
      assert.match((await peer.line()) ?? '', /^\* BYE Too many errors/)
    }))
})

test('what is refused is counted by its code, and a conversation at its end', async () => {
  const stage = await openMailStage()
  const metrics = createMetrics()
  const peer = stage.connect('mx', { metrics })
  await peer.line()
  await ask(peer, 'HELO x.test')
  await ask(peer, 'MAIL FROM:<a@far.test>')
  assert.match(await ask(peer, 'RCPT TO:<nobody@here.test>'), /^550 5\.1\.1/)
  await ask(peer, 'QUIT')
  await peer.line()
  await peer.ended
  const told = metrics.snapshot()
  assert.deepEqual(told.get(SMTP_REJECTS.name), [{ labels: ['550 5.1.1'], numbers: [1] }])
  assert.deepEqual(told.get(SMTP_CONNECTIONS.name), [{ labels: ['mx', 'none'], numbers: [1] }])
  await stage.stop()
})
