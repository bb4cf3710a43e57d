import { test } from 'node:test'
import assert from 'node:assert/strict'
import {
  IMAP_COMMAND_MAX_OCTETS,
  IMAP_LINE_BEFORE_LOGIN_MAX_OCTETS,
  IMAP_LINE_MAX_OCTETS,
  IMAP_LITERALS_BEFORE_LOGIN_MAX,
  IMAP_LITERALS_MAX,
  IMAP_LITERAL_BEFORE_LOGIN_MAX_OCTETS,
  IMAP_LITERAL_MAX_OCTETS,
} from '../../model/limits.ts'
import { parseAppendStart, parseAppendNext, type AppendSegment } from './command/append.ts'
import { announced, createReader, type Reader } from './reader.ts'

/** What comes of a text, with literals kept while they fit. */
function play(reader: Reader, text: string | Buffer, size = Infinity): string[] {
  const out: string[] = []
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) {
    reader.push(bytes.subarray(at, at + size))
    for (let r = reader.next(); r.kind !== 'need-more'; r = reader.next()) {
      if (r.kind === 'command') out.push(r.bytes.toString())
      else if (r.kind === 'bad') out.push(`!${r.why} ${r.tag}`)
      else if (reader.fits(r.literal)) {
        reader.keep(r.literal)
        if (r.literal.synchronising) out.push('+')
      } else {
        reader.drop()
        out.push('too big')
      }
    }
  }
  return out
}

test('lines and literals become commands, however they are cut', () => {
  const text = 'a NOOP\r\nb LOGIN {3}\r\nx\r\n {2+}\r\nyz\r\nc NOOP\r\n'
  const wanted = ['a NOOP', '+', 'b LOGIN {3}\r\nx\r\n {2+}\r\nyz', 'c NOOP']
  assert.deepEqual(play(createReader(), text), wanted)
  for (let size = 1; size < 12; size++) assert.deepEqual(play(createReader(), text, size), wanted)
})

test('what a line may end with', () => {
  for (const [line, literal] of [
    ['a {5}', [5, true, false]],
    ['a {5+}', [5, false, false]],
    ['a ~{5}', [5, true, true]],
    ['{0}', [0, true, false]],
    ['a {99999999999999999999}', [Infinity, true, false]],
    ['a {}', null],
    ['a {5', null],
    ['a {9e9+}', null],
    ['a {-1}', null],
    ['a {+}', null],
    ['a 5}', null],
    ['"{5}"', null],
    ['', null],
  ] as const) {
    const found = announced(Buffer.from(line))
    assert.deepEqual(found && [found.sizeOctets, found.synchronising, found.binary], literal, line)
  }
})

test('bad lines name their tag and the next command is read', () => {
  assert.deepEqual(play(createReader(), 'a NO\0OP\r\nb NOOP\n{c\r\n'), ['!nul a', '!bare-lf b', '{c'])
  assert.deepEqual(play(createReader(), 'a LOGIN {1}\r\nx y\nb NOOP\r\n'), ['+', '!bare-lf a', 'b NOOP'])
})

test('limits of lines, before and after login, also as a sum over the lines of one command', () => {
  for (const [max, loggedIn] of [
    [IMAP_LINE_BEFORE_LOGIN_MAX_OCTETS, false],
    [IMAP_LINE_MAX_OCTETS, true],
  ] as const) {
    const reader = createReader()
    if (loggedIn) reader.loggedIn()
    const fits = `a ${'x'.repeat(max - 4)}`
    assert.deepEqual(play(reader, `${fits}\r\n`), [fits])
    assert.deepEqual(play(reader, `${fits}x\r\nb NOOP\r\n`), ['!line-too-long a', 'b NOOP'])
    const half = 'x'.repeat(max / 2)
    assert.deepEqual(play(reader, `a ${half} {1+}\r\n. ${half}\r\nb NOOP\r\n`), ['!command-too-long a', 'b NOOP'])
  }
})

test('limits of literals: each, in number, and in sum', () => {
  const before = createReader()
  const each = IMAP_LITERAL_BEFORE_LOGIN_MAX_OCTETS
  assert.deepEqual(play(before, `a {${each}}\r\n${'x'.repeat(each)}\r\n`).length, 2)
  assert.deepEqual(play(before, `a {${each + 1}}\r\n`), ['too big'])
  const many = '{1+}\r\nx '.repeat(IMAP_LITERALS_BEFORE_LOGIN_MAX)
  assert.deepEqual(play(before, `a ${many}{1}\r\n`), ['too big'])

  const after = createReader()
  after.loggedIn()
  assert.deepEqual(play(after, `a {${IMAP_LITERAL_MAX_OCTETS + 1}}\r\n`), ['too big'])
  assert.deepEqual(play(after, `a ${'{1+}\r\nx '.repeat(IMAP_LITERALS_MAX)}{1}\r\n`), ['too big'])
  const big = `{${IMAP_LITERAL_MAX_OCTETS}+}\r\n${'x'.repeat(IMAP_LITERAL_MAX_OCTETS)} `
  const full = big.repeat(Math.floor(IMAP_COMMAND_MAX_OCTETS / IMAP_LITERAL_MAX_OCTETS))
  assert.deepEqual(play(after, `a ${full}{${IMAP_LITERAL_MAX_OCTETS}}\r\n`), ['too big'])
  for (const size of ['4294967295', '9'.repeat(40)]) assert.deepEqual(play(after, `a {${size}}\r\n`), ['too big'])
})

