/** ClamAV and rspamd as they may answer: daemons made here, on loopback. The real ones: test/interop/examiners.test.ts. */
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { createSystemRandom, systemClock } from '../../app/machine.ts'
import { createExaminers } from '../../core/screening/examiners.ts'
import type { ArrivedLetter, Examined, Examiner } from '../../core/screening/contract.ts'
import type { TraceId } from '../../model/ids.ts'
import {
  EXAMINER_ANSWER_MAX_OCTETS,
  EXAMINER_CHUNK_OCTETS,
  EXAMINERS_TIMEOUT_MS,
  JUNK_POINTS,
} from '../../model/limits.ts'
import { createDialler } from '../../net/dial.ts'
import type { LogEvent } from '../../std/log.ts'
import { noMetrics } from '../../std/metrics.ts'
import { createTestClock } from '../../std/test-clock.ts'
import { keepingLog } from '../../../test/mail-stage.ts'
import { createClamav } from './clamav.ts'
import { createRspamd } from './rspamd.ts'

const dialler = createDialler({ clock: systemClock, random: createSystemRandom() })

function letterOf(content: string, helo = 'mail.far.test'): ArrivedLetter {
  const octets = Buffer.from(content)
  const address = { localPart: 'anna', domain: 'here.test' }
  const envelope = {
    reversePath: null,
    recipients: [{ address }],
    body: '7BIT',
    smtputf8: false,
    requireTls: false,
  } as const
  return {
    arrival: { remoteAddress: '192.0.2.1', helo, envelope, traceId: 'trace1' as TraceId },
    sizeOctets: octets.length,
    async read(start, end) {
      assert.ok(end - start <= EXAMINER_CHUNK_OCTETS)
      return octets.subarray(start, end)
    },
  }
}

/** A daemon that is given all it is sent, and answers when `answer` says something. */
async function withDaemon(
  answer: (heard: Buffer, socket: Socket) => string | null,
  body: (endpoint: { address: string; port: number }) => Promise<void>,
): Promise<Buffer> {
  let heard = Buffer.alloc(0)
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk])
      const said = answer(heard, socket)
      if (said !== null) socket.end(said)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  try {
    await body({ address: '127.0.0.1', port })
  } finally {
    server.close()
  }
  return heard
}

const signal = (): AbortSignal => new AbortController().signal
const endsWithZeroLength = (heard: Buffer): boolean => heard.subarray(-4).equals(Buffer.alloc(4))

test('ClamAV: chunks with their lengths, whole and in order; the verdict', async () => {
  const content = 'x'.repeat(EXAMINER_CHUNK_OCTETS + 5)
  for (const [word, code, says] of [
    ['stream: OK\0', undefined, null],
    ['stream: Eicar-Test FOUND\0', 550, /^Eicar-Test is in the letter$/],
    ['INSTREAM size limit exceeded. ERROR\0', undefined, /StreamMaxLength/],
  ] as const) {
    const heard = await withDaemon(
      (all) => (endsWithZeroLength(all) ? word : null),
      async (endpoint) => {
        const { findings, refused } = await createClamav({ dialler, endpoint }).examine(letterOf(content), signal())
        assert.equal(refused?.code, code)
        if (says !== null) assert.match(findings[0]!.says, says)
      },
    )
    const head = 'zINSTREAM\0'.length
    assert.equal(heard.readUInt32BE(head), EXAMINER_CHUNK_OCTETS)
    assert.equal(heard.readUInt32BE(head + 4 + EXAMINER_CHUNK_OCTETS), 5)
    assert.equal(heard.length, head + 4 + EXAMINER_CHUNK_OCTETS + 4 + 5 + 4)
  }
})

test('ClamAV: what is no verdict is none: an error, nothing, too much', async () => {
  for (const said of ['UNKNOWN COMMAND\0', '', 'x'.repeat(EXAMINER_ANSWER_MAX_OCTETS + 1)]) {
    await withDaemon(
      (all) => (endsWithZeroLength(all) ? said : null),
      async (endpoint) => assert.rejects(createClamav({ dialler, endpoint }).examine(letterOf('x'), signal())),
    )
  }
})

const http = (body: object, status = '200 OK'): string => {
  const text = JSON.stringify(body)
  return `HTTP/1.1 ${status}\r\nContent-Length: ${text.length}\r\n\r\n${text}`
}

