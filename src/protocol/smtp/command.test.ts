import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { reply } from '../../model/reply.ts'
import { parseCommand } from './command.ts'
import { printReply } from './print-reply.ts'
import { LEGAL, outOfOrder, withoutTransaction, type SmtpState } from './state.ts'
import { decodeXtext } from './xtext.ts'

const parse = (line: string): unknown => {
  const parsed = parseCommand(Buffer.from(line))
  if (parsed.ok) return parsed.value
  return `${parsed.error.reply.code} ${parsed.error.reply.status}`
}
const mail = { verb: 'MAIL', sizeOctets: null, body: '7BIT', smtputf8: false, requireTls: false }
const a = { localPart: 'a', domain: 'b.example' }

test('RFC 5321 §4.1.1: commands', () => {
  const cases: readonly [string, unknown][] = [
    ['EHLO client.example', { verb: 'EHLO', name: 'client.example' }],
    ['helo [192.0.2.1]', { verb: 'HELO', name: '[192.0.2.1]' }],
    ['EHLO', '501 5.5.4'],
    ['EHLO a b', '501 5.5.4'],
    ['EHLO я', '501 5.5.4'],
    [`EHLO ${'x'.repeat(256)}`, '501 5.5.4'],
    ['QUIT', { verb: 'QUIT' }],
    ['QUIT  ', { verb: 'QUIT' }],
    ['quit now', '501 5.5.4'],
    ['DATA', { verb: 'DATA' }],
    ['DATA x', '501 5.5.4'],
    ['RSET', { verb: 'RSET' }],
    ['NOOP anything', { verb: 'NOOP' }],
    ['HELP MAIL', { verb: 'HELP' }],
    ['VRFY a', { verb: 'VRFY' }],
    ['VRFY', '501 5.5.4'],
    ['EXPN list', { verb: 'EXPN' }],
    ['STARTTLS', { verb: 'STARTTLS' }],
    ['STARTTLS x', '501 5.5.4'],
    ['', '500 5.5.2'],
    ['FOO', '500 5.5.2'],
    ['DATA\u0000', '500 5.5.2'],
    ['GET / HTTP/1.1', '554 5.7.0'],
    ['MAIL FROM:<a@b.example>', { ...mail, reversePath: a }],
    ['mail from: <a@b.example>', { ...mail, reversePath: a }],
    ['MAIL FROM:<>', { ...mail, reversePath: null }],
    ['MAIL FROM:<@x.example:a@b.example>', { ...mail, reversePath: a }],
    ['MAIL FROM:a@b.example', '501 5.1.7'],
    ['MAIL FROM:<a>', '501 5.1.7'],
    ['MAIL <a@b.example>', '501 5.5.4'],
    ['MAIL', '501 5.5.4'],
    ['RCPT TO:<a@b.example>', { verb: 'RCPT', forwardPath: a }],
    ['RCPT TO:<PostMaster>', { verb: 'RCPT', forwardPath: 'postmaster' }],
    ['RCPT TO:<postmaster> NOTIFY=NEVER', { verb: 'RCPT', forwardPath: 'postmaster', notify: 'never' }],
    ['RCPT TO:<>', '501 5.1.3'],
    ['RCPT TO:<a@b..example>', '501 5.1.3'],
    ['RCPT FROM:<a@b.example>', '501 5.5.4'],
  ]
  for (const [line, wanted] of cases) assert.deepEqual(parse(line), wanted, line)
  assert.equal(parse('EHLO \u{10ffff}'), '501 5.5.4')
  const broken = parseCommand(Buffer.from([0x4d, 0xff]))
  assert.equal(!broken.ok && broken.error.reply.code, 500)
})

