import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { authservIdOf, printAuthenticationResults } from './authentication-results.ts'

test('RFC 8601 appendix B.2, B.4: nothing was looked at; several results', () => {
  assert.equal(printAuthenticationResults('example.org', [], 1000), 'Authentication-Results: example.org; none\r\n')
  const text = printAuthenticationResults(
    'mx.example.org',
    [
      {
        method: 'spf',
        result: 'pass',
        comment: 'ip4:192.0.2.1 of a.test',
        properties: [['smtp', 'mailfrom', 'ann@a.test']],
      },
      {
        method: 'dkim',
        result: 'fail',
        comment: 'a (b) \\ c',
        properties: [
          ['header', 'd', 'a.test'],
          ['header', 'b', 'ab/+='],
        ],
      },
    ],
    1000,
  )
  assert.equal(
    text,
    'Authentication-Results: mx.example.org;\r\n' +
      '\tspf=pass (ip4:192.0.2.1 of a.test)\r\n\t smtp.mailfrom=ann@a.test;\r\n' +
      "\tdkim=fail (a 'b' ' c)\r\n\t header.d=a.test\r\n\t header.b=\"ab/+=\"\r\n",
  )
})

test('whose it is', () => {
  const cases: readonly [text: string, expected: string | null][] = [
    [' example.org; spf=pass', 'example.org'],
    ['EXAMPLE.org 1; spf=pass', 'example.org'],
    ['\r\n\t(a (nested\\)) comment)\r\n example.org;', 'example.org'],
    ['"example.org"; none', 'example.org'],
    ['"exa\\mple.org"; none', 'example.org'],
    ['(without an end example.org', null],
    ['', null],
    ['; none', null],
  ]
  for (const [text, expected] of cases) assert.equal(authservIdOf(text), expected, text)
})

test('whatever is said in it, it is one field, of lines that fit, and ours', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (comment, one, two) => {
      const results = [
        { method: 'spf', result: 'pass', comment, properties: [['smtp', 'mailfrom', one] as const] },
        { method: 'dkim', result: 'pass', properties: [['header', 'd', two] as const] },
      ]
      const text = printAuthenticationResults('mx.example.org', results, 6000)
      assert.match(text, /^Authentication-Results: [\x20-\x7e]*(?:\r\n\t[\x20-\x7e]+)*\r\n$/)
      assert.equal(authservIdOf(text.slice(text.indexOf(':') + 1)), 'mx.example.org')
      for (const line of text.split('\r\n')) assert.ok(line.length <= 998)
    }),
  )
})

test('what does not fit is left out', () => {
  const one = { method: 'dkim', result: 'pass', properties: [['header', 'd', 'a.test'] as const] }
  const text = printAuthenticationResults(
    'mx',
    Array.from({ length: 100 }, () => one),
    500,
  )
  assert.ok(text.length <= 500 && text.length > 400)
})
