import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDate, parseHeaderDate } from './date.ts'

test('dates as senders write them (RFC 5322 §3.3, §4.3)', () => {
  for (const [text, iso] of [
    ['Tue, 24 Nov 2026 10:00:00 +0300', '2026-11-24T07:00:00.000Z'],
    ['Fri, 21 Nov 1997 09:55:06 -0600', '1997-11-21T15:55:06.000Z'],
    ['24 Nov 2026 10:00 +0000', '2026-11-24T10:00:00.000Z'],
    ['Tue,24 Nov 2026 10:00:00 GMT', '2026-11-24T10:00:00.000Z'],
    ['21 Nov 97 09:55:06 GMT', '1997-11-21T09:55:06.000Z'],
    ['21 Nov 26 09:55:06 EST', '2026-11-21T14:55:06.000Z'],
    ['21 Nov 126 09:55:06 Z', '2026-11-21T09:55:06.000Z'],
    ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', '1997-11-21T15:55:06.000Z'],
    ['Tue, 24 Nov 2026\t10:00:00 -0000 (MSK)', '2026-11-24T10:00:00.000Z'],
    ['Tue, 24 November 2026 10:00:00', '2026-11-24T10:00:00.000Z'],
    ['Tuesday, 24-Nov-2026 10:00:00 UTC', '2026-11-24T10:00:00.000Z'],
    ['Tue Nov 24 10:00:00 2026', '2026-11-24T10:00:00.000Z'],
    ['Tue Nov  4 10:00:00 PST 2026', '2026-11-04T18:00:00.000Z'],
    ['Sat, 31 Dec 2016 23:59:60 +0000', '2017-01-01T00:00:00.000Z'],
    ['1 Jan 2026 00:00:00 +0530', '2025-12-31T18:30:00.000Z'],
    ['1 Jan 2026 00:00:00 K', '2026-01-01T00:00:00.000Z'],
    ['29 Feb 2024 12:00:00 +0000', '2024-02-29T12:00:00.000Z'],
  ] as const) {
    assert.equal(new Date(parseDate(text) ?? 0).toISOString(), iso, text)
  }
})

test('what is no date', () => {
  for (const text of [
    '',
    'yesterday',
    '24 Foo 2026 10:00',
    '30 Feb 2026 10:00:00 +0000',
    '0 Jan 2026 10:00',
    '24 Nov 2026 24:00',
    '24 Nov 2026 10:60',
    '24 Nov 2026',
    'x'.repeat(100_000),
    ' '.repeat(100_000),
    '('.repeat(100_000),
  ]) {
    assert.equal(parseDate(text), null, text.slice(0, 40))
  }
})

test('the offset tells the day that the writer saw', () => {
  assert.deepEqual(parseHeaderDate('Wed, 25 Nov 2026 01:00:00 +0300'), {
    epochMs: Date.UTC(2026, 10, 24, 22),
    offsetMinutes: 180,
  })
  assert.equal(parseHeaderDate('1 Jan 2026 00:00 -0330')?.offsetMinutes, -210)
})
