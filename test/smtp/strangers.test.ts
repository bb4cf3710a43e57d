/** Port 25 and visitors that it has not seen: early talkers, robots that do not wait, guessers of names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStrangers } from '../../src/core/guard/strangers.ts'
import { GREETING_DELAY_S, SMTP_ERRORS_MAX, UNKNOWN_RECIPIENTS_AT_ONCE_MAX } from '../../src/model/limits.ts'
import { createMtaPolicy } from '../../src/roles/mta/mta.ts'
import { SECOND } from '../../src/std/clock.ts'
import { openMailStage, type MailStage } from '../mail-stage.ts'
import { settle } from '../transcript.ts'

const FRIEND = '198.51.100.7'

type At = (remote: string) => ReturnType<MailStage['connect']>

async function at25(body: (connect: At, stage: MailStage) => Promise<void>): Promise<void> {
  const stage = await openMailStage()
  const { clock, intake } = stage
  const strangers = createStrangers({
    clock,
    exempt: (address) => address === FRIEND,
    greetingDelayMs: () => GREETING_DELAY_S * SECOND,
  })
  const smtp = createMtaPolicy({ hostname: 'mx.here.test', intake, clock, strangers })
  try {
    await body((remote) => stage.connect('mx', { remote, smtp }), stage)
  } finally {
    await stage.stop()
  }
}

test('a stranger who speaks first is refused, and learns nothing else', () =>
  at25(async (connect, stage) => {
    const peer = connect('192.0.2.1')
    peer.send('EHLO robot.test\r\n')
    assert.match(await stage.rest(peer), /^554 5\.5\.1 [^\r\n]+\r\n$/)
    const event = stage.events.find((each) => each.event === 'smtp.hasty')
    assert.equal(event?.code, 554)
  }))

test('a stranger who waits is greeted after the delay; the next time at once; a friend always at once', () =>
  at25(async (connect, { clock }) => {
    const first = connect('192.0.2.1')
    const greeted = first.line()
    await settle()
    assert.equal(clock.nextDueMs, GREETING_DELAY_S * SECOND)
    clock.advance(GREETING_DELAY_S * SECOND)
    assert.match((await greeted)!, /^220 /)
    assert.match((await connect('192.0.2.1').line())!, /^220 /)
    assert.match((await connect(FRIEND).line())!, /^220 /)
  }))

test('a stranger who does not wait for the answer to EHLO is shown out; a friend may pipeline as he likes', () =>
  at25(async (connect, stage) => {
    const hasty = 'EHLO x.test\r\nMAIL FROM:<a@far.test>\r\nQUIT\r\n'
    const peer = connect('192.0.2.1')
    const greeted = peer.line()
    await settle()
    stage.clock.advance(GREETING_DELAY_S * SECOND)
    assert.match((await greeted)!, /^220 /)
    peer.send(hasty)
    assert.match(await stage.rest(peer), /^554 5\.5\.0 [^\r\n]+\r\n$/)
    const friend = connect(FRIEND)
    friend.send(hasty)
    assert.match(await stage.rest(friend), /\r\n250 2\.1\.0 [^]*\r\n221 /)
  }))

test('a guesser of names, connection by connection: 421 from the limit on, for names that are here too (S7)', () =>
  at25(async (connect, stage) => {
    let named = 0
    let last = ''
    for (let connection = 0; connection < 20 && !last.includes('421 4.7.0 Too many recipients'); connection++) {
      const peer = connect('192.0.2.1')
      if (connection === 0) {
        const greeted = peer.line()
        await settle()
        stage.clock.advance(GREETING_DELAY_S * SECOND)
        await greeted
      } else await peer.line()
      peer.send('HELO x.test\r\n')
      await peer.line()
      const names = Array.from({ length: SMTP_ERRORS_MAX }, (_, i) => `RCPT TO:<guess${i}@here.test>\r\n`)
      peer.send(`MAIL FROM:<a@far.test>\r\n${names.join('')}QUIT\r\n`)
      last = await stage.rest(peer)
      named += last.match(/^550 5\.1\.1/gm)?.length ?? 0
    }
    assert.ok(named >= UNKNOWN_RECIPIENTS_AT_ONCE_MAX && named <= UNKNOWN_RECIPIENTS_AT_ONCE_MAX + 2, `${named}`)
    const peer = connect('192.0.2.1')
    await peer.line()
    peer.send('HELO x.test\r\n')
    await peer.line()
    peer.send('MAIL FROM:<a@far.test>\r\nRCPT TO:<anna@here.test>\r\nRCPT TO:<bert@here.test>\r\n')
    assert.match(await stage.rest(peer), /^250 [^\r]+\r\n421 4\.7\.0 [^\r]+\r\n$/, 'one answer, then the end')
    const friend = connect(FRIEND)
    await friend.line()
    friend.send('HELO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<anna@here.test>\r\nQUIT\r\n')
    assert.match(await stage.rest(friend), /\r\n250 2\.1\.5 /)
  }))
