import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAILBOX_DEPTH_MAX, MAILBOX_NAME_MAX_OCTETS } from '../../model/limits.ts'
import { canonicalMailboxName, newMailboxName, parentsOf } from './mailbox-name.ts'

test('INBOX in any case, also above others (RFC 9051 §5.1)', () => {
  for (const [name, canonical] of [
    ['inbox', 'INBOX'],
    ['InBoX/Sub', 'INBOX/Sub'],
    ['inbox2', 'inbox2'],
    ['Inboxes', 'Inboxes'],
    ['a/inbox', 'a/inbox'],
    ['ınbox', 'ınbox'],
    ['Cafe\u0301', 'Café'],
  ] as const) {
    assert.equal(canonicalMailboxName(name), canonical)
  }
})

test('names that a mailbox may have', () => {
  const depth = Array.from({ length: MAILBOX_DEPTH_MAX }, () => 'a').join('/')
  const good = ['a', 'Входящие/Счета', '../x', 'a.b', 'R&D', 'x#y', '"quoted" \\', ' ', '__proto__', depth]
  for (const name of [...good, 'x'.repeat(MAILBOX_NAME_MAX_OCTETS)]) {
    assert.deepEqual(newMailboxName(name), { ok: true, value: name })
  }
})

test('names that it may not', () => {
  const depth = Array.from({ length: MAILBOX_DEPTH_MAX + 1 }, () => 'a').join('/')
  const bad = [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    'a*',
    '%',
    'a\0b',
    'a\r\nb',
    'a\x7f',
    'a\x85',
    'a\u2028b',
    '#news',
    '\ud800',
    depth,
  ]
  for (const name of [...bad, 'x'.repeat(MAILBOX_NAME_MAX_OCTETS + 1), 'ж'.repeat(MAILBOX_NAME_MAX_OCTETS / 2 + 1)]) {
    assert.equal(newMailboxName(name).ok, false, JSON.stringify(name))
  }
})

test('parents, outermost first', () => {
  assert.deepEqual(parentsOf('a'), [])
  assert.deepEqual(parentsOf('a/b/c'), ['a', 'a/b'])
})
