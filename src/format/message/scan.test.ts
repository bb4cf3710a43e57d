import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ADDRESSES_PER_HEADER_MAX,
  ADDRESSES_PER_MESSAGE_MAX,
  BOUNDARY_MAX_OCTETS,
  HEADER_BLOCK_MAX_OCTETS,
  HEADER_LINES_MAX,
  MIME_DEPTH_MAX,
  MIME_HEADERS_MAX_OCTETS,
  MIME_PARTS_MAX,
  PREVIEW_MAX_CHARACTERS,
} from '../../model/limits.ts'
import { allParts, scan, shape } from './testing.ts'

const lines = (...all: string[]): string => all.map((line) => `${line}\r\n`).join('')
const mixed = (boundary: string, ...rest: string[]): string =>
  lines(`Content-Type: multipart/mixed; boundary=${boundary}`, '', ...rest)

test('the header summary (RFC 9051 §7.5.2)', () => {
  const { summary, receivedCount, fromCount } = scan(
    lines(
      'Return-Path: <a@x.example>',
      'Received: by h1.example; Tue, 24 Nov 2026 07:00:00 +0000',
      'received: by h2.example; Tue, 24 Nov 2026 07:00:00 +0000',
      'Date: Tue, 24 Nov 2026 10:00:00 +0300',
      'FROM: =?utf-8?B?0JDQvdC90LA=?= <a@x.example>',
      'Sender: s@x.example',
      'Reply-To: r@x.example',
      'To: t@y.example',
      'To: u@y.example',
      'Cc: c@y.example',
      'Bcc: b@y.example',
      'Subject: =?utf-8?Q?=D0=96?=',
      ' =?utf-8?Q?=D0=96?=',
      'Subject: another',
      'Message-ID: <1@x.example>',
      'In-Reply-To: <r2@x.example>',
      'References: <r1@x.example> <r2@x.example>',
      '',
      'Text.',
    ),
  )
  const at = (mailbox: string, host: string, name: string | null = null) => ({ name, mailbox, host })
  assert.deepEqual(summary.header, {
    date: 'Tue, 24 Nov 2026 10:00:00 +0300',
    subject: '=?utf-8?Q?=D0=96?= =?utf-8?Q?=D0=96?=',
    from: [at('a', 'x.example', '=?utf-8?B?0JDQvdC90LA=?=')],
    sender: [at('s', 'x.example')],
    replyTo: [at('r', 'x.example')],
    to: [at('t', 'y.example'), at('u', 'y.example')],
    cc: [at('c', 'y.example')],
    bcc: [at('b', 'y.example')],
    inReplyTo: '<r2@x.example>',
    messageId: '<1@x.example>',
  })
  assert.deepEqual(summary.references, ['<r1@x.example>', '<r2@x.example>'])
  assert.equal(summary.sentAt, Date.UTC(2026, 10, 24, 7))
  assert.deepEqual([receivedCount, fromCount], [2, 1])
})

test('a trace header pushed first belongs to the message', () => {
  const own = 'Received: from a by b; now\r\n'
  const { summary, receivedCount } = scan(own + lines('Received: x', 'Subject: s', '', 'body'), own.length)
  assert.equal(receivedCount, 2)
  assert.equal(summary.header.subject, 's')
  assert.equal(summary.root.headerStart, 0)
})

test('fields of a part (RFC 2045, 2183, 3282)', () => {
  const { root } = scan(
    lines(
      'Content-Type: Image/PNG; Name="a b.png"',
      'Content-Transfer-Encoding: BASE64 (of course)',
      'Content-ID: <1@x.example>',
      'Content-Description: a',
      ' picture',
      'Content-Disposition: Attachment; filename=a.png',
      'Content-Language: ru, en',
      'Content-Location: http://x.example/',
      ' a.png',
      'Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==',
      '',
      'AAAA',
    ),
  ).summary
  const { headerStart, bodyStart, bodyEnd, ...facts } = root
  assert.deepEqual(facts, {
    type: 'image',
    subtype: 'png',
    parameters: [['Name', 'a b.png']],
    contentId: '<1@x.example>',
    description: 'a picture',
    encoding: 'base64',
    disposition: { type: 'attachment', parameters: [['filename', 'a.png']] },
    language: ['ru', 'en'],
    location: 'http://x.example/a.png',
    md5: 'Q2hlY2sgSW50ZWdyaXR5IQ==',
    lines: 1,
    parts: [],
    message: null,
  })
  assert.deepEqual([headerStart, bodyEnd - bodyStart], [0, 6])
})

