import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PREVIEW_MAX_CHARACTERS } from '../../model/limits.ts'
import type { Part } from '../../model/message.ts'
import { makePreview } from './preview.ts'

const partOf = (encoding: string): Part => ({
  type: 'text',
  subtype: 'plain',
  parameters: [['charset', 'utf-8']],
  contentId: null,
  description: null,
  encoding,
  disposition: null,
  language: [],
  location: null,
  md5: null,
  headerStart: 0,
  bodyStart: 0,
  bodyEnd: 0,
  lines: 0,
  parts: [],
  message: null,
})

const quoted = (octets: Buffer): Buffer =>
  Buffer.from([...octets].map((octet) => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`).join(''), 'latin1')
const base64 = (octets: Buffer): Buffer =>
  Buffer.from(
    octets.toString('base64').replace(/.{76}/g, (line) => `${line}\r\n`),
    'latin1',
  )

const ENCODINGS: Readonly<Record<string, (octets: Buffer) => Buffer>> = {
  '8bit': (octets) => octets,
  'quoted-printable': quoted,
  base64,
}

suite('preview (RFC 8970 §3.2)', () => {
  for (const [encoding, encode] of Object.entries(ENCODINGS)) {
    for (const word of ['Hello, world. ', 'Привет, мир. ', '你好世界 ', '👋🏽 ']) {
      test(`the first words of a long text: ${encoding}, ${word}`, () => {
        for (let shift = 0; shift < 12; shift++) {
          const text = 'x'.repeat(shift) + word.repeat(400)
          const expected = text
            .slice(0, PREVIEW_MAX_CHARACTERS)
            .replace(/[\ud800-\udbff]$/, '')
            .trimEnd()
          assert.equal(makePreview(partOf(encoding), encode(Buffer.from(text)), false), expected)
        }
      })
    }
  }

  test('words behind much white space and what cannot be seen', () => {
    const text = `${'\u200b \r\n'.repeat(1000)}At last.`
    assert.equal(makePreview(partOf('8bit'), Buffer.from(text), false), 'At last.')
  })
})
