import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partNames } from './part-names.ts'
import { createScanner } from './scan.ts'

function namesIn(lines: readonly string[]): readonly string[] {
  const scanner = createScanner()
  scanner.push(Buffer.from(lines.join('\r\n')))
  return partNames(scanner.finish().summary.root).toSorted()
}

test('file names in all the ways they are written (RFC 2183, RFC 2231, RFC 2047), descriptions, of messages inside too', () => {
  const names = namesIn([
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: application/pdf; name="=?utf-8?B?0YHRh9GR0YIucGRm?="',
    'Content-Disposition: attachment; filename="=?utf-8?B?0YHRh9GR0YIucGRm?="',
    '',
    'x',
    '--b',
    "Content-Disposition: attachment; filename*0*=koi8-r''%CF%D4; filename*1*=%DE%A3%D4.doc",
    'Content-Description: =?koi8-r?Q?=CF=D4=DE=A3=D4?= of May',
    '',
    'x',
    '--b',
    'Content-Type: message/rfc822',
    '',
    'Content-Type: image/png; name=inner.png',
    '',
    'x',
    '--b--',
    '',
  ])
  assert.deepEqual(names, ['inner.png', 'отчёт of May', 'отчёт.doc', 'счёт.pdf'].toSorted())
})

test('no names', () => {
  assert.deepEqual(namesIn(['Subject: x', '', 'y']), [])
})
