import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { SMTP_DATA_LINE_MAX_OCTETS } from '../../model/limits.ts'
import { createDataDecoder } from './data-decoder.ts'

type Told = { content: string; end: 'ended' | 'bare-cr' | 'bare-lf' | 'open'; rest: string }

/** Decodes `text`, cut at the places given. */
function decode(text: string, cuts: readonly number[], transparency = true): Told {
  const bytes = Buffer.from(text, 'latin1')
  const decoder = createDataDecoder({ transparency })
  let content = ''
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    const step = decoder.decode(bytes.subarray(from, to))
    content += Buffer.concat(step.pieces).toString('latin1')
    const rest = bytes.subarray(from + step.consumed).toString('latin1')
    if (step.ended) return { content, end: 'ended', rest }
    if (step.bad !== null) return { content: '', end: step.bad, rest: '' }
    from = to
  }
  return { content, end: decoder.mayEnd ? 'open' : 'bare-cr', rest: '' }
}

const everywhere = (text: string): number[] => Array.from({ length: text.length - 1 }, (_, i) => i + 1)

function check(text: string, wanted: Told, transparency = true): void {
  assert.deepEqual(decode(text, [], transparency), wanted, JSON.stringify(text))
  assert.deepEqual(decode(text, everywhere(text), transparency), wanted, `${JSON.stringify(text)} by octets`)
  for (const cut of everywhere(text)) {
    assert.deepEqual(decode(text, [cut], transparency), wanted, `${JSON.stringify(text)} cut at ${cut}`)
  }
}

test('RFC 5321 §4.5.2: transparency and the end', () => {
  check('a\r\n.\r\n', { content: 'a\r\n', end: 'ended', rest: '' })
  check('.\r\nQUIT\r\n', { content: '', end: 'ended', rest: 'QUIT\r\n' })
  check('..\r\n.\r\n', { content: '.\r\n', end: 'ended', rest: '' })
  check('.a\r\n...b\r\n..\r\n.\r\nx', { content: 'a\r\n..b\r\n.\r\n', end: 'ended', rest: 'x' })
  check('a.\r\n.b\r\n.\r\n', { content: 'a.\r\nb\r\n', end: 'ended', rest: '' })
  check('\r\n\r\n.\r\n', { content: '\r\n\r\n', end: 'ended', rest: '' })
  check('a\r\nb', { content: 'a\r\nb', end: 'open', rest: '' })
})

test('S2: only CRLF.CRLF ends, and no bare CR or LF passes', () => {
  const after = 'MAIL FROM:<x@y>\r\n.\r\n'
  const bareLf = { content: '', end: 'bare-lf', rest: '' } as const
  const bareCr = { content: '', end: 'bare-cr', rest: '' } as const
  for (const ending of ['\n.\n', '\n.\r\n', '\n.\r', '\n..\r\n']) check(`a${ending}${after}`, bareLf)
  for (const ending of ['\r\n.\n', '\r\n..\n', '\r\na\n']) check(`a${ending}${after}`, bareLf)
  for (const ending of ['\r.\r', '\r\n.\r', '\r.\r\n', '\r\r\n.\r\n', '\r\n.\r\r\n', '\r'])
    check(`a${ending}${after}`, bareCr)
  check(`a\r\n\0.\r\n${after}`, { content: `a\r\n\0.\r\nMAIL FROM:<x@y>\r\n`, end: 'ended', rest: '' })
})

test('BDAT: dots are content, bare CR and LF still refused', () => {
  check('a\r\n.\r\n..b', { content: 'a\r\n.\r\n..b', end: 'open', rest: '' }, false)
  check('a\nb', { content: '', end: 'bare-lf', rest: '' }, false)
  check('a\rb', { content: '', end: 'bare-cr', rest: '' }, false)
  assert.equal(decode('a\r', [], false).end, 'bare-cr')
})

test('a line over the limit is taken note of, however it is cut', () => {
  for (const [length, wanted] of [
    [SMTP_DATA_LINE_MAX_OCTETS - 2, false],
    [SMTP_DATA_LINE_MAX_OCTETS + 1, true],
  ] as const) {
    for (const size of [1000, 1e9]) {
      const bytes = Buffer.from(`${'x'.repeat(length)}\r\n.\r\n`)
      const decoder = createDataDecoder({ transparency: true })
      let octets = 0
      for (let at = 0; at < bytes.length; at += size) {
        for (const piece of decoder.decode(bytes.subarray(at, at + size)).pieces) octets += piece.length
      }
      assert.equal(decoder.lineTooLong, wanted)
      assert.equal(octets, length + 2)
    }
  }
})

test('property: stuffed content comes back, whatever the cuts', () => {
  const line = fc.array(fc.constantFrom('.', 'a', '..', ' ', '\0'), { maxLength: 5 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 10 }), fc.array(fc.nat(80), { maxLength: 8 }), (lines, places) => {
      const content = lines.map((text) => `${text}\r\n`).join('')
      const stuffed = `${lines.map((text) => `${text.startsWith('.') ? '.' : ''}${text}\r\n`).join('')}.\r\nNEXT`
      const cuts = places.filter((place) => place < stuffed.length).toSorted((x, y) => x - y)
      assert.deepEqual(decode(stuffed, cuts), { content, end: 'ended', rest: 'NEXT' })
    }),
  )
})
