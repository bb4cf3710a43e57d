import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { parseFromLine, printFromLine } from './from-line.ts'
import { fromQuoting } from './quoting.ts'
import { type MboxLetter, mboxSplitter } from './splitter.ts'
import { printStatus, takeStatus } from './status.ts'

const DATE = Date.UTC(2026, 10, 24, 5, 48, 12)

/** As it comes out whatever the pieces are. */
function inPieces(text: string, sizes: readonly number[], push: (chunk: Buffer) => void): void {
  const bytes = Buffer.from(text, 'latin1')
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : sizes[i % sizes.length]!
    push(bytes.subarray(at, at + size))
    at += size
  }
}

function split(text: string, sizes: readonly number[] = []): string[] | 'not-mbox' {
  const splitter = mboxSplitter()
  const letters: MboxLetter[] = []
  inPieces(text, sizes, (chunk) => letters.push(...splitter.push(chunk)))
  const last = splitter.finish()
  if (last === null) return 'not-mbox'
  return [...letters, ...last].map(({ start, end }) => text.slice(start, end))
}

function quoted(what: 'quote' | 'unquote', text: string, sizes: readonly number[] = []): string {
  const rewriter = fromQuoting(what)
  let out = ''
  inPieces(text, sizes, (chunk) => (out += Buffer.from(rewriter.push(chunk)).toString('latin1')))
  return out + Buffer.from(rewriter.finish()).toString('latin1')
}

const pieceSizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 })

suite('From_ lines', () => {
  const known: readonly [string, number | null][] = [
    ['From ann@a.test Tue Nov 24 05:48:12 2026', DATE],
    ['From - Tue Nov 24 05:48:12 2026', DATE],
    ['From 17@xxx Tue Nov 24 08:48:12 +0300 2026', DATE],
    ['From ann@a.test  Tue Nov  4 05:48 2026', Date.UTC(2026, 10, 4, 5, 48)],
    ['From here on, things went wrong', null],
    ['From May 4 on 2026', null],
    ['from ann Tue Nov 24 05:48:12 2026', null],
  ]
  for (const [line, date] of known) test(line, () => assert.equal(parseFromLine(line), date))
  test('what is printed is read back; a sender cannot break the line', () => {
    for (const sender of ['ann@a.test', '', 'a\nFrom b', '"a b"@c.test'])
      assert.equal(parseFromLine(printFromLine(sender, DATE + 5)), DATE)
    assert.ok(!printFromLine('a\nb', DATE).includes('\n'))
  })
})

suite('splitting', () => {
  const from = 'From a Tue Nov 24 05:48:12 2026\n'
  const cases: readonly [string, string, string[] | 'not-mbox'][] = [
    ['an empty file', '', []],
    ['one letter', `${from}A: b\n\nbody\n\n`, ['A: b\n\nbody\n']],
    ['two letters', `${from}A: b\n\none\n\n${from}C: d\n\ntwo\n\n`, ['A: b\n\none\n', 'C: d\n\ntwo\n']],
    ['no empty line at the end', `${from}A: b\n\none\n`, ['A: b\n\none\n']],
    ['CRLF', `${from}A: b\n\none\n\n${from}x`.replaceAll('\n', '\r\n'), ['A: b\r\n\r\none\r\n', 'x']],
    [
      'text that begins so',
      `${from}A: b\n\nFrom here on\n\nFrom then on\n\n`,
      ['A: b\n\nFrom here on\n\nFrom then on\n'],
    ],
    ['no empty line before', `${from}A: b\n\none\n${from}\n`, [`A: b\n\none\n${from}`]],
    ['empty letters', `${from}\n${from}\n`, ['', '']],
    ['something else', 'A: b\n\nbody', 'not-mbox'],
    ['something else, long', 'x'.repeat(5000), 'not-mbox'],
    ['a mark at the very end', `${from}a\n\nFrom `, ['a\n\nFrom ']],
    ['a long line', `${from}a\n\nFrom ${'x'.repeat(3000)}\n`, [`a\n\nFrom ${'x'.repeat(3000)}\n`]],
  ]
  for (const [what, text, expected] of cases) {
    test(what, () => {
      assert.deepEqual(split(text), expected)
      for (const size of [1, 2, 3, 7]) assert.deepEqual(split(text, [size]), expected, `in pieces of ${size}`)
    })
  }
  test('any text in any pieces', () => {
    const words = fc.constantFrom('\n', '\r\n', '\nFrom ', from, 'From ', 'x', '\n\n')
    fc.assert(
      fc.property(fc.array(words, { maxLength: 20 }), pieceSizes, (parts, sizes) => {
        const text = from + parts.join('')
        assert.deepEqual(split(text, sizes), split(text))
      }),
    )
  })
})

suite('quoting', () => {
  test('mboxrd', () => {
    assert.equal(
      quoted('quote', 'From a\n>From b\nFrom\n >From c\nxFrom d\n'),
      '>From a\n>>From b\nFrom\n >From c\nxFrom d\n',
    )
    assert.equal(
      quoted('unquote', 'From a\n>From b\n>>From c\n>Fro\n> From d\n'),
      'From a\nFrom b\n>From c\n>Fro\n> From d\n',
    )
  })
  test('what is quoted is unquoted again, in any pieces', () => {
    const words = fc.constantFrom('\n', '\r\n', '>', 'From ', 'Fro', 'm ', 'x', 'F', '\n>From ')
    fc.assert(
      fc.property(fc.array(words, { maxLength: 20 }), pieceSizes, (parts, sizes) => {
        const text = parts.join('')
        const written = quoted('quote', text, sizes)
        assert.equal(written, quoted('quote', text))
        assert.doesNotMatch(written, /^From /m)
        assert.equal(quoted('unquote', written, sizes), text)
      }),
    )
  })
})

suite('status', () => {
  test('flags come and go as fields', () => {
    const flags = ['\\Seen', '\\Answered', '\\Flagged', '\\Draft', '\\Deleted', 'Work', '$Forwarded']
    const header = `Subject: x\n${printStatus(flags)}\n`
    const taken = takeStatus(Buffer.from(header))
    assert.deepEqual([...taken.flags].toSorted(), flags.toSorted())
    assert.equal(taken.header.toString(), 'Subject: x\n\n')
    assert.deepEqual(takeStatus(Buffer.from(`A: b\n${printStatus([])}\n`)).flags, [])
  })
  test('folded fields, CRLF, Thunderbird; nothing else is touched', () => {
    const taken = takeStatus(
      Buffer.from('X-Keywords: a\r\n\tb\r\nReceived: x\r\n\ty\r\nX-Mozilla-Status: 000b\r\nStatusline: s\r\n\r\n'),
    )
    assert.deepEqual(taken.flags, ['a', '\\Seen', '\\Answered'])
    assert.equal(taken.gone, true)
    assert.equal(taken.header.toString(), 'Received: x\r\n\ty\r\nStatusline: s\r\n\r\n')
  })
})
