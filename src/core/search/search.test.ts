import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { foldForSearch } from '../../format/charset/fold.ts'
import { createScanner } from '../../format/message/scan.ts'
import type { MessageKey, ModSeq, Uid } from '../../model/ids.ts'
import type { ContentProbe, Mailboxes, StoredMessage } from '../contract.ts'
import { createFinder, createFoldedStream } from './folded-stream.ts'
import { WHOLE_PART_MAX_OCTETS, WINDOW_OCTETS } from './part-text.ts'
import { createContentSearch } from './search.ts'

type Read = [start: number, end: number]

function probe(octets: Buffer): { probe: ContentProbe; reads: Read[] } {
  const scanner = createScanner()
  scanner.push(octets)
  const reads: Read[] = []
  const mailboxes: Pick<Mailboxes, 'read'> = {
    read: (_, start, end) => {
      reads.push([start, end])
      return Promise.resolve(octets.subarray(start, end))
    },
  }
  const message: StoredMessage = {
    uid: 1 as Uid,
    modSeq: 1 as ModSeq,
    flags: [],
    internalDate: 0,
    savedAt: 0,
    sizeOctets: octets.length,
    messageKey: 1 as MessageKey,
    summary: scanner.finish().summary,
  }
  return { probe: createContentSearch().probe(mailboxes as Mailboxes, message), reads }
}

const corpus = (name: string): ContentProbe =>
  probe(readFileSync(new URL(`../../../test/corpus/${name}.eml`, import.meta.url))).probe

test('HEADER: decoded, any case, an empty text asks for the field (RFC 9051 §6.4.4)', async () => {
  for (const [message, name, text, found] of [
    ['utf8-base64', 'Subject', 'привет из', true],
    ['koi8-r-8bit', 'subject', 'РУССКАЯ', true],
    ['words-split-character', 'Subject', 'разрезал посреди буквы', true],
    ['words-mixed', 'Subject', 'Привет мир (fwd)', true],
    ['raw-8bit-header', 'Subject', 'без кодирования', true],
    ['raw-8bit-header', 'From', 'анна', true],
    ['words-in-addresses', 'To', 'müller', true],
    ['words-in-addresses', 'To', 'JOHN@C', true],
    ['words-in-addresses', 'Cc', 'john@c', false],
    ['folded-headers', 'Subject', 'folded three', true],
    ['folded-headers', 'References', '<r2@a.example>', true],
    ['received-chain', 'Received', 'h4.example', true],
    ['plain-ascii', 'Cc', '', false],
    ['plain-ascii', 'MIME-Version', '', true],
    ['obsolete-syntax', 'From', 'petrova', true],
    ['junk-in-header', 'this line', '', false],
    ['two-froms', 'From', 'evil', true],
    ['no-header', 'Subject', '', false],
    ['empty', 'Subject', '', false],
  ] as const) {
    assert.equal(await corpus(message).header(name, text), found, `${message} ${name} ${text}`)
  }
})

test('BODY: decoded text parts, headers of messages inside, not the header', async () => {
  for (const [message, text, found] of [
    ['utf8-qp', 'мягких французских булок', true],
    ['koi8-r-qp', 'СЪЕШЬ ЕЩЁ', true],
    ['windows-1251-base64', 'выпей чаю', true],
    ['koi8-r-8bit', 'чаю', true],
    ['utf8-qp', 'Тема письма', false],
    ['no-charset-8bit', 'кириллица', true],
    ['utf-7', 'mom ☺', true],
    ['html-only', 'Борис! Цена 5 < 6 & 7', true],
    ['html-only', 'color: red', true],
    ['alternative', 'простой текст', true],
    ['mixed-attachment', 'AAEC', false],
    ['mixed-attachment', 'report.pdf', false],
    ['mixed-attachment', 'epilogue', false],
    ['nested-multiparts', 'notes', true],
    ['forwarded-rfc822', 'inner text', true],
    ['forwarded-rfc822', 'carl@c', true],
    ['forwarded-rfc822', 'anna <anna@', false],
    ['rfc822-root', 'Innermost', true],
    ['rfc822-twice', 'last body', true],
    ['rfc822-twice', 'Middle', true],
    ['rfc822-twice', 'Twice', false],
    ['rfc822-base64', 'secret', false],
    ['empty-body', 'x', false],
    ['empty-body', '', true],
    ['empty', 'x', false],
  ] as const) {
    assert.equal(await corpus(message).body(text), found, `${message} ${text}`)
  }
})

