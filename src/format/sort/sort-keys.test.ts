import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { SORT_TEXT_MAX_CHARACTERS, THREAD_REFERENCES_MAX } from '../../model/limits.ts'
import type { SortKeys } from '../../model/message.ts'
import { scan } from '../message/testing.ts'
import { baseSubject } from './base-subject.ts'
import { sortKeysOf } from './sort-keys.ts'

const keysOf = (...lines: readonly string[]): SortKeys => scan(`${lines.join('\r\n')}\r\n\r\n`).summary.sortKeys!

test('base subjects (RFC 5256 §2.1)', () => {
  for (const [subject, base, isReply] of [
    ['', '', false],
    ['plain', 'plain', false],
    ['  two   words\t here ', 'two words here', false],
    ['Re: hello', 'hello', true],
    ['RE:hello', 'hello', true],
    ['re : hello', 'hello', true],
    ['Fw: hello', 'hello', true],
    ['FWD: hello', 'hello', true],
    ['Fwdd: hello', 'Fwdd: hello', false],
    ['Re: Re: Fwd: re: hello', 'hello', true],
    ['Re[2]: hello', 'hello', true],
    ['Re [2] : hello', 'hello', true],
    ['Re[2][3]: hello', 'Re[2][3]: hello', false],
    ['[list] hello', 'hello', false],
    ['[list] Re: hello', 'hello', true],
    ['[a] [b] Re: [c] hello', 'hello', true],
    ['Re: [list] Fwd: hello', 'hello', true],
    ['[list]', '[list]', false],
    ['[a] [b]', '[b]', false],
    ['[a][b] c', 'c', false],
    ['Re: [list]', '[list]', true],
    ['[un[closed] hello', '[un[closed] hello', false],
    ['[open hello', '[open hello', false],
    ['hello (fwd)', 'hello', true],
    ['hello (FWD) (fwd)  ', 'hello', true],
    ['(fwd)', '', true],
    ['[fwd: hello]', 'hello', true],
    ['[Fwd: [fwd: Re: hello (fwd)] ]', 'hello', true],
    ['[fwd: a [b] c]', 'a [b] c', true],
    ['[fwd: a] [b]', '[b]', false],
    ['[Fwd: hello] (fwd)', 'hello', true],
    ['[fwd:]', '', true],
    ['Re:', '', true],
    ['Re: (fwd)', '', true],
    ['regarding: hello', 'regarding: hello', false],
    ['hello re: there', 'hello re: there', false],
    ['Ответ: Re: привет', 'Ответ: Re: привет', false],
    ['Re: Привет (fwd)', 'Привет', true],
    ['İRe: x', 'İRe: x', false],
  ] as const) {
    assert.deepEqual(baseSubject(subject), { text: base, isReply }, subject)
  }
})

/** RFC 5256 §2.1 word for word, one step at a time. */
function slowBaseSubject(subject: string): { text: string; isReply: boolean } {
  let text = subject.replace(/[ \t\r\n]+/g, ' ')
  let isReply = false
  for (;;) {
    for (let m = /(?:\(fwd\)| )$/i.exec(text); m !== null; m = /(?:\(fwd\)| )$/i.exec(text)) {
      if (m[0] !== ' ') isReply = true
      text = text.slice(0, m.index)
    }
    for (;;) {
      const leader = /^(?:(?:\[[^[\]\0]*\] *)*(?:re|fwd?) *(?:\[[^[\]\0]*\] *)?:| )/i.exec(text)
      if (leader !== null) {
        if (leader[0] !== ' ') isReply = true
        text = text.slice(leader[0].length)
        continue
      }
      const blob = /^\[[^[\]\0]*\] */.exec(text)
      if (blob === null || blob[0].length === text.length) break
      text = text.slice(blob[0].length)
    }
    if (!/^\[fwd:.*\]$/is.test(text)) return { text, isReply }
    isReply = true
    text = text.slice(5, -1)
  }
}

test('base subjects are what the steps one by one give', () => {
  const piece = fc.constantFrom('re', 'Fw', 'fwd', ':', ' ', '[', ']', '[x]', '[fwd:', '(fwd)', 'a', 'Ж', '(', ')')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const subject = pieces.join('')
      assert.deepEqual(baseSubject(subject), slowBaseSubject(subject), JSON.stringify(subject))
    }),
    { numRuns: 3000 },
  )
})

test('a subject made to be slow is not', () => {
  const many = 80_000
  for (const subject of [
    '['.repeat(many),
    '[a]'.repeat(many),
    '[fwd:'.repeat(many) + ']'.repeat(many),
    'Re:'.repeat(many),
    `Re${' '.repeat(many)}x`,
    '(fwd)'.repeat(many),
    `${'[a]'.repeat(many)}re:`.repeat(2),
    `[${'a'.repeat(many)}`.repeat(3),
    'Re: [fwd: '.repeat(many),
  ]) {
    const before = process.cpuUsage()
    baseSubject(subject)
    const { user } = process.cpuUsage(before)
    assert.ok(user < 2_000_000, `${subject.slice(0, 20)} took ${user} µs of CPU`) // A square of it would take minutes.
  }
})

