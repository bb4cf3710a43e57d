import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEADER_BLOCK_MAX_OCTETS } from '../../model/limits.ts'
import { createHeaderCompleter } from './header-completer.ts'

const ADDED = 'Date: D\r\nMessage-ID: <M>\r\n'

function completed(content: string | Buffer, step = Infinity): string {
  const completer = createHeaderCompleter({ date: 'D', messageId: '<M>' })
  const bytes = Buffer.from(content as string, 'latin1')
  const out: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += step) {
    for (const part of completer.push(bytes.subarray(at, at + step))) out.push(Buffer.from(part))
  }
  out.push(...completer.finish())
  return Buffer.concat(out).toString('latin1')
}

const CASES: readonly (readonly [what: string, content: string, expected: string])[] = [
  ['both added', 'From: a\r\n\r\nbody\r\n', `From: a\r\n${ADDED}\r\nbody\r\n`],
  ['nothing missing', 'Date: x\r\nMessage-Id: <y>\r\n\r\nb', 'Date: x\r\nMessage-Id: <y>\r\n\r\nb'],
  ['Date only', 'message-id: <y>\r\n\r\nb', 'message-id: <y>\r\nDate: D\r\n\r\nb'],
  [
    'Bcc goes, folded and in any case',
    'A: 1\r\nBCC: x,\r\n\ty\r\n z\r\nB: 2\r\n\r\nb',
    `A: 1\r\nB: 2\r\n${ADDED}\r\nb`,
  ],
  ['Bcc with a blank before the colon', 'Bcc : x\r\nA: 1\r\n\r\nb', `A: 1\r\n${ADDED}\r\nb`],
  ['Bcc first and last', 'Bcc: x\r\nA: 1\r\nBcc: y\r\n\r\nb', `A: 1\r\n${ADDED}\r\nb`],
  ['Resent-Bcc and Return-Path go', 'Return-Path: <x>\r\nResent-Bcc: y\r\nA: 1\r\n\r\n', `A: 1\r\n${ADDED}\r\n`],
  [
    'what only looks like Bcc stays',
    'X-Bcc: a\r\nBccx: b\r\nA: Bcc: c\r\n Bcc: d\r\n\r\n',
    `X-Bcc: a\r\nBccx: b\r\nA: Bcc: c\r\n Bcc: d\r\n${ADDED}\r\n`,
  ],
  ['Bcc in the body stays', 'A: 1\r\n\r\nBcc: x\r\n', `A: 1\r\n${ADDED}\r\nBcc: x\r\n`],
  ['no header at all', '\r\nbody', `${ADDED}\r\nbody`],
  ['only a body', 'hello there\r\nBcc: x\r\n', `${ADDED}\r\nhello there\r\nBcc: x\r\n`],
  [
    'a line that is no field among others stays',
    'A: 1\r\nnonsense\r\nBcc: x\r\nB: 2\r\n',
    `A: 1\r\nnonsense\r\nB: 2\r\n${ADDED}`,
  ],
  ['header only', 'A: 1\r\n', `A: 1\r\n${ADDED}`],
  ['header only, unfinished', 'A: 1', `A: 1\r\n${ADDED}`],
  ['an unfinished line that is no field', 'A: 1\r\nnonsense', `A: 1\r\nnonsense\r\n${ADDED}`],
  ['one line that is no field, unfinished', 'nonsense', `${ADDED}\r\nnonsense`],
  ['only a Bcc', 'Bcc: x\r\n\r\n', `${ADDED}\r\n`],
  ['nothing', '', ADDED],
  ['a blank line in front', ' A: 1\r\n\r\nb', `${ADDED}\r\n A: 1\r\n\r\nb`],
  ['an mbox separator', 'From x Mon Jan  5\r\nA: 1\r\n\r\nb', `A: 1\r\n${ADDED}\r\nb`],
  ['eight-bit octets', 'Subject: \xff\xfe\x80\r\n\r\n\xff\0\xfe', `Subject: \xff\xfe\x80\r\n${ADDED}\r\n\xff\0\xfe`],
  ['bare line feeds', 'A: 1\nBcc: x\n\nbody\n', `A: 1\n${ADDED}\nbody\n`],
]

for (const [what, content, expected] of CASES) {
  test(what, () => {
    assert.equal(completed(content), expected)
    for (const step of [1, 2, 3, 7]) assert.equal(completed(content, step), expected, `${step} octets at a time`)
  })
}

test('a header at the limit is completed, a larger one passes as it is', () => {
  const head = `Bcc: x\r\nA: ${'x'.repeat(HEADER_BLOCK_MAX_OCTETS - 15)}\r\n\r\n`
  assert.equal(head.length, HEADER_BLOCK_MAX_OCTETS)
  assert.ok(!completed(`${head}body`).includes('Bcc'))
  const large = `Bcc: x\r\nA: ${'x'.repeat(HEADER_BLOCK_MAX_OCTETS + 5000)}\r\n\r\nbody`
  assert.ok(completed(large, 1000) === large)
})

test('a large header in single octets costs no more than its length', () => {
  const content = `A: ${'x'.repeat(200_000)}\r\n\r\nbody`
  assert.ok(completed(content, 1).endsWith('\r\n\r\nbody'))
})
