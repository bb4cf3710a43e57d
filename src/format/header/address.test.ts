import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ADDRESS_NESTING_MAX, ADDRESSES_PER_HEADER_MAX } from '../../model/limits.ts'
import { parseAddressList } from './address.ts'
import { parseMessageIds } from './message-id.ts'

const END = [null, null, null] as const
const read = (text: string): (string | null)[][] =>
  parseAddressList(text).map(({ name, mailbox, host }) => [name, mailbox, host])

test('address lists (RFC 5322 §3.4, Appendix A) as ENVELOPE shows them (RFC 9051 §7.5.2)', () => {
  for (const [text, expected] of [
    ['', []],
    ['joe@x.example', [[null, 'joe', 'x.example']]],
    ['<joe@x.example>', [[null, 'joe', 'x.example']]],
    ['John Doe <jdoe@machine.example>', [['John Doe', 'jdoe', 'machine.example']]],
    ['"Joe Q. Public" <john.q.public@example.com>', [['Joe Q. Public', 'john.q.public', 'example.com']]],
    [
      'Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>',
      [
        ['Mary Smith', 'mary', 'x.test'],
        [null, 'jdoe', 'example.org'],
        ['Who?', 'one', 'y.test'],
      ],
    ],
    ['"Giant; \\"Big\\" Box" <sysservices@example.net>', [['Giant; "Big" Box', 'sysservices', 'example.net']]],
    [
      'A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;',
      [
        [null, 'A Group', null],
        ['Ed Jones', 'c', 'a.test'],
        [null, 'joe', 'where.test'],
        ['John', 'jdoe', 'one.test'],
        END,
      ],
    ],
    ['Undisclosed recipients:;', [[null, 'Undisclosed recipients', null], END]],
    ['(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;', [[null, 'Hidden recipients', null], END]],
    ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', [['Pete', 'pete', 'silly.test']]],
    ['Joe Q. Public <john.q.public@example.com>', [['Joe Q. Public', 'john.q.public', 'example.com']]],
    [
      'Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example',
      [
        ['Mary Smith', 'mary', 'example.net'],
        [null, 'jdoe', 'test.example'],
      ],
    ],
    ['jdoe@x.example (John Doe)', [['John Doe', 'jdoe', 'x.example']]],
    ['"a b"@x.example', [[null, 'a b', 'x.example']]],
    ['"a@b" <c@x.example>', [['a@b', 'c', 'x.example']]],
    ['joe@[192.0.2.1]', [[null, 'joe', '[192.0.2.1]']]],
    ['joe@[IPv6:2001:db8::1]', [[null, 'joe', '[IPv6:2001:db8::1]']]],
    ['=?utf-8?Q?Doe,_John?= <j@x.example>', [['=?utf-8?Q?Doe,_John?=', 'j', 'x.example']]],
    ['=?utf-8?Q?a@b.example?= <j@x.example>', [['=?utf-8?Q?a@b.example?=', 'j', 'x.example']]],
    ['=?a?Q?x?= =?a?Q?y?= <j@x.example>', [['=?a?Q?x?= =?a?Q?y?=', 'j', 'x.example']]],
    ['Анна <анна@почта.example>', [['Анна', 'анна', 'почта.example']]],
    [
      'a@x.example; b@x.example',
      [
        [null, 'a', 'x.example'],
        [null, 'b', 'x.example'],
      ],
    ],
    ['root', [[null, 'root', '']]],
    ['root (Cron Daemon)', [['Cron Daemon', 'root', '']]],
    ['<>', [[null, '', '']]],
    ['Mailer <>', [['Mailer', '', '']]],
    ['a@b@c.example', [[null, 'a', 'b@c.example']]],
    ['<<a@x.example>>', [[null, 'a', 'x.example']]],
    ['a@x.example <b@y.example>', [['a', 'b', 'y.example']]],
    ['<a@x.example> <b@y.example>', [[null, 'a', 'x.example']]],
    [
      'Joe <joe@x.example, b@y.example',
      [
        ['Joe', 'joe', 'x.example'],
        [null, 'b', 'y.example'],
      ],
    ],
    ['joe@x.example Joe Doe', [[null, 'joe', 'x.example']]],
    ['joe@', [[null, 'joe', '']]],
    ['@x.example', [[null, '', 'x.example']]],
    ['"unclosed <a@x.example>', [[null, 'unclosed <a@x.example>', '']]],
    ['Group: a@x.example', [[null, 'Group', null], [null, 'a', 'x.example'], END]],
    ['"Doe, John" Smith <j@x.example>', [['Doe, John Smith', 'j', 'x.example']]],
  ] as const) {
    assert.deepEqual(read(text), expected, text)
  }
})

