import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { attempt, Cursor } from './cursor.ts'
import { parseDate, parseDateTime, printDateTime } from './date.ts'
import { parseFetchItems, parseSection, printSection } from './fetch.ts'
import { parseFlagList, parseStoreFlags } from './flags.ts'
import { decodeUtf7, encodeUtf7, parseMailbox } from './mailbox-name.ts'
import { printAstring, printString } from './print.ts'
import { IMAP_SEARCH_SOURCES_MAX } from '../../model/limits.ts'
import { parseEsearch } from './command/esearch.ts'
import { parseSort } from './command/sort.ts'
import { parseThread } from './command/thread.ts'
import { partOf, parsePartialRange } from './partial.ts'
import { parseSearch } from './search.ts'
import {
  holds,
  intersect,
  merge,
  parseSequenceSet,
  printNumbers,
  printRanges,
  rangesOf,
  resolve,
  STAR,
} from './sequence-set.ts'

const cursor = (text: string, nestingMax = 20): Cursor => new Cursor(Buffer.from(text), { nestingMax })

/** The value, or the fault's text; all must be taken. */
function run<T>(text: string, parse: (cursor: Cursor) => T, nestingMax = 20): T | string {
  const c = cursor(text, nestingMax)
  const outcome = attempt(() => {
    const value = parse(c)
    c.end()
    return value
  })
  return outcome.ok ? outcome.value : `${outcome.error.status} ${outcome.error.message}`
}

const refused = (text: string, parse: (cursor: Cursor) => unknown, nestingMax = 20): void => {
  const outcome = run(text, parse, nestingMax)
  assert.match(String(outcome), /^(BAD|NO) /, `${text.slice(0, 60)} was taken as ${JSON.stringify(outcome)}`)
}

test('RFC 9051 §9: atoms, astrings, strings, literals', () => {
  const astring = (c: Cursor): string => c.astring()
  for (const [text, value] of [
    ['abc', 'abc'],
    ['a]b+c[', 'a]b+c['],
    ['"a b"', 'a b'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['""', ''],
    ['{3}\r\na b', 'a b'],
    ['{3+}\r\na\r\n', 'a\r\n'],
    ['{0}\r\n', ''],
    ['"grüße"', 'grüße'],
  ] as const) {
    assert.equal(run(text, astring), value, text)
  }
  for (const text of [
    '',
    'a b',
    '(a',
    'a"',
    '"a',
    '"a\\x"',
    '"a\r\nb"',
    '{4}\r\nabc',
    '{-1}\r\n',
    '{1}\r\n\0',
    '~{1}\r\na',
    'a%',
  ]) {
    refused(text, astring)
  }
  assert.equal(
    run('%/*', (c) => c.listMailbox()),
    '%/*',
  )
  refused('grüße', astring) // 8-bit only within strings
  assert.equal(attempt(() => new Cursor(Buffer.from([0x22, 0xff, 0x22]), { nestingMax: 1 }).astring()).ok, false)
})

test('printed strings come back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), (text) => {
      const wanted = text.replaceAll('\0', '\u0080')
      assert.equal(
        run(printAstring(text, true), (c) => c.astring()),
        wanted,
      )
      assert.equal(
        run(printString(text), (c) => c.text()),
        wanted,
      )
    }),
  )
  assert.equal(printAstring('nil'), '"nil"')
  assert.equal(printString('a\r\nb'), '{4}\r\na\r\nb')
})

test('sequence sets parse, resolve and print', () => {
  const set = (text: string): unknown => run(text, parseSequenceSet)
  assert.deepEqual(set('$'), { kind: 'saved' })
  assert.deepEqual(set('1:*,7'), {
    kind: 'ranges',
    ranges: [
      { from: 1, to: STAR },
      { from: 7, to: 7 },
    ],
  })
  for (const text of ['', '0', '1,', ',1', '1::2', '1:', '4294967296', '1 2', '-1', '1:$'])
    refused(text, parseSequenceSet)
  // RFC 9051 §9: order within a range does not matter, and `*` is the largest.
  for (const [ranges, largest, printed] of [
    ['*:5', 9, '5:9'],
    ['559:*', 23, '23:559'],
    ['5:1,3,2:4', 9, '1:5'],
    ['1:2,3:4', 9, '1:4'],
    ['*', 0, ''],
    ['1:*', 0, '1'],
  ] as const) {
    const parsed = parseSequenceSet(cursor(ranges))
    assert(parsed.kind === 'ranges')
    assert.equal(printRanges(resolve(parsed.ranges, largest)), printed, ranges)
  }
})