test('keys of a message: folded, decoded, first addresses (RFC 5256 §3, RFC 5957 §3)', () => {
  const keys = keysOf(
    'Date: Sun, 31 Dec 2000 16:01:33 -0800',
    'From: =?utf-8?b?0J7Qu9GM0LPQsA==?= <olga@far.test>, b@far.test',
    'To: group: c@far.test;, d@far.test',
    'Cc: Zed@far.test',
    'Subject: Re: [list] =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
    'Message-ID: <a@far.test>',
    'References: <r1@x> <r2@x> <r1@x>',
    'In-Reply-To: <other@x>',
  )
  assert.equal(keys.sentAt, Date.UTC(2001, 0, 1, 0, 1, 33)) // RFC 5256 §2.2's example
  assert.equal(keys.subject, 'GRU\u0308ßE')
  assert.equal(keys.isReply, true)
  assert.deepEqual(
    [keys.from, keys.to, keys.cc, keys.displayFrom, keys.displayTo],
    ['OLGA', 'GROUP', 'ZED', 'ОЛЬГА', 'GROUP'],
  )
  assert.equal(keys.references.length, 3)
  assert.equal(keys.references[0], keys.references[2])
  const nothing = keysOf('X-Nothing: here')
  assert.deepEqual(nothing, {
    sentAt: null,
    subject: '',
    isReply: false,
    from: '',
    to: '',
    cc: '',
    displayFrom: '',
    displayTo: '',
    messageId: null,
    references: [],
  })
  assert.equal(keysOf('From: <a.b@far.test>').displayFrom, 'A.B@FAR.TEST')
  assert.equal(keysOf('From: "" <a.b@far.test>').displayFrom, 'A.B@FAR.TEST')
})

test('sent dates: an unknown zone is UTC, an impossible time is midnight, an impossible day is none (RFC 5256 §2.2)', () => {
  const sent = (date: string): number | null => keysOf(`Date: ${date}`).sentAt
  assert.equal(sent('5 Jan 2026 10:00:00 XYZT'), Date.UTC(2026, 0, 5, 10))
  assert.equal(sent('Mon, 5 Jan 2026 25:61:00 +0000'), Date.UTC(2026, 0, 5))
  assert.equal(sent('5 Jan 2026 24:00 +0100'), Date.UTC(2026, 0, 4, 23))
  assert.equal(sent('31 Feb 2026 10:00:00 +0000'), null)
  assert.equal(sent('31 Feb 2026 25:00:00 +0000'), null)
  assert.equal(sent('tomorrow'), null)
})

test('ids: quotes do not count, case does; In-Reply-To where References says nothing (RFC 5256 §3)', () => {
  const id = (text: string): string | null => keysOf(`Message-ID: ${text}`).messageId
  assert.equal(id('<"01KF8JCEOCBS0045PS"@xxx.yyy.com>'), id('<01KF8JCEOCBS0045PS@xxx.yyy.com>'))
  assert.equal(id('<"a\\b"@x>'), id('<ab@x>'))
  assert.notEqual(id('<A@x>'), id('<a@x>'))
  assert.equal(id('no id'), null)
  const one = id('<r1@x>')
  assert.deepEqual(keysOf('In-Reply-To: Your letter <r1@x> of <r2@x>').references, [one])
  assert.deepEqual(keysOf('References: nonsense', 'In-Reply-To: <r1@x>').references, [one])
  assert.deepEqual(keysOf('References: <r1@x>', 'In-Reply-To: <r2@x>').references, [one])
})

test('keys have limits', () => {
  const long = 'x'.repeat(SORT_TEXT_MAX_CHARACTERS)
  assert.equal(keysOf(`Subject: ${long}y`).subject, long.toUpperCase())
  const ids = Array.from({ length: THREAD_REFERENCES_MAX + 1 }, (_, i) => `<r${i}@x>`)
  const all = keysOf(`References: ${ids.slice(1).join(' ')}`).references
  assert.equal(all.length, THREAD_REFERENCES_MAX)
  const fewer = keysOf(`References: ${ids.join(' ')}`).references
  assert.equal(fewer.length, THREAD_REFERENCES_MAX)
  assert.deepEqual(fewer.slice(1), all.slice(1))
  assert.equal(fewer[0], keysOf('Message-ID: <r0@x>').messageId)
})

test('no key holds what parts keys from one another', () => {
  const { subject, displayFrom } = keysOf('Subject: =?utf-8?q?a=09b=0D=0Ac?=', 'From: =?utf-8?q?x=0Ay=09z=00?= <a@b>')
  assert.equal(subject, 'A B C')
  assert.equal(displayFrom, 'X Y Z ')
})

test('keys can be made from what was kept before there were any', () => {
  for (const fields of [
    ['Subject: Re: one', 'References: <a@x> <b@x>', 'In-Reply-To: <b@x>', 'Message-ID: <c@x>', 'From: a@b.test'],
    ['Subject: two', 'In-Reply-To: <b@x>', 'Date: Mon, 5 Jan 2026 10:00:00 +0200'],
    ['In-Reply-To: <b@x> <c@x>'],
    ['References: <a@x>'],
    ['X-Nothing: here'],
  ]) {
    const { sortKeys, ...summary } = scan(`${fields.join('\r\n')}\r\n\r\n`).summary
    assert.deepEqual(sortKeysOf(summary), sortKeys)
  }
})
