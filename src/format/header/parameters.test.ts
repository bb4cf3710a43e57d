import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PARAMETER_PIECES_MAX } from '../../model/limits.ts'
import { parseContentType, parseDisposition, parameterValue } from './parameters.ts'

test('media types (RFC 2045 §5.1)', () => {
  for (const [text, type, parameters] of [
    ['text/plain', 'text/plain', []],
    ['TEXT/Plain; CharSet=UTF-8', 'text/plain', [['CharSet', 'UTF-8']]],
    ['text / plain;charset="us-ascii" (Plain text)', 'text/plain', [['charset', 'us-ascii']]],
    ['text/plain; charset=us-ascii (Plain text)', 'text/plain', [['charset', 'us-ascii']]],
    ['text/plain charset=utf-8', 'text/plain', [['charset', 'utf-8']]],
    [
      'text/plain;;; a=1;;b=2;',
      'text/plain',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a/b; name="a;b=\\"c\\""; x=y',
      'a/b',
      [
        ['name', 'a;b="c"'],
        ['x', 'y'],
      ],
    ],
    [
      'a/b; name=my file (1).pdf; x=y',
      'a/b',
      [
        ['name', 'my file'],
        ['x', 'y'],
      ],
    ],
    [
      'a/b; name=my file.pdf; x=y',
      'a/b',
      [
        ['name', 'my file.pdf'],
        ['x', 'y'],
      ],
    ],
    ['a/b; boundary="unclosed', 'a/b', [['boundary', 'unclosed']]],
    ['a/b; boundary=', 'a/b', [['boundary', '']]],
    ['a/b; =x; flag; y = z', 'a/b', [['y', 'z']]],
    [
      "a/b; n*0*=utf-8''%d0; n*1=x",
      'a/b',
      [
        ['n*0*', "utf-8''%d0"],
        ['n*1', 'x'],
      ],
    ],
  ] as const) {
    const parsed = parseContentType(text)
    assert.deepEqual([`${parsed?.type}/${parsed?.subtype}`, parsed?.parameters], [type, parameters], text)
  }
  for (const text of ['', 'text', '/plain', 'text/', 'té/xt', '; charset=x'])
    assert.equal(parseContentType(text), null, text)
})

test('dispositions (RFC 2183 §2)', () => {
  assert.deepEqual(parseDisposition('ATTACHMENT; filename=a.txt'), {
    type: 'attachment',
    parameters: [['filename', 'a.txt']],
  })
  assert.deepEqual(parseDisposition('(c) inline'), { type: 'inline', parameters: [] })
  assert.equal(parseDisposition('; filename=x'), null)
})

test('values come together and are decoded (RFC 2231)', () => {
  for (const [text, value] of [
    ['f=plain', 'plain'],
    ['F=plain', 'plain'],
    ["f*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", 'This is ***fun***'],
    [
      "f*0*=us-ascii'en'This%20is%20even%20more%20; f*1*=%2A%2A%2Afun%2A%2A%2A%20; f*2=\"isn't it!\"",
      "This is even more ***fun*** isn't it!",
    ],
    ['f*1=b; f*0=a', 'ab'],
    ['f*0=a; f*2=c', 'a'],
    ["f*=koi8-r''%F0%D2; f=plain", 'Пр'],
    ["f*0*=utf-8''%D0; f*1*=%9F", 'П'],
    ["f*=utf-8''100%; g=1", '100%'],
    ["f*=''%D0%9F", 'П'],
    ['f*=no%20charset', 'no charset'],
    ['f=first; f=second', 'first'],
    ['fx=1; f*x=2', null],
    ['f*1=b', null],
  ] as const) {
    assert.equal(parameterValue(parseDisposition(`a; ${text}`)!.parameters, 'f'), value, text)
  }
})

test('pieces past PARAMETER_PIECES_MAX are left out (CVE-2026-27859)', () => {
  const pieces = Array.from({ length: PARAMETER_PIECES_MAX + 1 }, (_, i) => `f*${i}=x`).join(';')
  const { parameters } = parseDisposition(`a;${pieces}`)!
  assert.equal(parameters.length, PARAMETER_PIECES_MAX)
  assert.equal(parameterValue(parameters, 'f'), 'x'.repeat(PARAMETER_PIECES_MAX))
})

test('hostile input is answered (S12)', () => {
  for (const text of ['(', '"', ';', '=', ';a=', ';a="', '; (', '\\', ';f*1=', ' (']) {
    assert.ok(parseContentType(`a/b;${text.repeat(200_000 / text.length)}`) !== null)
  }
})