async function rspamd(answer: string, letter = letterOf('Subject: x\r\n\r\nhello')): Promise<[Examined, string]> {
  let examined: Examined | undefined
  const heard = await withDaemon(
    (all) => (all.includes('hello') ? answer : null),
    async (endpoint) => {
      examined = await createRspamd({ dialler, endpoint, hostname: 'mx.here.test' }).examine(letter, signal())
    },
  )
  return [examined!, heard.toString()]
}

test('rspamd: what each action comes to', async () => {
  for (const [action, points, code] of [
    ['no action', 0, undefined],
    ['greylist', 0, undefined],
    ['add header', JUNK_POINTS, undefined],
    ['rewrite subject', JUNK_POINTS, undefined],
    ['soft reject', 0, 451],
    ['reject', JUNK_POINTS, 550],
    ['an action of tomorrow', 0, undefined],
  ] as const) {
    const symbols = { A: { score: 1 }, B: { score: 7.25 }, C: { score: 0 } }
    const [{ findings, refused }] = await rspamd(http({ action, score: 8.25, required_score: 15, symbols }))
    assert.equal(findings[0]!.points, points, action)
    assert.equal(refused?.code, code, action)
    assert.equal(findings[0]!.says, `${action}, score 8.3 of 15: B 7.3, A 1.0`)
  }
})

test('rspamd: its own words are told, and cannot break a line; a stranger’s name cannot break the request', async () => {
  const messages = { smtp_message: 'Go away\r\n250 Ok' }
  const letter = letterOf('Subject: x\r\n\r\nhello', 'evil\r\nRcpt: other@here.test')
  const [{ refused }, heard] = await rspamd(http({ action: 'reject', score: 20, messages }), letter)
  assert.deepEqual(refused?.lines, ['Go away??250 Ok'])
  assert.match(heard, /^POST \/checkv2 HTTP\/1\.1\r\n/)
  for (const field of ['IP: 192.0.2.1', 'From: ', 'Rcpt: anna@here.test', 'Queue-Id: trace1', 'Content-Length: 19'])
    assert.ok(heard.includes(`\r\n${field}\r\n`), field)
  assert.equal(heard.match(/^Rcpt:/gm)?.length, 1)
})

test('rspamd: what is no answer is none', async () => {
  for (const answer of ['', 'nonsense', http({}, '500 Oops'), http({ score: 'many' }), 'HTTP/1.1 200 OK\r\n\r\n{'])
    await assert.rejects(rspamd(answer), answer)
})

test('a program that is down, or says nothing: the letter is taken, or deferred, as the policy says; others count', async () => {
  const clock = createTestClock()
  const fails: Examiner = { name: 'down', examine: async () => Promise.reject(new Error('ECONNREFUSED')) }
  const hangs: Examiner = {
    name: 'silent',
    examine: (_, over) =>
      new Promise((_resolve, reject) => over.addEventListener('abort', () => reject(new Error('cut')))),
  }
  const finds: Examiner = {
    name: 'finds',
    examine: async () => ({ findings: [{ by: 'finds', points: 2, says: 'two' }], refused: null }),
  }
  for (const whenDown of ['accept', 'defer'] as const) {
    const events: LogEvent[] = []
    const examiners = createExaminers({
      examiners: [fails, hangs, finds],
      whenDown,
      exempt: (address) => address === '127.0.0.1',
      clock,
      log: keepingLog(events),
      metrics: noMetrics,
    })
    const examined = examiners.examine(letterOf('x'))
    await Promise.resolve()
    assert.equal(clock.nextDueMs, EXAMINERS_TIMEOUT_MS)
    clock.advance(EXAMINERS_TIMEOUT_MS)
    const { findings, refused } = await examined
    assert.equal(refused?.code, whenDown === 'defer' ? 451 : undefined)
    assert.deepEqual(
      findings.map(({ by, points }) => [by, points]),
      [
        ['down', 0],
        ['silent', 0],
        ['finds', 2],
      ],
    )
    const failed = events.filter(({ event }) => event === 'screening.examiner.failed')
    assert.deepEqual(
      failed.map(({ by }) => String(by)).toSorted((a, b) => a.localeCompare(b)),
      ['down', 'silent'],
    )
    assert.equal(clock.pending, 0)
    const ours = letterOf('x')
    const exempt = { ...ours, arrival: { ...ours.arrival, remoteAddress: '127.0.0.1' } }
    assert.deepEqual(await examiners.examine(exempt), { findings: [], refused: null })
  }
})