test('many small literals take linear time', () => {
  const reader = createReader()
  reader.loggedIn()
  const text = `a ${'{1+}\r\nx '.repeat(IMAP_LITERALS_MAX - 1)}{1+}\r\nx\r\n`
  assert.equal(play(reader, text).length, 1)
})

test('discard forgets a command half read', () => {
  const reader = createReader()
  assert.deepEqual(play(reader, 'a LOGIN {3}\r\nx'), ['+'])
  reader.discard()
  assert.deepEqual(play(reader, 'b NOOP\r\n'), ['b NOOP'])
})

test('the head of an APPEND is told from other literals', () => {
  const options = { form: 'utf7', nestingMax: 20 } as const
  const start = (text: string): unknown => {
    const parsed = parseAppendStart(Buffer.from(text), options)
    return parsed.ok ? parsed.value && [parsed.value.mailbox, ...parsed.value.segment.steps] : parsed.error.message
  }
  const octets = (sizeOctets: number, synchronising = true, binary = false): unknown => ({
    do: 'octets',
    literal: { sizeOctets, synchronising, binary },
  })
  const message = { do: 'message', flags: [], internalDate: null }
  assert.deepEqual(start('a APPEND x {5}\r\n'), ['x', message, octets(5)])
  assert.deepEqual(start('a append {1}\r\nx (\\seen) "17-Jul-1996 02:44:25 +0000" ~{5+}\r\n'), [
    'x',
    { do: 'message', flags: ['\\Seen'], internalDate: Date.UTC(1996, 6, 17, 2, 44, 25) },
    octets(5, false, true),
  ])
  assert.deepEqual(start('a APPEND x UTF8 (~{5}\r\n'), ['x', message, octets(5, true, true)])
  assert.deepEqual(start('a APPEND x CATENATE (URL "/y/;UID=1" URL z)'), [
    'x',
    message,
    { do: 'url', url: '/y/;UID=1' },
    { do: 'url', url: 'z' },
    { do: 'end' },
  ])
  assert.deepEqual(start('a REPLACE * x catenate (url y text {5+}\r\n'), [
    'x',
    message,
    { do: 'url', url: 'y' },
    octets(5, false),
  ])
  assert.deepEqual(start('a UID REPLACE 7 x CATENATE (URL {5}\r\n'), [
    'x',
    message,
    { do: 'url-octets', literal: { sizeOctets: 5, synchronising: true, binary: false } },
  ])
  assert.equal(start('a APPEND {5}\r\n'), null)
  assert.equal(start('a LOGIN {5}\r\n'), null)
  assert.equal(start('{5}\r\n'), null)
  for (const text of [
    'a APPEND x (\\Foo) {5}\r\n',
    'a APPEND x "nodate" {5}\r\n',
    'a APPEND x UTF8 ({5}\r\n',
    'a APPEND x {1}\r\ny {5}\r\n',
    'a APPEND x y{5}\r\n',
    'a APPEND "x {5}\r\n',
    'a APPEND x',
    'a APPEND x CATENATE ()',
    'a APPEND x CATENATE (URL y',
    'a APPEND x CATENATE (TEXT y)',
    'a APPEND x CATENATE (URL y) z',
    'a REPLACE x {5}\r\n',
    'a REPLACE 0 x {5}\r\n',
    'a UID REPLACE * x {5}\r\n',
    'a REPLACE 1 x CATENATE (URL y) {5}\r\n',
  ]) {
    assert.equal(typeof start(text), 'string', text)
  }
  const next = (text: string, place: AppendSegment['place'] = 'message-or-end'): unknown => {
    const parsed = parseAppendNext(Buffer.from(text), { after: { steps: [], place, single: false }, nestingMax: 20 })
    return parsed.ok ? parsed.value.steps : parsed.error.message
  }
  const end = { do: 'end' }
  assert.deepEqual(next(''), [end])
  assert.deepEqual(next(')', 'utf8'), [end])
  assert.deepEqual(next(') (\\Seen) {7}\r\n', 'utf8'), [{ ...message, flags: ['\\Seen'] }, octets(7)])
  assert.deepEqual(next(' URL x)', 'part-or-end'), [{ do: 'url', url: 'x' }, end])
  assert.deepEqual(next(' TEXT {7}\r\n', 'part-or-end'), [octets(7)])
  for (const place of ['utf8', 'part-or-end'] as const) assert.equal(typeof next('', place), 'string')
  assert.equal(typeof next('x'), 'string')
})
