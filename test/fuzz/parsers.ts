/** Every grammar that reads foreign octets, with what must hold whatever they are. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'dns-packet'
import { loadConfig } from '../../src/app/config/load.ts'
import { parseAddress, parsePath, printAddress } from '../../src/format/address/address.ts'
import { decodeCharset } from '../../src/format/charset/charset.ts'
import { decodeBody } from '../../src/format/charset/transfer.ts'
import { parseAddressList } from '../../src/format/header/address.ts'
import { parseDate, parseHeaderDate } from '../../src/format/header/date.ts'
import { headerFields, unfold } from '../../src/format/header/field.ts'
import { parseMessageIds } from '../../src/format/header/message-id.ts'
import { parseContentType, parseDisposition } from '../../src/format/header/parameters.ts'
import { decodeWords } from '../../src/format/header/words.ts'
import { htmlToText } from '../../src/format/message/html-text.ts'
import { createScanner, type ScanResult } from '../../src/format/message/scan.ts'
import {
  ADDRESSES_PER_HEADER_MAX,
  MIME_PARTS_MAX,
  OUT_REPLY_LINES_MAX,
  PROXY_V2_MAX_OCTETS,
  SIEVE_PROBLEMS_MAX,
} from '../../src/model/limits.ts'
import type { Part } from '../../src/model/message.ts'
import { parseIp } from '../../src/model/network.ts'
import { decodeReply, readAnswer } from '../../src/net/dns-message.ts'
import { readProxyHeader } from '../../src/net/proxy-header.ts'
import { attempt, Cursor } from '../../src/protocol/imap/cursor.ts'
import { createReader } from '../../src/protocol/imap/reader.ts'
import { createReplyParser } from '../../src/protocol/smtp/client-reply.ts'
import { parseEhlo } from '../../src/protocol/smtp/client-ehlo.ts'
import {
  announcedLiteral,
  parseCommand as parseManageSieve,
  parseResponse,
} from '../../src/protocol/managesieve/command.ts'
import { parseCommand as parsePop3 } from '../../src/protocol/pop3/command.ts'
import { createDataDecoder } from '../../src/protocol/smtp/data-decoder.ts'
import { parseCommand as parseSmtp } from '../../src/protocol/smtp/command.ts'
import { printReply } from '../../src/protocol/smtp/print-reply.ts'
import { externalExchange } from '../../src/protocol/sasl/external.ts'
import { oauthBearerExchange, parseOauthBearer, parseXoauth2, xoauth2Exchange } from '../../src/protocol/sasl/oauth.ts'
import { judge } from '../../src/core/accounts/oauth/claims.ts'
import { candidates, parseJwt } from '../../src/core/accounts/oauth/jwt.ts'
import { loginExchange, plainExchange } from '../../src/protocol/sasl/plain.ts'
import { scramExchange } from '../../src/protocol/sasl/scram.ts'
import type { SaslAnswer, SaslExchange } from '../../src/protocol/sasl/exchange.ts'
import { COMMANDS } from '../../src/session/imap/registry.ts'
import { compile } from '../../src/sieve/compile.ts'
import { run as runSieve } from '../../src/sieve/run.ts'
import { environmentOf, letterOf } from '../../src/sieve/sieve.test-kit.ts'
import { caseFiles, readCases } from '../sieve/cases.ts'
import { clientStreams, FIELD_BODIES, LETTER_FILES, lines } from './corpus.ts'
import type { Target } from './target.ts'

const SIEVE_CASES = caseFiles().flatMap(readCases)
const SIEVE_ENVIRONMENT = environmentOf()
const SIEVE_LETTER = letterOf(SIEVE_CASES.find(({ file }) => file.startsWith('rfc5703'))!.letter)

function scanIn(bytes: Buffer, chunkOctets: number): ScanResult {
  const scanner = createScanner()
  for (let at = 0; at < bytes.length; at += chunkOctets) scanner.push(bytes.subarray(at, at + chunkOctets))
  return scanner.finish()
}

function checkPart(part: Part, { end }: { end: number }): number {
  assert.ok(
    part.headerStart <= part.bodyStart && part.bodyStart <= part.bodyEnd && part.bodyEnd <= end,
    'nested ranges',
  )
  let count = 1
  for (const child of part.parts) count += checkPart(child, { end: part.bodyEnd })
  return count
}

const crlfLines = (bytes: Buffer): string[] => bytes.toString('latin1').split('\r\n')

/** Plays the octets as the client's responses, line by line. */
function exchangeWith(exchange: SaslExchange, responses: readonly Buffer[]): void {
  let next: SaslAnswer = Buffer.alloc(0)
  const salt = Buffer.alloc(16, 1).toString('base64')
  const key = Buffer.alloc(32, 2).toString('base64')
  for (let turn = 0; turn < 10; turn++) {
    const step = exchange.next(next)
    if (step.done === true) return
    if (step.value.ask === 'keys') next = { salt, iterations: 4096, pairs: [{ storedKey: key, serverKey: key }] }
    else if (step.value.ask === 'token') next = { good: false, error: { status: 'invalid_token', configuration: null } }
    else next = responses[turn % Math.max(1, responses.length)] ?? Buffer.alloc(0)
  }
  assert.fail('the exchange does not end')
}

