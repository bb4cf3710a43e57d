import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { IMAP_URL_MAX_OCTETS } from '../../model/limits.ts'
import { parseAuthUrl, parseMessagePath, printBadUrl } from './url.ts'

const message = { mailbox: 'INBOX', uidValidity: null, uid: 20, section: null, partial: null }
const section = (parts: readonly number[], text: string | null = null, fields: readonly string[] = []) => ({
  parts,
  text,
  fields,
})

test('paths of messages and parts (RFC 5092 §11, RFC 4469 appendix A)', () => {
  const right: [string, unknown][] = [
    ['/INBOX/;UID=20', message],
    ['/inbox;uidvalidity=7/;uid=20', { ...message, uidValidity: 7 }],
    [
      '/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER',
      { ...message, mailbox: 'Drafts', uidValidity: 385759045, section: section([], 'HEADER') },
    ],
    ['/INBOX/;UID=20/;section=1.2.MIME', { ...message, section: section([1, 2], 'MIME') }],
    [
      '/INBOX/;UID=20/;SECTION=HEADER.FIELDS%20(To%20From)',
      { ...message, section: section([], 'HEADER.FIELDS', ['To', 'From']) },
    ],
    ['/INBOX/;UID=20/;PARTIAL=5', { ...message, partial: { start: 5, count: null } }],
    [
      '/INBOX/;UID=20/;SECTION=1/;PARTIAL=5.10',
      { ...message, section: section([1]), partial: { start: 5, count: 10 } },
    ],
    ['/a/b%3Bc%20%D1%8F/;UID=20', { ...message, mailbox: 'a/b;c я' }],
    [';UID=20', { ...message, mailbox: null }],
    ['/;UID=20', { ...message, mailbox: null }],
  ]
  for (const [path, parsed] of right) assert.deepEqual(parseMessagePath(path), parsed, path)
  const wrong = [
    '',
    '/',
    '/INBOX',
    '/INBOX/;UID=0',
    '/INBOX/;UID=x',
    '/INBOX/;UID=20/',
    '/INBOX/;UID=20/;SECTION=',
    '/%FF/;UID=1',
  ]
  const more = [
    '/INBOX/;UID=20/;SECTION=1]',
    '/INBOX/;UID=20/;SECTION=1%20',
    '/INBOX/;UID=20/;PARTIAL=1.0',
    '/INBOX?x/;UID=1',
    'INBOX/;UID=1',
  ]
  for (const path of [...wrong, ...more]) assert.equal(parseMessagePath(path), null, path)
})

test('URLs with who may use them (RFC 4467 §9)', () => {
  const token = '91354a473744909de610943775f92038'
  const rump = 'imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred'
  const url = { host: 'example.com', owner: 'joe', message: { ...message, section: section([1, 2]) }, expiresAt: null }
  const submit = { ...url, access: { to: 'submit', user: 'fred' }, rump }
  assert.deepEqual(parseAuthUrl(rump), { ...submit, seal: null })
  const seal = { mechanism: 'INTERNAL', token }
  assert.deepEqual(parseAuthUrl(`${rump}:internal:${token}`), { ...submit, seal })
  const dated = 'IMAP://a%40b.test;AUTH=*@Example.com:993/INBOX/;UID=20;EXPIRE=2026-01-01T00:00:00Z;URLAUTH=anonymous'
  assert.deepEqual(parseAuthUrl(dated), {
    host: 'Example.com',
    owner: 'a@b.test',
    message,
    expiresAt: Date.UTC(2026, 0, 1),
    access: { to: 'anonymous' },
    rump: dated,
    seal: null,
  })
  for (const wrong of [
    'imap://joe@example.com/INBOX/;uid=20',
    'imap://example.com/INBOX/;uid=20;urlauth=anonymous',
    'imap://joe@example.com/;urlauth=anonymous',
    'imap://joe@example.com/INBOX;urlauth=anonymous',
    'imap://joe@example.com/;uid=20;urlauth=anonymous',
    'http://joe@example.com/INBOX/;uid=20;urlauth=anonymous',
    `${rump}:internal:${token.slice(1)}`,
    `${rump}:internal`,
    `${rump}:internal:${token}:x`,
    rump.replace('submit+fred', 'user+'),
    rump.replace('submit+fred', 'all'),
    'imap://joe@example.com/INBOX/;uid=20;expire=tomorrow;urlauth=anonymous',
    'imap://joe@example.com/INBOX/;uid=20;expire=2026-13-01T00:00:00Z;urlauth=anonymous',
  ]) {
    assert.equal(parseAuthUrl(wrong), null, wrong)
  }
})

test('no text is too much for them, and what a response code repeats stays on its line', () => {
  const piece = fc.constantFrom(
    'imap://',
    '/',
    ';',
    'UID=',
    ';UIDVALIDITY=',
    ';URLAUTH=',
    ':',
    '@',
    '%',
    '%41',
    '1',
    'a',
    ']',
    '\n',
    '\ud800',
    'я',
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
      (text) => {
        parseMessagePath(text)
        parseAuthUrl(text)
        assert.match(printBadUrl(text), /^[ -\\^-~]*$/)
      },
    ),
  )
  for (const unit of ['/', ';UID=1', ';UIDVALIDITY=1', 'a:', ';EXPIRE=', ';URLAUTH=', '@', '%41']) {
    const text = `imap://${unit.repeat(IMAP_URL_MAX_OCTETS / unit.length)}`
    parseMessagePath(text.slice(6))
    parseAuthUrl(text)
  }
})