test('TEXT: header or body', async () => {
  for (const [message, text, found] of [
    ['utf8-qp', 'Тема письма', true],
    ['utf8-qp', 'булок', true],
    ['utf8-qp', 'subject: тема', true],
    ['utf8-qp', 'нет такого', false],
    ['rfc822-twice', 'Twice', true],
    ['rfc2231-names', 'отчёт за 2026', true],
    ['mixed-attachment', 'REPORT.pdf', true],
    ['empty', '', true],
  ] as const) {
    assert.equal(await corpus(message).text(text), found, `${message} ${text}`)
  }
})

test('reads what a key needs, once', async () => {
  const message = Buffer.from(
    'Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: image/png\r\n\r\npicture\r\n--b--\r\n',
  )
  const { probe: asked, reads } = probe(message)
  assert.equal(await asked.header('Subject', 'S'), true)
  assert.equal(await asked.header('To', ''), false)
  assert.deepEqual(reads.map(([start, end]) => message.toString('latin1', start, end)).length, 1)
  assert.equal(await asked.body('picture'), false)
  assert.equal(await asked.body('TEXT'), true)
  assert.equal(await asked.text('text'), true)
  assert.deepEqual(
    reads.slice(1).map(([start, end]) => message.toString('latin1', start, end)),
    ['text'],
  )
})

test('a large part is searched in windows, across their edges', async () => {
  const word = 'иголка в стоге сена'
  const filler = Buffer.from('сено '.repeat(2000))
  const size = WHOLE_PART_MAX_OCTETS + WINDOW_OCTETS
  const text = Buffer.alloc(size, filler)
  // Near the edge of a window, within its last character and at the end.
  for (const at of [WINDOW_OCTETS - 1, 3 * WINDOW_OCTETS - 17, size - 40]) {
    const kept = Buffer.from(text.subarray(at, at + 40))
    Buffer.from(word).copy(text, at)
    const { probe: asked, reads } = probe(
      Buffer.concat([Buffer.from('Content-Type: text/plain; charset=utf-8\r\n\r\n'), text]),
    )
    assert.equal(await asked.body(word.toUpperCase()), true, `${at}`)
    assert.equal(await asked.body('вилы'), false)
    for (const [start, end] of reads) assert.ok(end - start <= WINDOW_OCTETS)
    kept.copy(text, at)
  }
})

test('a fold in pieces is the fold of the whole, and the finder finds what is there', () => {
  const piece = fc.constantFrom(
    'a',
    'ß',
    'Σ',
    'й',
    'и\u0306',
    '\u0308',
    ' ',
    '\r\n',
    '\u00a0',
    'ﬁ',
    '😀',
    'İ',
    '가',
    '\u1100',
    '\u1161',
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.array(fc.nat(60), { maxLength: 8 }),
      fc.nat(30),
      (letters, cuts, from) => {
        const text = letters.join('')
        const stream = createFoldedStream()
        const pieces: string[] = []
        let at = 0
        for (const cut of cuts.toSorted((a, b) => a - b)) {
          pieces.push(stream.push(text.slice(at, cut)))
          at = Math.max(at, Math.min(cut, text.length))
        }
        pieces.push(stream.push(text.slice(at)), stream.end())
        const whole = foldForSearch(text)
        assert.equal(pieces.join(''), whole)
        const needle = whole.slice(from, from + 5)
        assert.ok(pieces.some(createFinder(needle)))
        assert.ok(!pieces.some(createFinder(`${whole}x`)))
      },
    ),
    { numRuns: 500 },
  )
})