const dnsReplies: readonly Buffer[] = [
  [{ type: 'MX' as const, name: 'a.test', ttl: 60, data: { preference: 10, exchange: 'mx.a.test' } }],
  [
    { type: 'CNAME' as const, name: 'a.test', ttl: 60, data: 'b.test' },
    { type: 'MX' as const, name: 'b.test', ttl: 5, data: { preference: 0, exchange: '.' } },
  ],
  [{ type: 'TXT' as const, name: 'a.test', ttl: 60, data: ['v=spf1', ' -all'] }],
  [{ type: 'A' as const, name: 'a.test', ttl: 60, data: '192.0.2.1' }],
].map((answers) =>
  encode({ type: 'response', id: 7, flags: 0, questions: [{ type: 'MX', name: 'a.test', class: 'IN' }], answers }),
)

const CONFIG = `hostname = "mail.example.org"
data_dir = "/var/lib/gavan"
clients = "office"
[ports.submissions]
enabled = true
port = 465
listen = ["192.0.2.1", "::1"]
[[relay]]
host = "smtp.example.net"
port = 587
`

export const PARSERS: readonly Target[] = [
  {
    name: 'mime',
    corpus: LETTER_FILES,
    run(bytes) {
      const whole = scanIn(bytes, Infinity)
      assert.deepEqual(scanIn(bytes, 7), whole, 'the same in any pieces')
      assert.ok(checkPart(whole.summary.root, { end: bytes.length }) <= MIME_PARTS_MAX + 1)
      assert.equal(whole.summary.sizeOctets, bytes.length)
    },
  },
  {
    name: 'header',
    corpus: FIELD_BODIES,
    run(bytes) {
      const text = unfold(bytes.toString('latin1'))
      for (const form of [text, bytes.toString('utf8')]) {
        const found = parseAddressList(form)
        assert.ok(found.length <= ADDRESSES_PER_HEADER_MAX + 2)
        const date = parseHeaderDate(form)
        if (date !== null) assert.ok(Number.isFinite(date.epochMs) && Number.isFinite(date.offsetMinutes))
        const epoch = parseDate(form)
        if (epoch !== null) assert.ok(Number.isFinite(epoch))
        parseMessageIds(form)
        parseContentType(form)
        parseDisposition(form)
        decodeWords(form)
      }
      for (const field of headerFields(bytes)) assert.ok(field !== undefined)
    },
  },
  {
    name: 'content',
    corpus: LETTER_FILES,
    run(bytes) {
      for (const encoding of ['base64', 'quoted-printable', 'uuencode', '8bit']) {
        const decoded = decodeBody(bytes, encoding)
        if (decoded !== null) assert.ok(decoded.length <= bytes.length, `${encoding} grows`)
      }
      for (const charset of ['utf-8', 'koi8-r', 'iso-2022-jp', 'utf-7', 'gb18030', 'utf-16', null])
        decodeCharset(bytes, charset)
      htmlToText(bytes.toString('latin1'))
    },
  },
  {
    name: 'address',
    corpus: lines(
      'a@b.test',
      '"a b\\""@b.test',
      'ü@bücher.test',
      'a@[192.0.2.1]',
      'a@[IPv6:::1]',
      '<@x.test:a@b.test> SIZE=1',
    ),
    run(bytes) {
      for (const text of [bytes.toString('utf8'), bytes.toString('latin1')]) {
        parsePath(text)
        const parsed = parseAddress(text)
        if (!parsed.ok) continue
        const printed = printAddress(parsed.value)
        assert.ok(!/[\r\n\0]/.test(printed), 'an address holds no line end')
        assert.deepEqual(parseAddress(printed), parsed, 'what is printed reads the same')
      }
    },
  },
  {
    name: 'smtp-command',
    corpus: clientStreams('smtp').flatMap((stream) => crlfLines(stream).map((line) => Buffer.from(line, 'latin1'))),
    run(bytes) {
      for (const line of crlfLines(bytes)) {
        const parsed = parseSmtp(Buffer.from(line, 'latin1'))
        if (parsed.ok) continue
        const text = printReply(parsed.error.reply)
        assert.match(text, /^(?:[245]\d\d[ -][^\r\n]*\r\n)+$/)
      }
    },
  },
  {
    name: 'smtp-data',
    corpus: LETTER_FILES,
    run(bytes) {
      const decode = (step: number): { content: string; ended: boolean; bad: string | null } => {
        const decoder = createDataDecoder({ transparency: true })
        let content = ''
        for (let at = 0; at < bytes.length; at += step) {
          const { pieces, ended, bad } = decoder.decode(bytes.subarray(at, at + step))
          for (const piece of pieces) content += piece.toString('latin1')
          if (ended || bad !== null) return { content, ended, bad }
        }
        return { content, ended: false, bad: null }
      }
      const whole = decode(bytes.length + 1)
      const pieces = decode(3)
      if (whole.bad !== null) assert.equal(pieces.bad, whole.bad)
      else assert.deepEqual(pieces, whole, 'the same in any pieces')
    },
  },
  {
    name: 'smtp-reply',
    corpus: lines(
      '250 2.0.0 ok\r\n',
      '250-mail.a.test\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n250 DSN\r\n',
      '354 go\r\n',
      '550-5.1.1 no\r\n550 5.1.1 body\r\n421 bye\r\n',
    ),
    run(bytes) {
      const read = (step: number): string => {
        const parser = createReplyParser()
        const heard: unknown[] = []
        for (let at = 0; at < bytes.length; at += step) {
          parser.push(Buffer.from(bytes.subarray(at, at + step)))
          for (let turn = 0; turn <= bytes.length; turn++) {
            const framed = parser.next()
            if (framed.kind === 'need-more') break
            heard.push(framed)
            if (framed.kind === 'bad') return JSON.stringify(heard)
            assert.ok(framed.reply.lines.length <= OUT_REPLY_LINES_MAX)
            for (const line of framed.reply.lines) assert.ok(!/[\u0000-\u001f\u007f]/.test(line))
            parseEhlo(framed.reply.lines)
          }
        }
        return JSON.stringify(heard)
      }
      assert.equal(read(1), read(bytes.length + 1), 'the same in any pieces')
    },
  },
  {
    name: 'imap-command',
    corpus: clientStreams('imap'),
    run(bytes) {
      const reader = createReader()
      reader.loggedIn()
      reader.push(Buffer.from(bytes))
      for (let turn = 0; turn <= bytes.length + 1; turn++) {
        const received = reader.next()
        if (received.kind === 'need-more') return
        if (received.kind === 'literal') {
          if (reader.fits(received.literal)) reader.keep(received.literal)
          else reader.drop()
        } else if (received.kind === 'command') {
          for (const command of COMMANDS) {
            const cursor = new Cursor(received.bytes, { nestingMax: 20 })
            attempt(() => {
              cursor.tag()
              cursor.space()
              cursor.skip(command.name)
              command.parse(cursor, 'utf8')
            })
            assert.ok(cursor.at <= received.bytes.length, 'reads no further than its end')
          }
        }
      }
      assert.fail('the reader does not come to an end')
    },
  },
  {
    name: 'pop3-command',
    corpus: clientStreams('pop3').flatMap((stream) => crlfLines(stream).map((line) => Buffer.from(line, 'latin1'))),
    run(bytes) {
      parsePop3(bytes)
    },
  },
  {
    name: 'managesieve-command',
    corpus: lines(
      'PUTSCRIPT "a" {5+}',
      'AUTHENTICATE "PLAIN" {4+}\r\nAAAA',
      'NOOP "\\"\\\\"',
      'HAVESPACE "x" 4294967295',
    ),
    run(bytes) {
      announcedLiteral(bytes)
      parseManageSieve(bytes)
      parseResponse(bytes)
    },
  },
  {
    name: 'sasl',
    corpus: lines(
      '\0anna@here.test\0sesame',
      'n,,n=anna@here.test,r=rOprNGfwEbeRWgbNEkqO\nc=biws,r=rOprNGfwEbeRWgbNEkqOnonce,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      'p=tls-exporter,,n=a,r=b\nc=cD10bHM=,r=bnonce,p=AAAA',
      'anna@here.test\nsesame',
      'n,a=anna@here.test,\x01host=here.test\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01\n\x01',
      'user=anna@here.test\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01\n',
    ),
    run(bytes) {
      const responses = bytes
        .toString('latin1')
        .split('\n')
        .map((text) => Buffer.from(text, 'latin1'))
      const [first = Buffer.alloc(0), ...rest] = responses
      exchangeWith(plainExchange(first), rest)
      exchangeWith(loginExchange(null), responses)
      exchangeWith(externalExchange(first), rest)
      exchangeWith(oauthBearerExchange(first), rest)
      exchangeWith(xoauth2Exchange(first), rest)
      for (const parse of [parseOauthBearer, parseXoauth2]) {
        const message = parse(first.toString('latin1'))
        if (typeof message !== 'string') assert.match(message.token, /^[A-Za-z0-9._~+/-]+=*$/) // RFC 6750 §2.1.
      }
      for (const plus of [false, true]) {
        const channelBinding = (): Uint8Array => Buffer.alloc(32, 7)
        exchangeWith(scramExchange(first, { plus, plusOffered: true, channelBinding, serverNonce: 'nonce' }), rest)
      }
    },
  },
  {
    name: 'jwt',
    corpus: lines(
      'eyJhbGciOiJSUzI1NiIsImtpZCI6Im9uZSJ9.eyJpc3MiOiJodHRwczovL2lkLnRlc3QiLCJhdWQiOlsibWFpbCJdLCJleHAiOjE4MDAwMDAwMDAsImVtYWlsIjoiYW5uYUBoZXJlLnRlc3QifQ.AAAA',
      'eyJhbGciOiJub25lIn0.e30.AAAA',
    ),
    run(bytes) {
      const jwt = parseJwt(bytes.toString('latin1'))
      if (typeof jwt === 'string') return
      assert.deepEqual(candidates(jwt, []), [])
      const wanted = { issuer: 'https://id.test', audiences: ['mail'], claim: 'email', scope: null }
      const verdict = judge(jwt.claims, wanted, { now: 1_790_000_000_000, needsAudience: true })
      if (verdict.at === 'ok') assert.equal(jwt.claims['iss'], 'https://id.test')
    },
  },
  {
    name: 'dns',
    corpus: dnsReplies,
    run(bytes) {
      for (const type of ['MX', 'A', 'TXT', 'CNAME'] as const) {
        const question = { id: 7, name: 'a.test', type }
        const reply = decodeReply(bytes, question)
        if (reply.at === 'answer') readAnswer(reply, question, true)
      }
    },
  },
  {
    name: 'proxy',
    corpus: [
      ...lines(
        'PROXY TCP4 198.51.100.7 203.0.113.10 40000 25\r\nEHLO x\r\n',
        'PROXY TCP6 2001:db8::7 ::ffff:1.2.3.4 1 65535\r\n',
        'PROXY UNKNOWN x\r\n',
      ),
      Buffer.from('0d0a0d0a000d0a515549540a2111000cc6336407cb00710a9c400019', 'hex'),
      Buffer.from(`0d0a0d0a000d0a515549540a21210024${'20010db8'.repeat(8)}9c4003e1`, 'hex'),
      Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'),
    ],
    run(bytes) {
      const read = readProxyHeader(bytes)
      if (read.kind !== 'header') return
      assert.ok(read.octets <= bytes.length && read.octets <= PROXY_V2_MAX_OCTETS)
      assert.deepEqual(readProxyHeader(bytes.subarray(0, read.octets)), read, 'what follows does not matter')
      assert.equal(readProxyHeader(bytes.subarray(0, read.octets - 1)).kind, 'need-more')
      for (const end of [read.between?.remote, read.between?.local]) {
        if (end !== undefined) assert.ok(parseIp(end.address) !== null && end.port >= 0 && end.port < 65_536)
      }
    },
  },
  {
    name: 'sieve',
    corpus: SIEVE_CASES.map(({ script }) => Buffer.from(script)),
    async run(bytes) {
      const compiled = compile(bytes.toString('utf8'))
      if (!compiled.ok) {
        assert.ok(compiled.errors.length > 0 && compiled.errors.length <= SIEVE_PROBLEMS_MAX, 'a refusal says why')
        return
      }
      const environment = { ...SIEVE_ENVIRONMENT, limits: { steps: 200_000 } }
      const { error, actions, implicitKeep } = await runSieve(compiled.program, SIEVE_LETTER, environment)
      assert.equal(error?.cause ?? null, null, 'only the script is at fault')
      assert.ok(error === null || (actions.length === 0 && implicitKeep !== null), 'a failure keeps the letter')
    },
  },
  {
    name: 'config',
    corpus: lines(
      CONFIG,
      'hostname = "a.test"\n',
      'hostname = "a.test"\nmessage_max = "50 MB"\ntrusted = [ "10.0.0.0/8" ]\n',
    ),
    async run(bytes) {
      const folder = mkdtempSync(join(tmpdir(), 'gavan-fuzz-'))
      try {
        const path = join(folder, 'gavan.toml')
        writeFileSync(path, bytes)
        const loaded = await loadConfig({ path, env: {}, cores: 1 })
        if (!loaded.ok) assert.ok(loaded.error.length > 0, 'a refusal says why')
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  },
]