test('RFC 1870, 3030, 3461, 4954, 6531, 8689: parameters', () => {
  const from = 'MAIL FROM:<a@b.example>'
  const to = 'RCPT TO:<a@b.example>'
  const cases: readonly [string, unknown][] = [
    [`${from} SIZE=1000`, { ...mail, reversePath: a, sizeOctets: 1000 }],
    [`${from}  size=0  body=8bitmime `, { ...mail, reversePath: a, sizeOctets: 0, body: '8BITMIME' }],
    [
      `${from} BODY=BINARYMIME SMTPUTF8 REQUIRETLS`,
      { ...mail, reversePath: a, body: 'BINARYMIME', smtputf8: true, requireTls: true },
    ],
    [`${from} RET=HDRS ENVID=a+2Bb`, { ...mail, reversePath: a, ret: 'HDRS', envelopeId: 'a+b' }],
    [`${from} AUTH=<>`, { ...mail, reversePath: a }],
    [`${from} AUTH=a+3Db@c`, { ...mail, reversePath: a }],
    [`${from} SIZE=`, '501 5.5.4'],
    [`${from} SIZE=-1`, '501 5.5.4'],
    [`${from} SIZE=${'9'.repeat(21)}`, '501 5.5.4'],
    [`${from} SIZE=1 SIZE=1`, '501 5.5.4'],
    [`${from} BODY=9BIT`, '501 5.5.4'],
    [`${from} SMTPUTF8=1`, '501 5.5.4'],
    [`${from} RET=ALL`, '501 5.5.4'],
    [`${from} ENVID=a+0Ab`, '501 5.5.4'],
    [`${from} ENVID=${'x'.repeat(101)}`, '501 5.5.4'],
    [`${from} AUTH`, '501 5.5.4'],
    [`${from} =x`, '501 5.5.4'],
    [`${from}SIZE=1`, '501 5.5.4'],
    [`${from} __proto__=1`, '501 5.5.4'],
    [`${from} CONSTRUCTOR=1`, '555 5.5.4'],
    [`${from} XFOO`, '555 5.5.4'],
    [`${to} NOTIFY=SUCCESS,delay,SUCCESS`, { verb: 'RCPT', forwardPath: a, notify: ['success', 'delay'] }],
    [`${to} ORCPT=rfc822;a+2Bb@c`, { verb: 'RCPT', forwardPath: a, originalRecipient: 'rfc822;a+b@c' }],
    [`${to} ORCPT=utf-8;+D1+8F@c`, { verb: 'RCPT', forwardPath: a, originalRecipient: 'utf-8;я@c' }],
    [`${to} NOTIFY=NEVER,SUCCESS`, '501 5.5.4'],
    [`${to} NOTIFY=`, '501 5.5.4'],
    [`${to} NOTIFY`, '501 5.5.4'],
    [`${to} ORCPT=a@b`, '501 5.5.4'],
    [`${to} ORCPT=rfc822;a+0D+0Ab`, '501 5.5.4'],
    [`${to} SIZE=1`, '555 5.5.4'],
    ['BDAT 10', { verb: 'BDAT', sizeOctets: 10, last: false }],
    ['BDAT 0 last', { verb: 'BDAT', sizeOctets: 0, last: true }],
    ['BDAT', '501 5.5.4'],
    ['BDAT -1', '501 5.5.4'],
    ['BDAT 1 LASTLY', '501 5.5.4'],
    ['AUTH plain AGEAYg==', { verb: 'AUTH', mechanism: 'PLAIN', initialResponse: 'AGEAYg==' }],
    ['AUTH LOGIN', { verb: 'AUTH', mechanism: 'LOGIN', initialResponse: null }],
    ['AUTH', '501 5.5.4'],
    ['AUTH PLAIN a b', '501 5.5.4'],
  ]
  for (const [line, wanted] of cases) assert.deepEqual(parse(line), wanted, line)
})

test('xtext', () => {
  assert.equal(decodeXtext('a+40b'), 'a@b')
  for (const text of ['a=b', 'a b', '+4', '+4g', '+4a', 'a+', '+FF', '+00', 'я', '+41я'])
    assert.equal(decodeXtext(text), null, text)
})

test('property: no line makes the parser throw', () => {
  const word = fc.constantFrom(
    'MAIL',
    'RCPT',
    'FROM:',
    'TO:',
    '<',
    '>',
    '@',
    ' ',
    'SIZE=',
    'ORCPT=',
    ';',
    '+',
    '"',
    '\\',
    'BDAT',
    'AUTH',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string({ unit: 'binary' })), { maxLength: 10 }), (words) => {
      parseCommand(Buffer.from(words.join('')))
      parseCommand(Buffer.from(words.join(''), 'latin1'))
    }),
  )
})

test('RFC 5321 §4.1.4: order', () => {
  const greeted = { helo: 'x', esmtp: true }
  const transaction = {
    ...greeted,
    mail: { ...mail, verb: 'MAIL', reversePath: null } as const,
    recipients: [],
    refused: 0,
  }
  const states: readonly SmtpState[] = [
    { at: 'connected' },
    { at: 'ready', ...greeted },
    { at: 'mail', ...transaction } as SmtpState,
    { at: 'bdat', ...transaction } as SmtpState,
  ]
  for (const state of states) {
    for (const verb of ['MAIL', 'RCPT', 'DATA', 'BDAT', 'EHLO', 'RSET', 'QUIT', 'STARTTLS', 'AUTH'] as const) {
      assert.equal(outOfOrder(state, verb) === null, LEGAL[state.at].includes(verb))
      assert.equal(outOfOrder(state, verb)?.code ?? 503, 503)
    }
    assert.equal(withoutTransaction(state).at, state.at === 'connected' ? 'connected' : 'ready')
  }
})

test('RFC 5321 §4.2, RFC 2034 §4: replies', () => {
  assert.equal(printReply(reply(250, '2.1.0', 'Ok')), '250 2.1.0 Ok\r\n')
  assert.equal(printReply(reply(250, null, 'a', 'b')), '250-a\r\n250 b\r\n')
  assert.equal(printReply(reply(550, '5.1.1', 'a', 'b')), '550-5.1.1 a\r\n550 5.1.1 b\r\n')
  assert.equal(printReply(reply(334, null, '')), '334 \r\n')
  assert.equal(printReply(reply(550, '5.1.1', 'a\r\n250 b')), '550 5.1.1 a??250 b\r\n')
})
