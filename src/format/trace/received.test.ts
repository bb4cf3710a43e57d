import { test } from 'node:test'
import assert from 'node:assert/strict'
import { printReceived, printTraceDate, type ReceivedFacts } from './received.ts'

const facts: ReceivedFacts = {
  helo: 'client.example',
  remoteAddress: '192.0.2.1',
  by: 'mail.example.org',
  esmtp: true,
  smtputf8: false,
  tls: null,
  authenticated: false,
  id: 'abc123',
  forRecipient: null,
  date: Date.UTC(2026, 1, 2, 3, 4, 5),
}

test('RFC 5321 §4.4: the whole field, folded', () => {
  assert.equal(
    printReceived({
      ...facts,
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
      forRecipient: { localPart: 'a b', domain: 'example.org' },
    }),
    'Received: from client.example ([192.0.2.1])\r\n' +
      '\tby mail.example.org with ESMTPS id abc123\r\n' +
      '\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n' +
      '\tfor <"a b"@example.org>;\r\n' +
      '\tMon, 2 Feb 2026 03:04:05 +0000\r\n',
  )
})

test('RFC 3848, RFC 6531 §4.3: the protocol names', () => {
  const tls = { version: 'TLSv1.3', cipher: 'X' }
  const named = (change: Partial<ReceivedFacts>): string =>
    / with (\w+)/.exec(printReceived({ ...facts, ...change }))![1]!
  assert.equal(named({ esmtp: false }), 'SMTP')
  assert.equal(named({}), 'ESMTP')
  assert.equal(named({ tls }), 'ESMTPS')
  assert.equal(named({ authenticated: true }), 'ESMTPA')
  assert.equal(named({ tls, authenticated: true }), 'ESMTPSA')
  assert.equal(named({ smtputf8: true }), 'UTF8SMTP')
  assert.equal(named({ smtputf8: true, tls, authenticated: true }), 'UTF8SMTPSA')
})

test('a name that is none stays in a comment, and never leaves it', () => {
  const from = (helo: string, remoteAddress = '192.0.2.1'): string =>
    printReceived({ ...facts, helo, remoteAddress })
      .split('\r\n')[0]!
      .replace('Received: from ', '')
  assert.equal(from('[192.0.2.1]'), '[192.0.2.1]')
  assert.equal(from('[192.0.2.7]'), '[192.0.2.1] (HELO [192.0.2.7])')
  assert.equal(from('a;b,c'), '[192.0.2.1] (HELO a;b,c)')
  assert.equal(from('a)b(\r\nX: y\\'), '[192.0.2.1] (HELO a?b???X:?y?)')
  assert.equal(from('x.example', '2001:db8::1'), 'x.example ([IPv6:2001:db8::1])')
})

test('RFC 5322 §3.3: dates', () => {
  assert.equal(printTraceDate(0), 'Thu, 1 Jan 1970 00:00:00 +0000')
  assert.equal(printTraceDate(Date.UTC(2024, 1, 29, 23, 59, 59)), 'Thu, 29 Feb 2024 23:59:59 +0000')
})