test('property: sets of numbers', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 })).map((list) => list.toSorted((a, b) => a - b))
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      if (a.length > 0) {
        const parsed = parseSequenceSet(cursor(printNumbers(a)))
        assert(parsed.kind === 'ranges')
        assert.deepEqual(resolve(parsed.ranges, 60), rangesOf(a))
      }
      const shared = intersect(rangesOf(a), rangesOf(b))
      for (let n = 1; n <= 61; n++) {
        assert.equal(holds(rangesOf(a), n), a.includes(n))
        assert.equal(holds(shared, n), a.includes(n) && b.includes(n))
        assert.equal(holds(merge([...rangesOf(a), ...rangesOf(b)]), n), a.includes(n) || b.includes(n))
      }
    }),
  )
})

test('modified UTF-7 (RFC 3501 §5.1.3)', () => {
  for (const [wire, name] of [
    ['~peter/mail/&U,BTFw-/&ZeVnLIqe-', '~peter/mail/台北/日本語'],
    ['A&-B', 'A&B'],
    ['&Jjo-!', '☺!'],
    ['Entw&APw-rfe', 'Entwürfe'],
    ['', ''],
    ['&2D3eAA-', '😀'],
  ] as const) {
    assert.equal(decodeUtf7(wire), name, wire)
    assert.equal(encodeUtf7(name), wire, name)
  }
  for (const wire of ['&', 'a&b', '&Jjo', '&Jjo!-', '&AGE-', '&2D0-', '&U,BTFw-&ZeVnLIqe-', '&AB-', '&Jjp-']) {
    assert.equal(decodeUtf7(wire), null, wire)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (name) => {
      assert.equal(decodeUtf7(encodeUtf7(name)), name)
    }),
  )
})

test('mailbox names', () => {
  assert.equal(
    run('iNbOx', (c) => parseMailbox(c, 'utf7')),
    'INBOX',
  )
  assert.equal(
    run('"inbox"', (c) => parseMailbox(c, 'utf8')),
    'INBOX',
  )
  assert.equal(
    run('A&-B', (c) => parseMailbox(c, 'utf8')),
    'A&-B',
  )
  refused('&Jjo', (c) => parseMailbox(c, 'utf7'))
})

test('flags: one case for system flags, no doubles, \\Recent refused', () => {
  assert.deepEqual(run('(\\seen \\SEEN $Forwarded $forwarded x)', parseFlagList), ['\\Seen', '$Forwarded', 'x'])
  assert.deepEqual(run('()', parseFlagList), [])
  assert.deepEqual(run('\\Deleted work', parseStoreFlags), ['\\Deleted', 'work'])
  for (const text of ['(\\Recent)', '(\\*)', '(\\Foo)', '(a  b)', `(${'k'.repeat(51)})`, '(a', '("a")'])
    refused(text, parseFlagList)
})

test('dates', () => {
  assert.equal(run('1-Feb-1994', parseDate), 8797)
  assert.equal(run('"01-feb-1994"', parseDate), 8797)
  assert.equal(run('"17-Jul-1996 02:44:25 -0700"', parseDateTime), Date.UTC(1996, 6, 17, 9, 44, 25))
  assert.equal(run('" 7-Feb-1994 21:52:25 +0130"', parseDateTime), Date.UTC(1994, 1, 7, 20, 22, 25))
  for (const text of ['31-Feb-2020', '1-Foo-2020', '1-Jan-20', '0-Jan-2020', '"1-Jan-2020']) refused(text, parseDate)
  for (const text of ['"17-Jul-1996 24:44:25 -0700"', '"17-Jul-1996 02:44 -0700"', '"17-Jul-1996 02:44:25 0700"'])
    refused(text, parseDateTime)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4102444800 }), (seconds) => {
      assert.equal(run(printDateTime(seconds * 1000), parseDateTime), seconds * 1000)
    }),
  )
})

