/** One over each limit of SMTP (model/limits.ts), and what is answered. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import {
  LOCAL_PART_MAX_OCTETS,
  RECIPIENTS_MAX,
  SASL_RESPONSE_MAX_OCTETS,
  SMTP_BEFORE_EHLO_TIMEOUT_MS,
  SMTP_COMMAND_LINE_MAX_OCTETS,
  SMTP_COMMAND_TIMEOUT_MS,
  SMTP_DATA_IDLE_TIMEOUT_MS,
  SMTP_DATA_LINE_MAX_OCTETS,
  SMTP_DATA_MIN_OCTETS_PER_SECOND,
  SMTP_DATA_TOTAL_TIMEOUT_MS,
  SMTP_ERROR_DELAY_MS,
  SMTP_ERRORS_MAX,
  SMTP_ERRORS_SLOW_FROM,
  SMTP_JUNK_COMMANDS_MAX,
  SUBMISSION_RECIPIENTS_MAX,
  TRANSACTIONS_PER_CONNECTION_MAX,
} from '../../src/model/limits.ts'
import type { TestPeer } from '../../src/session/test-connection.ts'
import { openMailStage, type MailStage } from '../mail-stage.ts'
import { settle } from '../transcript.ts'

type Peer = TestPeer & { readonly ended: Promise<void> }

async function talk(
  body: (stage: MailStage, peer: Peer) => Promise<void>,
  change: Parameters<typeof openMailStage>[0] = {},
  service: 'mx' | 'submissions' = 'mx',
): Promise<void> {
  const stage = await openMailStage(change)
  try {
    const peer = stage.connect(service)
    assert.match((await peer.line())!, /^220 /)
    await body(stage, peer)
  } finally {
    await stage.stop()
  }
}

async function say(peer: Peer, command: string): Promise<string> {
  peer.send(`${command}\r\n`)
  return (await peer.line())!
}

const HELLO = 'HELO x.test'
const MAIL = 'MAIL FROM:<a@far.test>'
const RCPT = 'RCPT TO:<anna@here.test>'

test('a command line: one octet over is 500, and the next is read', async () => {
  await talk(async (_, peer) => {
    const fits = `NOOP ${'x'.repeat(SMTP_COMMAND_LINE_MAX_OCTETS - 7)}`
    assert.match(await say(peer, fits), /^250 /)
    assert.match(await say(peer, `${fits}x`), /^500 5\.5\.2 Line too long/)
    assert.match(await say(peer, 'NOOP'), /^250 /)
  })
})

test('on submission only AUTH may be longer', async () => {
  await talk(
    async (_, peer) => {
      assert.match(await say(peer, HELLO), /^250 /)
      assert.match(await say(peer, `NOOP ${'x'.repeat(SMTP_COMMAND_LINE_MAX_OCTETS)}`), /^500 5\.5\.2 /)
      assert.match(await say(peer, `AUTH PLAIN ${'A'.repeat(SMTP_COMMAND_LINE_MAX_OCTETS)}`), /^501 5\.5\.2 .*UTF-8/)
      assert.match(await say(peer, 'AUTH PLAIN'), /^334 /)
      assert.match(await say(peer, 'A'.repeat(SASL_RESPONSE_MAX_OCTETS)), /^501 5\.5\.2 /)
      assert.match(await say(peer, 'NOOP'), /^250 /)
    },
    {},
    'submissions',
  )
})

test('a local part', async () => {
  await talk(async (_, peer) => {
    await say(peer, HELLO)
    assert.match(await say(peer, `MAIL FROM:<${'x'.repeat(LOCAL_PART_MAX_OCTETS)}@far.test>`), /^250 /)
    assert.match(
      await say(peer, `RCPT TO:<${'x'.repeat(LOCAL_PART_MAX_OCTETS + 1)}@here.test>`),
      /^501 5\.1\.3 .*too long/,
    )
  })
})

test('RFC 5321 §4.5.3.1.8, R16: recipients; those before the limit stay, a few dead ones are no offence', async () => {
  await talk(async (stage, peer) => {
    await say(peer, HELLO)
    await say(peer, MAIL)
    let text = ''
    for (let i = 0; i < RECIPIENTS_MAX; i++) {
      text += `RCPT TO:<anna+${i}@here.test>\r\n`
      if (i % 10 === 0) text += `RCPT TO:<nobody${i}@here.test>\r\n`
    }
    peer.send(text)
    for (let i = 0; i < RECIPIENTS_MAX * 1.1; i++)
      assert.match((await stage.hear(peer.line()))!, /^(250 2\.1\.5|550 5\.1\.1) /)
    assert.match(await say(peer, RCPT), /^452 4\.5\.3 /)
    assert.match(await say(peer, 'DATA'), /^354 /)
    assert.match(await say(peer, 'From: a@b.test\r\n\r\n.'), /^250 2\.0\.0 /)
    assert.equal((await stage.read(stage.anna)).length, 1)
  })
})

test('recipients on submission', async () => {
  await talk(
    async (_, peer) => {
      await say(peer, HELLO)
      await say(peer, 'AUTH PLAIN AGFubmFAaGVyZS50ZXN0AHNlc2FtZQ==')
      await say(peer, 'MAIL FROM:<anna@here.test>')
      for (let i = 0; i < SUBMISSION_RECIPIENTS_MAX; i++)
        assert.match(await say(peer, `RCPT TO:<x${i}@far.test>`), /^250 /)
      assert.match(await say(peer, 'RCPT TO:<x@far.test>'), /^452 4\.5\.3 /)
    },
    {},
    'submissions',
  )
})

test('guessing names is slowed and ended', async () => {
  await talk(async (stage, peer) => {
    let text = `${HELLO}\r\n${MAIL}\r\n${RCPT}\r\n`
    for (let i = 0; i < 50; i++) text += `RCPT TO:<guess${i}@here.test>\r\n`
    peer.send(text)
    const said = await stage.rest(peer)
    assert.equal(said.match(/^550 5\.1\.1 /gm)?.length, SMTP_ERRORS_MAX + 1)
    assert.match(said, /421 4\.7\.0 Too many errors\r\n$/)
  })
})

test('RFC 1870: message size, as declared, as sent by DATA, as sent by BDAT', async () => {
  const messageMaxOctets = 1000
  await talk(
    async (stage, peer) => {
      await say(peer, HELLO)
      assert.match(await say(peer, `${MAIL} SIZE=${messageMaxOctets + 1}`), /^552 5\.3\.4 /)
      assert.match(await say(peer, `${MAIL} SIZE=99999999999999999999`), /^552 5\.3\.4 /)
      for (const [octets, code] of [
        [messageMaxOctets, /^250 2\.0\.0 /],
        [messageMaxOctets + 1, /^552 5\.3\.4 /],
        [messageMaxOctets + 100_000, /^552 5\.3\.4 /],
      ] as const) {
        assert.match(await say(peer, `${MAIL} SIZE=${messageMaxOctets}`), /^250 /)
        await say(peer, RCPT)
        assert.match(await say(peer, 'DATA'), /^354 /)
        const content = `From: a@b.test\r\n\r\n${'x'.repeat(octets - 20)}\r\n`
        assert.equal(content.length, octets)
        assert.match(await say(peer, `${content}.`), code)
      }
      assert.match(await say(peer, MAIL), /^250 /)
      await say(peer, RCPT)
      peer.send(`BDAT ${messageMaxOctets}\r\n${'x'.repeat(messageMaxOctets)}`)
      assert.match((await peer.line())!, /^250 2\.0\.0 1000 octets received/)
      // Refused at once; what was pipelined behind finds no transaction, and is read all the same.
      peer.send(`BDAT 1\r\nxBDAT 5 LAST\r\nxxxxxNOOP\r\n`)
      assert.match((await stage.hear(peer.line()))!, /^552 5\.3\.4 /)
      assert.match((await stage.hear(peer.line()))!, /^503 5\.5\.1 /)
      assert.match((await stage.hear(peer.line()))!, /^250 2\.0\.0 /)
      assert.equal((await stage.read(stage.anna)).length, 1)
    },
    { messageMaxOctets },
  )
})

test('a content line', async () => {
  await talk(async (_, peer) => {
    await say(peer, HELLO)
    for (const [octets, code] of [
      [SMTP_DATA_LINE_MAX_OCTETS - 2, /^250 2\.0\.0 /],
      [SMTP_DATA_LINE_MAX_OCTETS + 1, /^550 5\.6\.0 Line longer/],
    ] as const) {
      await say(peer, MAIL)
      await say(peer, RCPT)
      await say(peer, 'DATA')
      assert.match(await say(peer, `From: a@b.test\r\n\r\n${'x'.repeat(octets)}\r\n.`), code)
    }
  })
})

test('messages on one connection', async () => {
  await talk(async (_, peer) => {
    await say(peer, HELLO)
    for (let i = 0; i < TRANSACTIONS_PER_CONNECTION_MAX; i++) {
      peer.send(`${MAIL}\r\n${RCPT}\r\nDATA\r\n`)
      for (let k = 0; k < 3; k++) assert.match((await peer.line())!, /^(250|354) /)
      assert.match(await say(peer, '.'), /^250 2\.0\.0 /)
    }
    assert.match(await say(peer, MAIL), /^421 4\.7\.0 /)
    assert.equal(await peer.line(), null)
  })
})

test('errors: slow, then over', async () => {
  await talk(async (stage, peer) => {
    for (let i = 1; i < SMTP_ERRORS_MAX; i++) {
      peer.send('FOO\r\n')
      if (i >= SMTP_ERRORS_SLOW_FROM) {
        await settle()
        assert.equal(peer.unread().length, 0)
        stage.clock.advance(SMTP_ERROR_DELAY_MS)
      }
      assert.match((await peer.line())!, /^500 /)
    }
    assert.match(await say(peer, 'FOO'), /^500 /)
    assert.match((await peer.line())!, /^421 4\.7\.0 Too many errors/)
    assert.equal(await peer.line(), null)
  })
})

test('commands that only pass the time', async () => {
  await talk(async (_, peer) => {
    assert.match(await say(peer, HELLO), /^250 /)
    for (let i = 1; i < SMTP_JUNK_COMMANDS_MAX; i++) assert.match(await say(peer, 'RSET'), /^250 /)
    assert.match(await say(peer, 'NOOP'), /^250 /)
    assert.match((await peer.line())!, /^421 4\.7\.0 /)
    assert.equal(await peer.line(), null)
  })
})

test('RFC 5321 §4.5.3.2.7, S14: a deadline for the whole command, however it drips', async () => {
  await talk(async (stage, peer) => {
    for (const octet of 'HELO x.te') {
      peer.send(octet)
      await settle()
      stage.clock.advance(SMTP_BEFORE_EHLO_TIMEOUT_MS / 8)
    }
    await settle()
    assert.match((await peer.line())!, /^421 4\.4\.2 /)
    assert.equal(await peer.line(), null)
  })
  await talk(async (stage, peer) => {
    await say(peer, HELLO)
    await settle()
    stage.clock.advance(SMTP_COMMAND_TIMEOUT_MS - 1)
    assert.match(await say(peer, 'NOOP'), /^250 /)
    await settle()
    stage.clock.advance(SMTP_COMMAND_TIMEOUT_MS)
    assert.match((await peer.line())!, /^421 4\.4\.2 /)
  })
})

test('content: no long silence, and not too slow for too long', async () => {
  const begin = async (peer: Peer): Promise<void> => {
    for (const command of [HELLO, MAIL, RCPT, 'DATA']) await say(peer, command)
    await settle()
  }
  await talk(async (stage, peer) => {
    await begin(peer)
    stage.clock.advance(SMTP_DATA_IDLE_TIMEOUT_MS)
    assert.match((await peer.line())!, /^421 4\.4\.2 /)
    assert.deepEqual(await stage.read(stage.anna), [])
  })
  for (const [octetsPerSecond, wanted] of [
    [SMTP_DATA_MIN_OCTETS_PER_SECOND * 0.9, /^421 4\.4\.2 /],
    [SMTP_DATA_MIN_OCTETS_PER_SECOND * 1.1, /^250 2\.0\.0 /],
  ] as const) {
    await talk(async (stage, peer) => {
      await begin(peer)
      peer.send('From: a@b.test\r\n\r\n')
      const stepMs = SMTP_DATA_TOTAL_TIMEOUT_MS / 10
      for (let i = 0; i <= 11; i++) {
        peer.send(`${'x'.repeat((octetsPerSecond * stepMs) / 1000 - 2)}\r\n`)
        await peer.idle() // Large content goes to a file, in the machine's own time.
        stage.clock.advance(stepMs)
        await peer.idle()
      }
      if (!peer.closed) peer.send('.\r\n')
      assert.match((await peer.line())!, wanted)
    })
  }
})
