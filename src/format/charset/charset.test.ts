import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCharsetDecoder, decodeCharset } from './charset.ts'

const UTF8 = Buffer.from('Привет, мир')
const CP1251 = Buffer.from('cff0e8e2e5f2', 'hex')

test('charsets by label, any case', () => {
  for (const [hex, label, text] of [
    ['cff0e8e2e5f2', 'windows-1251', 'Привет'],
    ['cff0e8e2e5f2', 'CP1251', 'Привет'],
    ['f0d2c9d7c5d4', 'KOI8-R', 'Привет'],
    ['8fe0a8a2a5e2', 'ibm866', 'Привет'],
    ['bfe0d8d2d5e2', 'iso-8859-5', 'Привет'],
    ['80e9', 'iso-8859-1', '€é'],
    ['1b2442467c4b5c386c1b2842', 'iso-2022-jp', '日本語'],
    ['c4e3bac3', 'GB2312', '你好'],
    ['4869202b4a6a6f2d', 'utf-7', 'Hi ☺'],
    ['efbbbf68', 'utf-8', 'h'],
    ['d0', 'utf-8', '\ufffd'],
    ['c3a9', 'utf-8*fr', 'é'],
  ] as const) {
    assert.equal(decodeCharset(Buffer.from(hex, 'hex'), label), text, label)
  }
})

test('unknown and unsaid charsets are read as UTF-8 when they are that, else as windows-1252', () => {
  for (const label of [
    null,
    '',
    'us-ascii',
    'x-no-such',
    'unknown-8bit',
    'a'.repeat(10_000),
    '__proto__',
    'constructor',
  ]) {
    assert.equal(decodeCharset(UTF8, label), 'Привет, мир')
    assert.equal(decodeCharset(Buffer.from('caf\xe9 \x80', 'latin1'), label), 'café €')
  }
})

test('in pieces as at once', () => {
  for (const [bytes, label] of [
    [UTF8, 'utf-8'],
    [UTF8, null],
    [CP1251, 'windows-1251'],
  ] as const) {
    const decoder = createCharsetDecoder(label)
    let text = ''
    for (const octet of bytes) text += decoder.write(Buffer.of(octet))
    assert.equal(text + decoder.end(), decodeCharset(bytes, label))
  }
})