test('what is ambiguous has one meaning (S10)', () => {
  for (const [message, expected] of [
    [lines('Content-Type: text/html', 'Content-Type: text/plain', '', 'x'), 'html'],
    [lines('Content-Type: nonsense', '', 'x'), 'plain'],
    [mixed('a', '--a', '', 'x', '--a--'), 'mixed(plain)'],
    [mixed('a', '--a', '', 'x', '--a', '', 'y'), 'mixed(plain plain)'],
    [mixed('a', '--a', '', 'x', '--a--', '--a', '', 'y', '--a--'), 'mixed(plain)'],
    [mixed('a', '--a--', '--a', '', 'y'), 'plain'],
    [mixed('a', 'no part'), 'plain'],
    [mixed('""', '--', '', 'x', '----'), 'plain'],
    [lines('Content-Type: multipart/mixed', '', '--', '', 'x'), 'plain'],
    [mixed('"a "', '--a', '', 'x', '--a--'), 'mixed(plain)'],
    [mixed('a', '--a \t', '', 'x', '--a-- '), 'mixed(plain)'],
    [mixed('a', '--ab', '', 'x', '--a b', '--a', '', 'y', '--a--x'), 'mixed(plain)'],
    [mixed('a', ' --a', '', 'x', '--a', '', 'y'), 'mixed(plain)'],
    [mixed('a', '--A', '', 'x', '--a', '', 'y'), 'mixed(plain)'],
    [mixed('a--', '--a--', '', 'x', '--a----'), 'mixed(plain)'],
    [mixed("x; boundary*=us-ascii''b", '--x', '', 'x', '--b', '', 'y', '', '--b--'), 'mixed(plain)'],
    [lines('Content-Type: multipart/mixed; boundary*0=a; boundary*1=b', '', '--ab', '', 'x', '--ab--'), 'mixed(plain)'],
    [
      mixed(
        'a',
        '--a',
        'Content-Type: multipart/alternative; boundary=b',
        '',
        '--b',
        '',
        'x',
        '--a',
        '',
        'y',
        '--b',
        '',
        'z',
        '--a--',
      ),
      'mixed(alternative(plain) plain)',
    ],
    [
      mixed(
        'a',
        '--a',
        'Content-Type: multipart/alternative; boundary=a',
        '',
        '--a',
        '',
        'x',
        '--a--',
        '--a',
        '',
        'y',
        '--a--',
      ),
      'mixed(alternative(plain) plain)',
    ],
    [
      mixed(
        'a',
        '--a',
        'Content-Type: multipart/alternative; boundary="a--"',
        '',
        '--a--',
        '',
        'x',
        '--a----',
        '--a--',
      ),
      'mixed(alternative(plain))',
    ],
    [mixed('a', '--a', 'Content-Type: text/html', '--a--'), 'mixed(html)'],
    [mixed('a', '--a', '--a', '--a--'), 'mixed(plain plain)'],
    [mixed('a', '--a', '', 'x').slice(0, -3), 'mixed(plain)'],
    [mixed('a', '--a', '', 'x', '--a').slice(0, -2), 'mixed(plain)'],
    [
      mixed('a', '--a', 'Content-Type: message/rfc822', '', 'Subject: i', '', 'x', '--a', '', 'y', '--a--'),
      'mixed(message/rfc822[plain] plain)',
    ],
    [
      mixed('a', '--a', 'Content-Type: message/rfc822', '', '--a', '', 'y', '--a--'),
      'mixed(message/rfc822[plain] plain)',
    ],
    [mixed('a', '--a', 'Content-Type: message/rfc822', '--a--'), 'mixed(message/rfc822[plain])'],
    [
      mixed('a', '--a', 'Content-Type: message/global', '', 'Subject: i', '', 'x', '--a--'),
      'mixed(message/global[plain])',
    ],
    [
      mixed('a', '--a', 'Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', '', 'AAAA', '--a--'),
      'mixed(application/octet-stream)',
    ],
    [
      mixed('a', '--a', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; x', '--a--'),
      'mixed(message/delivery-status)',
    ],
    [mixed('a', '--a', '', 'x', '--a--').replace('mixed', 'digest'), 'digest(message/rfc822[plain])'],
    [mixed('a', '--a', 'Content-Type: junk', '', 'x', '--a--').replace('mixed', 'digest'), 'digest(plain)'],
    ['', 'plain'],
    ['\r\n', 'plain'],
    ['no header at all', 'plain'],
  ] as const) {
    for (const text of [message, message.replaceAll('\r\n', '\n')]) {
      assert.equal(shape(scan(text).summary.root), expected, JSON.stringify(text))
    }
  }
})

test('a delimiter owns the line break before it (RFC 2046 §5.1.1); lines are counted', () => {
  const message = mixed(
    'a',
    'preamble',
    '--a',
    '',
    'one',
    'two',
    '',
    '--a',
    '',
    '',
    '--a',
    '',
    '--a',
    'X: y',
    '--a--',
    'epilogue',
  )
  for (const text of [message, message.replaceAll('\r\n', '\n')]) {
    const { root } = scan(text).summary
    const bodies = root.parts.map((part) => [
      text.slice(part.bodyStart, part.bodyEnd).replaceAll('\r\n', '\n'),
      part.lines,
    ])
    assert.deepEqual(bodies, [
      ['one\ntwo\n', 2],
      ['', 0],
      ['', 0],
      ['', 0],
    ])
    assert.equal(root.bodyEnd, text.length)
    assert.equal(root.lines, 15)
    assert.equal(text.slice(root.parts[3]!.headerStart, root.parts[3]!.bodyStart), 'X: y')
  }
})

test('a part holds also an empty part that starts where its end is looked for', () => {
  const message = mixed(
    'a',
    '--a',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    'x',
    '--b',
    '--a',
    '',
    'y',
    '--a--',
  )
  const [inner] = scan(message).summary.root.parts
  assert.equal(inner!.bodyEnd, inner!.parts[0]!.bodyEnd)
  assert.ok(message.slice(0, inner!.bodyEnd).endsWith('--b\r\n'))
})

test('8-bit and NUL are told, not hidden', () => {
  const nul = (message: string): unknown => scan(message).malformed
  const none = { headerTooLarge: false, headerHasNul: false, bodyHasNul: false }
  assert.deepEqual(nul('A: b\r\n\r\nc'), none)
  assert.deepEqual(nul('A: \0\r\n\r\nc'), { ...none, headerHasNul: true })
  assert.deepEqual(nul('A: b\r\n\r\n\0'), { ...none, bodyHasNul: true })
  assert.deepEqual(nul('A: \0\r\n\r\n\0'), { ...none, headerHasNul: true, bodyHasNul: true })
})

test('HEADER_BLOCK_MAX_OCTETS', () => {
  const block = (octets: number): string => `A: ${'x'.repeat(octets - 22)}\r\nSubject: last\r\n\r\n`
  assert.equal(block(100).length, 100)
  const fits = scan(`${block(HEADER_BLOCK_MAX_OCTETS)}body`)
  assert.deepEqual([fits.malformed.headerTooLarge, fits.summary.header.subject], [false, 'last'])
  const over = scan(`${block(HEADER_BLOCK_MAX_OCTETS * 2)}body`)
  assert.deepEqual([over.malformed.headerTooLarge, over.summary.header.subject], [true, null])
  assert.equal(over.summary.root.bodyEnd - over.summary.root.bodyStart, 4, 'the body starts where it does')
  assert.equal(scan(`${block(HEADER_BLOCK_MAX_OCTETS + 1)}body`).malformed.headerTooLarge, true)
})

test('HEADER_LINES_MAX, folded lines not counted', () => {
  const { malformed } = scan('A: b\r\n c\r\n'.repeat(HEADER_LINES_MAX))
  assert.equal(malformed.headerTooLarge, false)
  const over = scan(`${'A: b\r\n'.repeat(HEADER_LINES_MAX)}Subject: s\r\n\r\n`)
  assert.deepEqual([over.malformed.headerTooLarge, over.summary.header.subject], [true, null])
})

test('ADDRESSES_PER_HEADER_MAX and ADDRESSES_PER_MESSAGE_MAX', () => {
  const { header } = scan(
    'To: a@b.c\r\n'.repeat(900) + `Cc: ${'a@b.c,'.repeat(ADDRESSES_PER_HEADER_MAX + 1)}\r\n\r\n`,
  ).summary
  assert.deepEqual([header.to.length, header.cc.length], [900, ADDRESSES_PER_HEADER_MAX])
  const digest = mixed(
    'a',
    ...Array.from({ length: 20 }, () => `--a\r\n\r\nTo: ${'a@b,'.repeat(1000)}\r\n\r\n`),
  ).replace('mixed', 'digest')
  const all = allParts(scan(digest).summary.root).map((part) => part.message?.summary.to.length ?? 0)
  assert.equal(
    all.reduce((sum, count) => sum + count, 0),
    ADDRESSES_PER_MESSAGE_MAX,
  )
})

test('MIME_DEPTH_MAX: what lies deeper is one leaf', () => {
  const nested = (count: number): string => Array.from({ length: count }, (_, i) => mixed(`b${i}`, `--b${i}`)).join('')
  const depth = (message: string): number => {
    let count = 0
    for (let part = scan(message).summary.root; ; count++) {
      const next = part.message?.root ?? part.parts[0]
      if (next === undefined) return count
      part = next
    }
  }
  assert.equal(depth(nested(10)), 10)
  assert.equal(depth(nested(1000)), MIME_DEPTH_MAX)
  assert.equal(depth('Content-Type: message/rfc822\r\n\r\n'.repeat(10_000)), MIME_DEPTH_MAX)
})

test('MIME_PARTS_MAX: the last part takes the rest', () => {
  const message = mixed('a', ...Array.from({ length: MIME_PARTS_MAX + 500 }, (_, i) => `--a\r\n\r\n${i}`))
  const { root } = scan(message).summary
  assert.equal(allParts(root).length, MIME_PARTS_MAX)
  assert.equal(root.parts.at(-1)!.bodyEnd, message.length)
  const digest = message.replace('mixed', 'digest')
  assert.equal(allParts(scan(digest).summary.root).length, MIME_PARTS_MAX)
})

test('MIME_HEADERS_MAX_OCTETS: past it the rest is one leaf', () => {
  const part = `--a\r\nX: ${'x'.repeat(100_000)}\r\n`
  const { root } = scan(mixed('a', ...Array.from({ length: 100 }, () => part))).summary
  assert.equal(root.parts.length, Math.ceil(MIME_HEADERS_MAX_OCTETS / 100_007) + 1)
})

test('BOUNDARY_MAX_OCTETS', () => {
  const message = (length: number): string =>
    mixed('b'.repeat(length), `--${'b'.repeat(length)}`, '', 'x', `--${'b'.repeat(length)}-- `)
  assert.equal(shape(scan(message(BOUNDARY_MAX_OCTETS)).summary.root), 'mixed(plain)')
  assert.equal(shape(scan(message(BOUNDARY_MAX_OCTETS + 1)).summary.root), 'plain')
})

test('previews (RFC 8970 §3.2)', () => {
  const preview = (...message: string[]): string => scan(lines(...message)).summary.preview
  assert.equal(preview('', '  Hello\tthere,', '', 'world \u200b!'), 'Hello there, world !')
  assert.equal(preview('', 'ж'.repeat(1000)).length, PREVIEW_MAX_CHARACTERS)
  assert.equal(preview('', `${'x'.repeat(PREVIEW_MAX_CHARACTERS - 1)}😀`).length, PREVIEW_MAX_CHARACTERS - 1)
  assert.equal(
    preview('Content-Type: text/plain; charset=koi8-r', 'Content-Transfer-Encoding: base64', '', '8NLJ18XU'),
    'Привет',
  )
  assert.equal(preview('Content-Type: text/html', '', '<p>a</p><p>b<i>c</i> &amp; &#1078;</p>'), 'a bc & ж')
  assert.equal(preview('Content-Type: image/png', '', 'x'), '')
  assert.equal(preview('Content-Type: text/plain', 'Content-Disposition: attachment', '', 'x'), '')
  const html = ['--a', 'Content-Type: text/html', '', '<p>html</p>']
  assert.equal(preview(...mixed('a', ...html, '--a', '', 'plain', '--a--').split('\r\n')), 'plain')
  assert.equal(preview(...mixed('a', '--a', '', ' ', ...html, '--a--').split('\r\n')), 'html')
  assert.equal(preview(...mixed('a', '--a', '', ' ', '--a', '', 'second', '--a--').split('\r\n')), 'second')
  const inner = ['--a', 'Content-Type: message/rfc822', '', '', 'inner', '--a--']
  assert.equal(preview(...mixed('a', ...inner).split('\r\n')), '')
})