test('fetch items (RFC 9051 §6.4.5)', () => {
  const labels = (text: string): unknown => {
    const items = run(text, parseFetchItems)
    return typeof items === 'string'
      ? items
      : items.map((i) => (i.item === 'section' ? i.label + (i.marks ? '!' : '') : i.item))
  }
  for (const [text, wanted] of [
    ['ALL', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE']],
    ['full', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY']],
    ['(UID FLAGS uid)', ['UID', 'FLAGS']],
    ['BODY[]', ['BODY[]!']],
    ['BODY.PEEK[]<0.100>', ['BODY[]']],
    ['BODY[1.2.MIME]', ['BODY[1.2.MIME]!']],
    ['BODY[HEADER.FIELDS (DATE From)]', ['BODY[HEADER.FIELDS (DATE From)]!']],
    ['BODY.PEEK[4.1.HEADER.FIELDS.NOT (X)]', ['BODY[4.1.HEADER.FIELDS.NOT (X)]']],
    ['(BODYSTRUCTURE BODY BODY[TEXT])', ['BODYSTRUCTURE', 'BODY', 'BODY[TEXT]!']],
    ['(RFC822 RFC822.HEADER RFC822.SIZE RFC822.TEXT)', ['RFC822!', 'RFC822.HEADER', 'RFC822.SIZE', 'RFC822.TEXT!']],
    ['(BINARY[1]<5.6> BINARY.PEEK[] BINARY.SIZE[1.2])', ['binary', 'binary', 'binary-size']],
  ] as const) {
    assert.deepEqual(labels(text), wanted, text)
  }
  for (const text of [
    '',
    '()',
    'BODY[',
    'BODY[]<0.0>',
    'BODY[]<1>',
    'BODY[MIME]',
    'BODY[0]',
    'BODY[1.]',
    'BODY[FOO]',
    'BODY[HEADER.FIELDS ()]',
    'NOPE',
    '(ALL)',
    'BODY.PEEK',
    'BINARY[HEADER]',
    `BODY[${'1.'.repeat(9)}MIME`,
  ]) {
    refused(text, parseFetchItems)
  }
  assert.equal(printSection({ parts: [1], text: 'HEADER.FIELDS', fields: ['a"b', 'C'] }), '1.HEADER.FIELDS ("a\\"b" C)')
})

test('search keys', () => {
  assert.deepEqual(
    run('RETURN () CHARSET utf-8 UNSEEN (OR FROM a NOT 1:*) MODSEQ "/flags/\\\\draft" all 620162338', parseSearch),
    {
      returns: new Set(['ALL']),
      partial: null,
      charset: 'UTF-8',
      key: {
        key: 'and',
        of: [
          { key: 'not', of: { key: 'flag', flag: '\\Seen' } },
          {
            key: 'or',
            of: [
              { key: 'envelope', field: 'from', text: 'a' },
              { key: 'not', of: { key: 'sequence', set: { kind: 'ranges', ranges: [{ from: 1, to: STAR }] } } },
            ],
          },
          { key: 'modseq', modSeq: 620162338 },
        ],
      },
    },
  )
  for (const text of [
    '',
    'FOO',
    'FROM',
    'OR ALL',
    'NOT',
    '()',
    'BEFORE x',
    'UID',
    'RETURN (FOO) ALL',
    'YOUNGER 0',
    'ALL ALL ',
    'KEYWORD \\Seen',
    'MODSEQ',
  ]) {
    refused(text, parseSearch)
  }
  assert.equal(run('CHARSET KOI8-R ALL', parseSearch), 'NO Charset is not known')
})

test('SORT and THREAD (RFC 5256 §5, RFC 5267 §5)', () => {
  assert.deepEqual(run(' RETURN (MIN PARTIAL -3:-1) (REVERSE DATE subject Subject) us-ascii ALL', parseSort), {
    returns: new Set(['MIN', 'PARTIAL']),
    partial: { first: 1, last: 3, fromEnd: true, text: '-3:-1' },
    criteria: [
      { key: 'DATE', reverse: true },
      { key: 'SUBJECT', reverse: false },
    ],
    charset: 'US-ASCII',
    key: { key: 'all' },
  })
  assert.deepEqual(run(' refs "utf-8" ALL', parseThread), { algorithm: 'REFS', charset: 'UTF-8', key: { key: 'all' } })
  for (const text of [
    '',
    ' ',
    ' (DATE)',
    ' (DATE) UTF-8',
    ' (DATE UTF-8 ALL',
    ' DATE UTF-8 ALL',
    ' (DATE,TO) UTF-8 ALL',
  ])
    refused(text, parseSort)
  for (const text of ['', ' REFS', ' REFS UTF-8', ' (REFS) UTF-8 ALL']) refused(text, parseThread)
  refused(` (DATE) UTF-8 ${'NOT '.repeat(50_000)}ALL`, parseSort)
})

test('ESEARCH: sources (RFC 7377 §4)', () => {
  const sources = (text: string): unknown => {
    const parsed = run(` IN (${text}) ALL`, (c) => parseEsearch(c, 'utf7'))
    return typeof parsed === 'string' ? parsed : parsed.sources
  }
  assert.deepEqual(sources('selected subtree-one &BBYEMQ- mailboxes (inbox "a b") personal'), [
    { of: 'selected' },
    { of: 'subtree-one', names: ['Жб'] },
    { of: 'mailboxes', names: ['INBOX', 'a b'] },
    { of: 'personal' },
  ])
  const names = (count: number): string => `mailboxes (${Array.from({ length: count }, (_, i) => i).join(' ')})`
  assert.equal((sources(names(IMAP_SEARCH_SOURCES_MAX)) as unknown[]).length, 1)
  assert.equal(sources(names(IMAP_SEARCH_SOURCES_MAX + 1)), 'NO Too many mailboxes')
  assert.equal(sources(`personal ${names(IMAP_SEARCH_SOURCES_MAX)}`), 'NO Too many mailboxes')
  for (const text of [
    '',
    'selected-delayed',
    'mailboxes',
    'mailboxes ()',
    'subtree  a',
    'personal,inboxes',
    'personal (a b)',
  ])
    assert.match(String(sources(text)), /^BAD /, text)
})

test('partial ranges name part of a list (RFC 9394 §4)', () => {
  fc.assert(
    fc.property(
      fc.nat(12),
      fc.integer({ min: 1, max: 15 }),
      fc.integer({ min: 1, max: 15 }),
      fc.boolean(),
      (n, a, b, end) => {
        const range = parsePartialRange(cursor(end ? `-${a}:-${b}` : `${a}:${b}`))
        const list = Array.from({ length: n }, (_, i) => i)
        const { start, end: stop } = partOf(range, n)
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        const wanted = list.filter((i) => (end ? n - i : i + 1) >= low && (end ? n - i : i + 1) <= high)
        assert.deepEqual(list.slice(start, Math.max(start, stop)), wanted)
      },
    ),
  )
  for (const text of ['', '1', '1:', '0:1', '-1:2', '1:-2', '1:*', '*:1']) refused(text, parsePartialRange)
})

test('S13: nesting is limited, deep or not, before and after login', () => {
  refused('('.repeat(1_000_000), parseSearch)
  refused(`${'('.repeat(21)}ALL${')'.repeat(21)}`, parseSearch)
  refused(`${'NOT '.repeat(50_000)}ALL`, parseSearch)
  refused(`${'OR ALL '.repeat(50_000)}ALL`, parseSearch)
  refused('((()))', parseFlagList, 2)
  assert.notEqual(typeof run(`${'('.repeat(20)}ALL${')'.repeat(20)}`, parseSearch), 'string')
})

test('property: sections print as they are read', () => {
  const parts = fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 5 })
  const text = fc.constantFrom('HEADER', 'TEXT', null)
  const fields = fc.array(fc.stringMatching(/^[ -~]{1,12}$/), { minLength: 1, maxLength: 4 })
  const section = fc.oneof(
    fc.record({ parts, text, fields: fc.constant([]) }),
    fc.record({ parts, text: fc.constantFrom('HEADER.FIELDS', 'HEADER.FIELDS.NOT'), fields }),
  )
  const inBrackets = (c: Cursor): unknown => {
    const read = parseSection(c)
    c.expect(']')
    return read
  }
  fc.assert(
    fc.property(section, (value) => {
      const printed = printSection(value)
      assert.deepEqual(run(`${printed}]`, inBrackets), { ...value })
    }),
  )
})
