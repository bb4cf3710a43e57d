/** Words, what they say together, and what a letter counts as. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createScanner } from '../../format/message/scan.ts'
import {
  JUNK_HOSTS_MAX,
  JUNK_KEPT_MS,
  JUNK_TEXT_MAX_CHARACTERS,
  JUNK_TOKENS_MAX,
  JUNK_WORDS_MAX,
} from '../../model/limits.ts'
import { classify } from './classify.ts'
import { labelOf, type Place } from './label.ts'
import { tokensOf } from './tokens.ts'
import { openWordTable } from './word-table.ts'
import type { JunkLabel } from '../../store/contract.ts'

const word = fc.integer({ min: 1, max: 0xffff_ffff })
const letter = fc.uniqueArray(word, { maxLength: 60 }).map((words) => Uint32Array.from(words))
const LETTERS = { good: 40, junk: 30 }

async function tokens(text: string, named = true): Promise<{ hashes: Uint32Array; words: ReadonlySet<string> }> {
  const octets = Buffer.from(text.replaceAll('\n', '\r\n'))
  const scanner = createScanner()
  scanner.push(octets)
  const read = (start: number, end: number): Promise<Uint8Array> => Promise.resolve(octets.subarray(start, end))
  const { hashes, names } = await tokensOf(read, scanner.finish().summary, { named })
  return { hashes, words: new Set(names?.values()) }
}

test('what is learnt and taken back leaves nothing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(letter, fc.constantFrom('good' as const, 'junk' as const)), { maxLength: 8 }),
      (all) => {
        const table = openWordTable()
        for (const [words, what] of all) table.add(words, what, 1)
        for (const [words, what] of all.toReversed()) table.add(words, what, -1)
        for (const [words] of all) for (const each of words) assert.equal(table.get(each), 0)
        let left = 0
        table.each(() => left++)
        assert.equal(left, 0)
      },
    ),
  )
})

test('a table is what it was made of, written and read again; the order of learning does not count', () => {
  fc.assert(
    fc.property(fc.array(letter, { minLength: 1, maxLength: 6 }), (all) => {
      const one = openWordTable()
      const other = openWordTable()
      for (const words of all) one.add(words, 'good', 1)
      for (const words of all.toReversed()) other.add(words.toReversed(), 'good', 1)
      const again = openWordTable(one.encode())
      for (const words of all) {
        for (const each of words) {
          const expected = all.filter((holding) => holding.includes(each)).length
          assert.deepEqual([one.get(each), other.get(each), again.get(each)], [expected, expected, expected])
        }
      }
      again.addAll(other, -1)
      for (const words of all) for (const each of words) assert.equal(again.get(each), 0)
    }),
  )
})

test('what is no table is an empty one', () => {
  for (const octets of [
    new Uint8Array(),
    new Uint8Array(8),
    new Uint8Array(8 * 1000),
    new Uint8Array(8 * 1024).fill(1),
  ])
    assert.equal(openWordTable(octets).size, 0)
})

test('one over: words of an account; the rarest go', () => {
  const table = openWordTable()
  const often = Uint32Array.from({ length: 100 }, (_, i) => 4_000_000_000 + i)
  for (let i = 0; i < 50; i++) table.add(often, 'junk', 1)
  table.add(
    Uint32Array.from({ length: 2 * JUNK_WORDS_MAX }, (_, i) => (i + 1) * 977),
    'good',
    1,
  )
  assert.ok(table.size <= 1.5 * JUNK_WORDS_MAX, String(table.size))
  for (const each of often) assert.equal(table.get(each) >>> 16, 50)
})

test('words say the same in any order, and the opposite when good and junk change places', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(word, fc.nat(30), fc.nat(30)), { maxLength: 300, selector: ([one]) => one }),
      (rows) => {
        const counts = new Map(rows.map(([one, good, junk]) => [one, good | (junk << 16)]))
        const swapped = new Map(rows.map(([one, good, junk]) => [one, junk | (good << 16)]))
        const hashes = Uint32Array.from(rows, ([one]) => one)
        const { probability } = classify(hashes, (one) => counts.get(one) ?? 0, LETTERS)
        assert.ok(probability >= 0 && probability <= 1)
        assert.equal(classify(hashes.toReversed(), (one) => counts.get(one) ?? 0, LETTERS).probability, probability)
        const other = classify(hashes, (one) => swapped.get(one) ?? 0, { good: LETTERS.junk, junk: LETTERS.good })
        assert.ok(Math.abs(other.probability - (1 - probability)) < 1e-6, `${other.probability} of ${probability}`)
      },
    ),
  )
})

test('nothing learnt, nothing said', () => {
  assert.equal(classify(Uint32Array.of(1, 2), () => 0, LETTERS).probability, 0.5)
  assert.equal(classify(Uint32Array.of(1, 2), () => 5, { good: 5, junk: 0 }).probability, 0.5)
  assert.equal(classify(new Uint32Array(), () => 0, LETTERS).probability, 0.5)
})

test('what a letter is made of: text in its charset, HTML as it is read, hosts of links, some of the header', async () => {
  const plain = await tokens(`From: Анна <anna@example.org>
Subject: =?utf-8?b?0KHRh9GR0YIg0LfQsCDQvNCw0Lk=?=
Content-Type: text/plain; charset=koi8-r
Content-Transfer-Encoding: base64

8NLJ18XUINfPIPfAINPdwQ==
`)
  for (const one of [
    'subject:счёт',
    'subject:за май',
    'author=example.org',
    'part=text/plain',
    'charset=koi8-r',
    'from:анна',
    'привет',
    'привет во',
  ])
    assert.ok(plain.words.has(one), `${one}: ${[...plain.words].join(', ')}`)
  const html = await tokens(`From: a@b.example
Content-Type: text/html

<p>Che<b></b>ap <a href="https://shop.spam.example/x?y">pills</a><style>hidden</style> now</p>
`)
  for (const one of ['cheap', 'cheap pills', 'cheap _ now', 'url=shop.spam.example', 'url=spam.example'])
    assert.ok(html.words.has(one), `${one}: ${[...html.words].join(', ')}`)
  assert.ok(!html.words.has('hidden'))
})

test('our own verdict in the header teaches nothing', async () => {
  const letterOf = (more: string): string => `${more}From: a@b.example\nSubject: hello\n\nThe text.\n`
  const with_ = await tokens(
    letterOf('Authentication-Results: x; dmarc=fail\nX-Spam-Status: Yes, score=9\nReceived: from y\n'),
  )
  assert.deepEqual(with_.hashes, (await tokens(letterOf(''))).hashes)
})

test('one over: words, text, hosts; hostile letters cost no more than large ones', async () => {
  const million = Array.from({ length: 1_000_000 }, (_, i) => `w${i.toString(36)}x`).join(' ')
  const many = await tokens(`Subject: x\n\n${million}\n`)
  assert.ok(many.hashes.length <= JUNK_TOKENS_MAX)
  const late = await tokens(`Subject: x\n\n${'same '.repeat(JUNK_TEXT_MAX_CHARACTERS / 5)}afterwards\n`)
  assert.ok(late.words.has('same') && !late.words.has('afterwards'))
  const links = Array.from({ length: JUNK_HOSTS_MAX + 1 }, (_, i) => `http://h${i}.test/`).join('\n')
  const hosts = await tokens(`Subject: x\n\n${links}\n`)
  assert.ok(hosts.words.has(`url=h${JUNK_HOSTS_MAX - 1}.test`) && !hosts.words.has(`url=h${JUNK_HOSTS_MAX}.test`))
  const long = await tokens(`Subject: x\n\n${'a'.repeat(25 * 1024 * 1024)}\n`)
  assert.ok(long.hashes.length < 10)
})

test('no names are made where nobody asks', async () => {
  const one = await tokens('Subject: x\n\nsome text here\n', false)
  assert.equal(one.words.size, 0)
  assert.deepEqual(one.hashes, (await tokens('Subject: x\n\nsome text here\n')).hashes)
})

test('what a letter counts as', () => {
  const CAME = 1000
  const LATER = CAME + JUNK_KEPT_MS
  type Row = [what: string, place: Place, flags: string, before: [JunkLabel, number] | null, more: { moved?: number; at?: number; fresh?: boolean }, label: JunkLabel | null] // prettier-ignore
  const rows: Row[] = [
    ['moved to Junk', 'junk', '', ['waiting', CAME], { moved: 2000 }, 'junk'],
    ['moved to Junk before it was seen elsewhere', 'junk', '', null, { moved: 2000 }, 'junk'],
    ['uploaded to Junk', 'junk', '', null, {}, 'junk'],
    ['put there by our verdict', 'junk', '', null, { fresh: true }, 'verdict'],
    ['and read there', 'junk', '\\Seen', ['verdict', CAME], { fresh: true }, null],
    ['and confirmed by a mark', 'junk', '$Junk', ['verdict', CAME], { fresh: true }, 'junk'],
    ['and taken out', 'good', '', ['verdict', CAME], { moved: 2000 }, 'good'],
    ['taken out with the mark still on it', 'good', '$Junk', ['junk', CAME], { moved: 2000 }, 'good'],
    ['then read', 'good', '$Junk \\Seen', ['good', 2000], { moved: 2000 }, null],
    ['and put back', 'junk', '', ['good', 2000], { moved: 3000 }, 'junk'],
    ['thrown away', 'none', '', ['junk', CAME], { moved: 2000 }, null],
    ['marked as not junk in Junk', 'junk', '$NotJunk', ['junk', CAME], {}, 'good'],
    ['as other programs mark', 'junk', 'NonJunk', ['junk', CAME], {}, 'good'],
    ['both marks', 'good', '$Junk $NotJunk', null, {}, 'waiting'],
    ['marked as junk where it lies', 'good', 'Junk', ['waiting', CAME], {}, 'junk'],
    ['copied to Junk, the other read', 'good', '\\Seen', ['junk', 2000], {}, null],
    ['new', 'good', '', null, {}, 'waiting'],
    ['read at once', 'good', '\\Seen', ['waiting', CAME], { at: LATER - 1 }, null],
    ['read and kept', 'good', '\\Seen', ['waiting', CAME], { at: LATER }, 'good'],
    ['kept, never read', 'good', '', ['waiting', CAME], { at: LATER }, 'unread'],
    ['read much later', 'good', '\\Seen', ['unread', CAME], { at: LATER }, 'good'],
    ['answered', 'good', '\\Answered', ['waiting', CAME], {}, 'good'],
    ['sent', 'sent', '\\Seen', null, {}, 'sent'],
    ['sent, moved to Junk', 'junk', '', ['sent', CAME], { moved: 2000 }, null],
  ]
  for (const [what, place, flags, before, { moved, at, fresh = false }, label] of rows) {
    const entry = { flags: flags === '' ? [] : flags.split(' '), internalDate: CAME, savedAt: moved ?? CAME }
    const known = before === null ? null : { label: before[0], savedAt: before[1] }
    assert.equal(labelOf(entry, place, { before: known, fresh, now: at ?? 5000 }), label, what)
  }
})
