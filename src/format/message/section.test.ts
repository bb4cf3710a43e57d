import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { filterHeader, findPart, sectionRange, type SectionText } from './section.ts'
import { scan } from './testing.ts'

const lines = (...all: string[]): string => all.map((line) => `${line}\r\n`).join('')
const inner = (boundary: string, ...parts: string[]): string[] => [
  `Content-Type: multipart/mixed; boundary=${boundary}`,
  '',
  ...parts.flatMap((part) => [`--${boundary}`, ...part.split('\n')]),
  `--${boundary}--`,
]
const TEXT = 'Content-Type: text/plain\n\n'
const FILE = 'Content-Type: application/octet-stream\n\n'
/** The example of RFC 9051 §6.4.5.1. */
const EXAMPLE = lines(
  'Subject: outer',
  ...inner(
    'a',
    `${TEXT}1`,
    `${FILE}2`,
    ['Content-Type: message/rfc822', '', 'Subject: 3', ...inner('b', `${TEXT}3.1`, `${FILE}3.2`)].join('\n'),
    inner(
      'c',
      'Content-Type: image/gif\n\n4.1',
      [
        'Content-Type: message/rfc822',
        '',
        'Subject: 4.2',
        ...inner('d', `${TEXT}4.2.1`, inner('e', `${TEXT}4.2.2.1`, `${TEXT}4.2.2.2`).join('\n')),
      ].join('\n'),
    ).join('\n'),
  ),
)

const path = (number: string): number[] => (number === '' ? [] : number.split('.').map(Number))

test('part numbers of the RFC’s example (RFC 9051 §6.4.5.1)', () => {
  const { root } = scan(EXAMPLE).summary
  for (const [number, type] of [
    ['1', 'text/plain'],
    ['2', 'application/octet-stream'],
    ['3', 'message/rfc822'],
    ['3.1', 'text/plain'],
    ['3.2', 'application/octet-stream'],
    ['4', 'multipart/mixed'],
    ['4.1', 'image/gif'],
    ['4.2', 'message/rfc822'],
    ['4.2.1', 'text/plain'],
    ['4.2.2', 'multipart/mixed'],
    ['4.2.2.1', 'text/plain'],
    ['4.2.2.2', 'text/plain'],
    ['', null],
    ['0', null],
    ['5', null],
    ['1.1', null],
    ['3.3', null],
    ['4.2.2.2.1', null],
  ] as const) {
    const part = findPart(root, path(number))
    assert.equal(part === null ? null : `${part.type}/${part.subtype}`, type, number)
  }
})

test('sections are the octets of the RFC’s example', () => {
  const { root } = scan(EXAMPLE).summary
  const section = (number: string, text: SectionText): string | null => {
    const range = sectionRange(root, path(number), text)
    return range === null ? null : EXAMPLE.slice(range.start, range.end)
  }
  const multipart = (boundary: string): string => `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n`
  assert.equal(section('', 'all'), EXAMPLE)
  assert.equal(section('', 'header'), `Subject: outer\r\n${multipart('a')}`)
  assert.equal(`${section('', 'header')}${section('', 'text')}`, EXAMPLE)
  assert.equal(section('', 'mime'), null)
  for (const number of ['1', '2', '3.1', '3.2', '4.1', '4.2.1', '4.2.2.1', '4.2.2.2'])
    assert.equal(section(number, 'all'), number)
  assert.equal(section('3', 'header'), `Subject: 3\r\n${multipart('b')}`)
  assert.equal(`${section('3', 'header')}${section('3', 'text')}`, section('3', 'all'))
  assert.equal(section('4.2', 'header'), `Subject: 4.2\r\n${multipart('d')}`)
  assert.equal(section('4.1', 'mime'), 'Content-Type: image/gif\r\n\r\n')
  assert.equal(section('3', 'mime'), 'Content-Type: message/rfc822\r\n\r\n')
  for (const number of ['1', '4', '4.1', '9']) assert.equal(section(number, 'header'), null, number)
  for (const number of ['1', '4', '4.1', '9']) assert.equal(section(number, 'text'), null, number)
})

test('a message that is no multipart has itself as part 1', () => {
  const text = lines('Subject: s', '', 'body')
  const { root } = scan(text).summary
  assert.deepEqual(sectionRange(root, [1], 'all'), { start: root.bodyStart, end: root.bodyEnd })
  assert.deepEqual(sectionRange(root, [1], 'mime'), { start: 0, end: root.bodyStart })
  assert.equal(sectionRange(root, [1], 'header'), null)
  assert.equal(findPart(root, [2]), null)
  assert.equal(findPart(root, [1, 1]), null)
})

test('a message/rfc822 at the root, and one inside it', () => {
  const octets = readFileSync(new URL('../../../test/corpus/rfc822-twice.eml', import.meta.url))
  const { root } = scan(octets).summary
  const read = (number: string, text: SectionText): string => {
    const { start, end } = sectionRange(root, path(number), text)!
    return octets.toString('latin1', start, end)
  }
  assert.equal(read('1.1.1', 'all'), 'last body\r\n')
  assert.equal(read('1', 'header'), 'Subject: Middle\r\nContent-Type: message/rfc822\r\n\r\n')
  assert.equal(read('1.1', 'header'), 'Subject: Last\r\n\r\n')
  assert.equal(read('1.1', 'text'), 'last body\r\n')
})

test('HEADER.FIELDS keeps fields as written, and the empty line', () => {
  const header = Buffer.from('Subject: a\r\n b\r\nTo: x\r\nSUBJECT : c\r\njunk\r\nX-Long-Name: y\r\n\r\n')
  const filter = (names: string[], not = false): string => filterHeader(header, names, { not }).toString()
  assert.equal(filter(['subject']), 'Subject: a\r\n b\r\nSUBJECT : c\r\n\r\n')
  assert.equal(filter(['TO', 'x-long-name', 'none']), 'To: x\r\nX-Long-Name: y\r\n\r\n')
  assert.equal(filter(['none']), '\r\n')
  assert.equal(filter(['subject', 'to'], true), 'junk\r\nX-Long-Name: y\r\n\r\n')
  assert.equal(filter([], true), header.toString())
  assert.equal(filter(['subj']), '\r\n')
  assert.equal(filterHeader(Buffer.from('A: b\n\n'), ['a'], { not: false }).toString(), 'A: b\n\n')
  assert.equal(filterHeader(Buffer.from('A: b\r\n'), ['a'], { not: false }).toString(), 'A: b\r\n')
  assert.equal(filterHeader(Buffer.alloc(0), ['a'], { not: true }).toString(), '')
})
