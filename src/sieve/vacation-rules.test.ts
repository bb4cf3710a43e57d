import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFields } from './message/edited-header.ts'
import { addressOf } from './sieve.test-kit.ts'
import { whyNotAnswered } from './vacation-rules.ts'

const MINE = [addressOf('owner@example.com'), addressOf('Me@example.com')]

function why(fields: string, sender: string | null = 'sender@example.org'): string | null {
  const all = readFields(Buffer.from(`${fields}\r\n`))
  const header = { named: (name: string) => all.filter((field) => field.name === name) }
  return whyNotAnswered(header, sender === null ? null : addressOf(sender), MINE)
}

const TO_ME = 'To: owner@example.com\r\n'

test('answered: addressed to the owner in any of the headers (RFC 5230 §4.5)', () => {
  for (const fields of [
    TO_ME,
    'To: x@y.org,\r\n Owner <OWNER@Example.COM>\r\n',
    'Cc: me@example.com\r\n',
    'Bcc: me@example.com\r\n',
    'Resent-To: me@example.com\r\n',
    'Resent-Cc: me@example.com\r\n',
    'Resent-Bcc: me@example.com\r\n',
    'To: friends: x@y.org, me@example.com;\r\n',
    'To: x@y.org\r\nTo: me@example.com\r\n',
  ])
    assert.equal(why(fields), null, fields)
})

test('not answered: not addressed to him', () => {
  for (const fields of [
    '',
    'To: other@example.com\r\n',
    'From: owner@example.com\r\n',
    'X-To: owner@example.com\r\n',
    'To: owner\r\n',
  ])
    assert.match(why(fields)!, /no address of the owner/, fields)
})

test('not answered: no sender, or himself', () => {
  assert.match(why(TO_ME, null)!, /no sender/)
  assert.match(why(TO_ME, 'OWNER@example.com')!, /the sender is the owner/)
})

test('not answered: addresses of programs (RFC 5230 §4.6)', () => {
  for (const local of [
    'MAILER-DAEMON',
    'listserv',
    'Majordomo',
    'owner-list',
    'list-request',
    'list-bounces',
    'bounce+tag',
    'noreply',
    'no-reply',
    'no_reply',
    'donotreply',
    'do-not-reply',
    'mailer-daemon+x',
    'list-bounces+me=example.com',
    'root',
  ])
    assert.match(why(TO_ME, `${local}@example.org`)!, /nobody reads/, local)
  for (const local of ['postmaster', 'abuse', 'reply', 'requester', 'homeowner-x', 'anna'])
    assert.equal(why(TO_ME, `${local}@example.org`), null, local)
})

test('not answered: lists, programs, bulk', () => {
  for (const field of [
    'List-Id: <a.example.org>',
    'List-Help: x',
    'List-Subscribe: x',
    'List-Unsubscribe: x',
    'List-Post: x',
    'List-Owner: x',
    'List-Archive: x',
    'Auto-Submitted: auto-generated',
    'Auto-Submitted: auto-replied; x=y',
    'auto-submitted: AUTO-NOTIFIED',
    'Precedence: bulk',
    'Precedence: List',
    'Precedence: junk',
    'X-Auto-Response-Suppress: All',
    'X-Auto-Response-Suppress: DR, OOF',
  ])
    // prettier-ignore
    assert.notEqual(why(`${TO_ME}${field}\r\n`), null, field)
  for (const field of [
    'Auto-Submitted: no',
    'Auto-Submitted: No (a person)',
    'Auto-Submitted: no; x=y',
    'Precedence: first-class',
    'X-Auto-Response-Suppress: DR',
    'Subject: List-Id',
  ])
    assert.equal(why(`${TO_ME}${field}\r\n`), null, field)
})
