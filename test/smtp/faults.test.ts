/** What goes wrong on our side, and how a peer hears of it: RELIABILITY §2.3, R6, R31. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { MessageSink } from '../../src/core/contract.ts'
import type { SmtpPolicy } from '../../src/roles/contract.ts'
import { createMtaPolicy } from '../../src/roles/mta/mta.ts'
import { smtpSession } from '../../src/session/smtp/session.ts'
import { createTestConnection } from '../../src/session/test-connection.ts'
import { silentLog } from '../../src/std/log.ts'
import { StoreError } from '../../src/store/contract.ts'
import { HOSTNAME, openMailStage, type MailStage } from '../mail-stage.ts'

const COMMANDS = 'HELO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<anna@here.test>\r\nDATA\r\n'
const CONTENT = 'From: a@b.test\r\n\r\nx\r\n.\r\n'

async function converse(stage: MailStage, smtp: SmtpPolicy): Promise<string[]> {
  const peer = stage.connect('mx', { smtp })
  peer.send(COMMANDS)
  peer.send(`${CONTENT}NOOP\r\nQUIT\r\n`)
  const said = await stage.rest(peer)
  return said.split('\r\n').map((line) => line.slice(0, 9))
}

const noSpace = new StoreError('no-space', 'full')
const device = new StoreError('device', 'I/O error')
const fail = (error: Error) => async (): Promise<never> => {
  throw error
}

test('R6: no space and I/O errors are temporary, and the conversation goes on', async () => {
  const stage = await openMailStage()
  for (const [error, code] of [
    [noSpace, '452 4.3.1'],
    [device, '451 4.3.0'],
  ] as const) {
    const at = (change: Partial<SmtpPolicy>): SmtpPolicy => ({ ...stage.mta, ...change })
    const dot = ['220 mail.', '250 mail.', '250 2.1.0', '250 2.1.5', '354 End d', code, '250 2.0.0', '221 2.0.0', '']
    assert.deepEqual(await converse(stage, at({ onMessage: fail(error) })), dot)
    const sinkOf = (change: Partial<MessageSink>): Partial<SmtpPolicy> => ({
      openMessage: (...parameters) => Object.assign(stage.mta.openMessage(...parameters), change),
    })
    assert.deepEqual(await converse(stage, at(sinkOf({ write: fail(error) }))), dot)
    assert.deepEqual(await converse(stage, at(sinkOf({ finish: fail(error) }))), dot)
    const openMessage = (): never => {
      throw error
    }
    const atData = await converse(stage, at({ openMessage }))
    assert.deepEqual(atData.slice(0, 5), ['220 mail.', '250 mail.', '250 2.1.0', '250 2.1.5', code])
    assert.equal((await converse(stage, at({ onMail: fail(error) })))[2], code)
    assert.equal((await converse(stage, at({ onRecipient: fail(error) })))[3], code)
  }
  assert.deepEqual(await stage.read(stage.anna), [])
  await stage.stop()
})

test('a store that fails at the commit keeps nothing staged', async () => {
  const stage = await openMailStage()
  const let_go: unknown[] = []
  const intake = {
    ...stage.intake,
    accept: fail(device),
    discard: async (message: unknown) => void let_go.push(message),
  }
  const policy = createMtaPolicy({ hostname: HOSTNAME, intake, clock: stage.clock })
  assert.equal((await converse(stage, policy))[5], '451 4.3.0')
  assert.equal(let_go.length, 1)
  await stage.stop()
})

test('R31: a handler that throws ends its own conversation only', async () => {
  const stage = await openMailStage()
  const other = stage.connect('mx')
  await other.line()
  const bug = new TypeError('a mistake of ours')
  const sinks: MessageSink[] = []
  for (const change of [
    { onMail: fail(bug) },
    { onRecipient: fail(bug) },
    { onMessage: fail(bug) },
    {
      openMessage: (...parameters: Parameters<SmtpPolicy['openMessage']>) => {
        const sink = stage.mta.openMessage(...parameters)
        let aborted = false
        sinks.push({ ...sink, write: fail(bug), abort: async () => void (aborted = true) })
        return Object.defineProperty(sinks.at(-1)!, 'aborted', { get: () => aborted })
      },
    },
  ] satisfies Partial<SmtpPolicy>[]) {
    const said = await converse(stage, { ...stage.mta, ...change })
    assert.deepEqual(said.slice(-2), ['421 4.3.0', ''])
  }
  assert.equal((sinks[0] as unknown as { aborted: boolean }).aborted, true)
  const failures = stage.events.filter(({ event }) => event === 'smtp.failed')
  assert.equal(failures.length, 4)
  assert.match(String(failures[0]!['cause']), /a mistake of ours/)
  assert.match(String(failures[0]!['cid']), /^c\d+$/)
  other.send('NOOP\r\n')
  assert.match((await other.line())!, /^250 /)
  await stage.stop()
})

test('shutdown: an idle conversation ends at once, a transaction first comes to its end', async () => {
  const stage = await openMailStage()
  const stop = new AbortController()
  const idle = stage.connect('mx', { signal: stop.signal })
  const busy = stage.connect('mx', { signal: stop.signal })
  const between = stage.connect('mx', { signal: stop.signal })
  for (const peer of [idle, busy, between]) await peer.line()
  busy.send(COMMANDS)
  for (let i = 0; i < 4; i++) await busy.line()
  between.send('HELO x.test\r\nMAIL FROM:<a@far.test>\r\n')
  for (let i = 0; i < 2; i++) await between.line()
  stop.abort()
  assert.match((await idle.rest()).toString(), /^421 4\.3\.2 /)
  between.send('RCPT TO:<anna@here.test>\r\nRSET\r\nNOOP\r\n')
  assert.match((await between.rest()).toString(), /^250 [^\r]*\r\n250 [^\r]*\r\n421 4\.3\.2 [^\r]*\r\n$/)
  busy.send(`${CONTENT}NOOP\r\n`)
  assert.match((await busy.rest()).toString(), /^250 2\.0\.0 Ok: kept[^\r]*\r\n421 4\.3\.2 [^\r]*\r\n$/)
  assert.equal((await stage.read(stage.anna)).length, 1)
  await stage.stop()
})

test('a peer that goes in the middle leaves nothing behind', async () => {
  const stage = await openMailStage()
  for (const leave of ['end', 'reset'] as const) {
    for (const sent of ['', 'HELO x', COMMANDS, `${COMMANDS}From: a@b.test\r\n\r\nx\r\n.\r`, `${COMMANDS}half`]) {
      const peer = stage.connect('mx')
      peer.send(sent)
      await new Promise((resolve) => setImmediate(resolve))
      peer[leave]()
      await peer.ended
      assert.ok(peer.closed || leave === 'reset')
    }
  }
  assert.deepEqual(await stage.read(stage.anna), [])
  assert.equal(stage.events.filter(({ event }) => event === 'smtp.failed').length, 0)
  await stage.stop()
})

test('RFC 2920: pipelined commands are answered in one write', async () => {
  const stage = await openMailStage()
  const peer = stage.connect('mx')
  await peer.line()
  const before = peer.writes
  peer.send('HELO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<anna@here.test>\r\nRCPT TO:<bert@here.test>\r\nDATA\r\n')
  for (let i = 0; i < 5; i++) await peer.line()
  assert.equal(peer.writes - before, 1)
  await stage.stop()
})

test('an address that fails too often is told to come later, before any password is looked at (S6)', async () => {
  const stage = await openMailStage()
  const wrong = 'AUTH PLAIN AGFubmFAaGVyZS50ZXN0AHdyb25n\r\n'
  // Side by side: one after the other, the waits of the address would keep them below the minute's limit.
  const guessing = Array.from({ length: 4 }, () => stage.connect('submissions'))
  for (const peer of guessing) peer.send(`HELO x.test\r\n${wrong}${wrong}${wrong}QUIT\r\n`)
  for (const peer of guessing) await stage.rest(peer)
  const peer = stage.connect('submissions')
  peer.send('HELO x.test\r\nAUTH PLAIN AGFubmFAaGVyZS50ZXN0AHNlc2FtZQ==\r\nQUIT\r\n')
  assert.match(await stage.rest(peer), /^454 4\.7\.0 /m)
  assert.equal(stage.events.filter(({ reason }) => reason === 'blocked').length > 0, true)
  const elsewhere = stage.connect('submissions', { remote: '198.51.100.1' })
  elsewhere.send('HELO x.test\r\nAUTH PLAIN AGFubmFAaGVyZS50ZXN0AHNlc2FtZQ==\r\nQUIT\r\n')
  assert.match(await stage.rest(elsewhere), /^235 /m)
  await stage.stop()
})

test('S5: before TLS no password is looked at', async () => {
  const stage = await openMailStage()
  const plain = 'AUTH PLAIN AGFubmFAaGVyZS50ZXN0AHNlc2FtZQ==\r\n'
  const peer = stage.connect('submission')
  peer.send(`HELO x.test\r\n${plain}AUTH LOGIN YW5uYUBoZXJlLnRlc3Q=\r\nAUTH SCRAM-SHA-256 biws\r\nQUIT\r\n`)
  assert.equal((await stage.rest(peer)).match(/^530 5\.7\.0 Must issue a STARTTLS command first\r$/gm)?.length, 3)
  const pop3 = stage.connect('pop3')
  pop3.send(`USER anna@here.test\r\nPASS sesame\r\n${plain}QUIT\r\n`)
  assert.equal((await stage.rest(pop3)).match(/^-ERR \[SYS\/PERM\] Encryption/gm)?.length, 3)
  const mx = stage.connect('mx')
  mx.send(`HELO x.test\r\n${plain}QUIT\r\n`)
  assert.match(await stage.rest(mx), /^502 5\.5\.1 /m)
  assert.deepEqual(
    stage.events.filter(({ event }) => event.startsWith('auth.')),
    [],
  )
  await stage.stop()
})

test('RFC 8689 §2: REQUIRETLS where it is switched on, over TLS only', async () => {
  const stage = await openMailStage()
  for (const tls of [false, true]) {
    const { clock } = stage
    const { connection, peer } = createTestConnection({ service: 'mx', clock, tls })
    const options = { policy: stage.mta, clock, random: stage.core.random, log: silentLog, offerRequireTls: true }
    const ended = smtpSession(connection, options)
    peer.send('EHLO x.test\r\nMAIL FROM:<a@far.test> REQUIRETLS\r\nQUIT\r\n')
    const said = await stage.rest(peer)
    assert.equal(/^250[- ]REQUIRETLS\r$/m.test(said), tls)
    assert.match(said, tls ? /^250 2\.1\.0 /m : /^555 5\.5\.4 /m)
    await ended
  }
  await stage.stop()
})

test('R31: submission: a handler that throws ends its own conversation, logged with its id; the others go on', async () => {
  const stage = await openMailStage()
  const other = stage.connect('submissions')
  await other.line()
  const peer = stage.connect('submissions', {
    smtp: { ...stage.msa, onMail: fail(new TypeError('a mistake of ours')) },
  })
  const login = Buffer.from('\0anna@here.test\0sesame').toString('base64')
  peer.send(`EHLO x.test\r\nAUTH PLAIN ${login}\r\nMAIL FROM:<anna@here.test>\r\nNOOP\r\n`)
  assert.match(await stage.rest(peer), /235 2\.7\.0 [^\r]*\r\n421 4\.3\.0 [^\r]*\r\n$/)
  const logged = stage.events.find(({ event }) => event === 'smtp.failed')
  assert.equal(logged?.['cid'], 'c2')
  assert.match(String(logged?.['cause']), /a mistake of ours/)
  other.send('NOOP\r\n')
  assert.match((await other.line())!, /^250 /)
  await stage.stop()
})