test('at most ADDRESSES_PER_HEADER_MAX, and every group that starts ends (CVE-2024-23184)', () => {
  assert.equal(parseAddressList('a@x.example,'.repeat(ADDRESSES_PER_HEADER_MAX + 100)).length, ADDRESSES_PER_HEADER_MAX)
  const groups = parseAddressList('a:;'.repeat(10_000))
  assert.ok(groups.length <= ADDRESSES_PER_HEADER_MAX + 1)
  assert.deepEqual(groups.at(-1), { name: null, mailbox: null, host: null })
  assert.equal(parseAddressList('a@x.example, b@x.example', 1).length, 1)
})

test('nested comments and other hostile input are answered (CVE-2025-14874)', () => {
  for (const text of [
    '(',
    ')',
    '"',
    '<',
    '>',
    '@',
    ':',
    '.',
    'a:;',
    '(()',
    '\\',
    '<@',
    '[',
    '=?',
    '=?a?q?',
    'a ',
    'a@',
    '. ',
  ]) {
    const list = parseAddressList(text.repeat(250_000 / text.length))
    assert.ok(list.length <= ADDRESSES_PER_HEADER_MAX + 1, text)
  }
  const deepest = '('.repeat(ADDRESS_NESTING_MAX + 1) + ')'.repeat(ADDRESS_NESTING_MAX)
  assert.deepEqual(
    parseAddressList(`${deepest} a@x.example`)[0]?.mailbox,
    'a',
    'the innermost parenthesis is plain text',
  )
  const nested = read(`${'('.repeat(50_000)}x${')'.repeat(50_000)} a@x.example`)
  assert.deepEqual(
    nested.map(([, mailbox, host]) => [mailbox, host]),
    [['a', 'x.example']],
  )
})

test('groups are balanced whatever comes', () => {
  const piece = fc.constantFrom('a', ' ', ',', ';', ':', '<', '>', '@', '"', '(', ')', '\\', '.', '[', ']', '=?', '?=')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      let open = 0
      for (const { mailbox, host } of parseAddressList(pieces.join(''))) {
        if (host === null) open += mailbox === null ? -1 : 1
        assert.ok(open === 0 || open === 1)
      }
      assert.equal(open, 0)
    }),
  )
})

test('message ids (RFC 5322 §3.6.4)', () => {
  for (const [text, ids] of [
    ['<a@b>', ['<a@b>']],
    ['<a@b> <c@d>\t<e@f>', ['<a@b>', '<c@d>', '<e@f>']],
    ['Your letter of Monday <a@b> (re: <x@y>)', ['<a@b>', '<x@y>']],
    ['<a@b><c@d>', ['<a@b>', '<c@d>']],
    ['<a @ b>', ['<a@b>']],
    ['a@b <> << <c@d> >>', ['<c@d>']],
    ['<unclosed', []],
  ] as const) {
    assert.deepEqual(parseMessageIds(text), ids, text)
  }
  assert.equal(parseMessageIds('<'.repeat(200_000)).length + parseMessageIds('>'.repeat(200_000)).length, 0)
})
