/** Whole conversations made of mutated octets, with the real store behind them. */
import assert from 'node:assert/strict'
import type { TestPeer } from '../../src/session/test-connection.ts'
import { LETTERS } from '../imap/letters.ts'
import { logIn, openImapStage, type ImapStage } from '../imap/stage.ts'
import { deliver, openMailStage, type MailStage } from '../mail-stage.ts'
import { clientStreams } from './corpus.ts'
import type { Target } from './target.ts'

/** A session that has not ended after so many turns of the clock hangs. */
const TURNS_MAX = 3000
/** What one octet of the client may come to, errors and listings together. */
const ANSWER_FACTOR = 2000

type Clocked = { readonly nextDueMs: number | null; advance(ms: number): void }

/** Says it all, in pieces, and hangs up. @returns all that was answered, once the session has ended */
async function talk(peer: TestPeer, ended: () => boolean, clock: Clocked, bytes: Buffer): Promise<Buffer> {
  const turn = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  const step = 1 + (bytes.length % 97)
  for (let at = 0; at < bytes.length; at += step) {
    peer.send(bytes.subarray(at, at + step))
    if (at % 3 === 0) await turn()
  }
  peer.end()
  for (let turns = 0; !ended(); turns++) {
    assert.ok(turns < TURNS_MAX, 'the session does not end')
    await turn()
    // Hashing a password takes its real time; a clock that runs ahead of it only ends more sessions.
    if (!ended() && clock.nextDueMs !== null && turns > 20) clock.advance(clock.nextDueMs)
  }
  const said = await peer.rest()
  assert.ok(said.length < 10_000 + ANSWER_FACTOR * bytes.length, `${said.length} octets for ${bytes.length}`)
  return said
}

const watch = (promise: Promise<unknown>): (() => boolean) => {
  let isOver = false
  const over = (): void => void (isOver = true)
  promise.then(over, over)
  return () => isOver
}

function assertNoFailure(events: readonly { event: string }[]): void {
  const failed = events.filter(({ event }) => /(?:failed|broken)$/.test(event) && event !== 'auth.failed')
  assert.deepEqual(failed, [])
}

/** No CR without LF, no LF without CR. */
function assertLines(text: string): void {
  assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(text), 'a bare CR or LF in an answer')
  assert.ok(text === '' || text.endsWith('\r\n'), 'answers are whole lines')
}

/** An IMAP answer with the octets of its literals taken out. */
function withoutLiterals(said: Buffer): string {
  let text = ''
  for (let at = 0; at < said.length;) {
    const end = said.indexOf('\r\n', at)
    const line = said.toString('latin1', at, end === -1 ? said.length : end + 2)
    text += line
    at += line.length
    const literal = /\{(\d+)\}\r\n$/.exec(line)
    if (literal !== null) at += Number(literal[1])
  }
  return text
}

function mailTarget(name: string, service: 'mx' | 'submissions' | 'pop3s', corpus: readonly Buffer[]): Target {
  let opening: Promise<MailStage> | null = null
  let runs = 0
  const open = async (): Promise<MailStage> => {
    const stage = await openMailStage({ tokens: true })
    if (service === 'pop3s')
      for (let n = 1; n <= 3; n++) await deliver(stage, `From: s@far.test\r\nSubject: ${n}\r\n\r\n.one\r\n..two\r\n`)
    return stage
  }
  return {
    name,
    corpus,
    async run(bytes) {
      const stage = await (opening ??= open())
      const peer = stage.connect(service, { remote: `192.0.2.${runs % 250}` })
      const said = await talk(peer, watch(peer.ended), stage.clock, bytes)
      const text = said.toString('latin1')
      assertLines(text)
      if (service !== 'pop3s') assert.match(text, /^(?:[2-5]\d\d[ -][^\r\n]*\r\n)+$/)
      assertNoFailure(stage.events)
      // The store is whole, and another is served.
      if (++runs % 25 === 0) await deliver(stage, 'From: s@far.test\r\n\r\nstill here\r\n')
    },
    async stop() {
      await (await opening)?.stop()
      opening = null
    },
  }
}

function imapTarget(): Target {
  let opening: Promise<ImapStage> | null = null
  let runs = 0
  const open = async (): Promise<ImapStage> => {
    const stage = await openImapStage({ tokens: true })
    await stage.fill('INBOX', [LETTERS['tree']!, LETTERS['plain']!])
    return stage
  }
  return {
    name: 'imap-session',
    corpus: clientStreams('imap'),
    async run(bytes) {
      const stage = await (opening ??= open())
      const peer = stage.connect()
      const said = await talk(peer, watch(stage.ended()), stage.clock, bytes)
      const text = withoutLiterals(said)
      assertLines(text)
      assertNoFailure(stage.events)
      if (++runs % 25 !== 0) return
      // The store is whole, and another is served: from time to time on a fresh store.
      const client = await logIn(stage)
      assert.match((await client.ask('STATUS INBOX (MESSAGES UIDNEXT)')).at(-1)!, /^OK /)
      client.peer.end()
      if (runs % 200 === 0) await this.stop!()
    },
    async stop() {
      await (await opening)?.stop()
      opening = null
    },
  }
}

const login = (stream: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`AUTH PLAIN ${Buffer.from('\0anna@here.test\0sesame').toString('base64')}\r\n`), stream])

export const SESSIONS: readonly Target[] = [
  mailTarget('smtp-session', 'mx', clientStreams('smtp')),
  mailTarget('submission-session', 'submissions', [
    ...clientStreams('smtp').map((stream) => Buffer.concat([Buffer.from('EHLO x.test\r\n'), login(stream)])),
    ...clientStreams('smtp'),
  ]),
  imapTarget(),
  mailTarget('pop3-session', 'pop3s', [...clientStreams('pop3'), ...clientStreams('pop3').map(login)]),
]
