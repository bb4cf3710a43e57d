import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { array, assert as check, constantFrom, nat, property } from 'fast-check'
import { createDotStuffer } from './client-data.ts'

function stuff(chunks: readonly Uint8Array[]): string {
  const stuffer = createDotStuffer()
  return Buffer.concat([...chunks.map((chunk) => stuffer.push(chunk)), stuffer.end()]).toString('latin1')
}

const whole = (text: string): string => stuff([Buffer.from(text, 'latin1')])
const normalised = (text: string): string => {
  const lines = text.replace(/\r\n|\r|\n/g, '\r\n')
  return lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`
}

suite('dot-stuffing', () => {
  for (const [text, wire] of [
    ['', '.\r\n'],
    ['a\r\n', 'a\r\n.\r\n'],
    ['a', 'a\r\n.\r\n'],
    ['.', '..\r\n.\r\n'],
    ['.\r\n', '..\r\n.\r\n'],
    ['a\r\n.b\r\n..\r\n', 'a\r\n..b\r\n...\r\n.\r\n'],
    ['a\n.\nb', 'a\r\n..\r\nb\r\n.\r\n'],
    ['a\n.\r\nb', 'a\r\n..\r\nb\r\n.\r\n'],
    ['a\r\n.\nb', 'a\r\n..\r\nb\r\n.\r\n'],
    ['a\r.\rb', 'a\r\n..\r\nb\r\n.\r\n'],
    ['a\r\n.\rb', 'a\r\n..\r\nb\r\n.\r\n'],
    ['a\r', 'a\r\n.\r\n'],
    ['a\r\r\n.', 'a\r\n\r\n..\r\n.\r\n'],
    ['a\r\n\0.\r\n', 'a\r\n\0.\r\n.\r\n'],
  ] as const) {
    test(JSON.stringify(text), () => assert.equal(whole(text), wire))
  }

  // S2, outward: whatever the content and wherever it is cut, there is one end, at the end, and no bare CR or LF.
  test('any content, cut anywhere, has one end and comes back as it was', () => {
    const piece = constantFrom('\r', '\n', '.', 'a', '\0', '\r\n', '\r\n.\r\n', '\n.\n')
    const text = array(piece, { maxLength: 30 }).map((parts) => parts.join(''))
    check(
      property(text, array(nat(40), { maxLength: 5 }), (content, cuts) => {
        const bytes = Buffer.from(content, 'latin1')
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length]
        const wire = stuff(at.slice(1).map((end, i) => bytes.subarray(at[i], end)))
        assert.equal(wire, whole(content))
        assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(wire), 'bare CR or LF')
        const end = wire.startsWith('.\r\n') ? 0 : wire.indexOf('\r\n.\r\n') + 2
        assert.equal(end + 3, wire.length, 'one end of data')
        const back = wire.slice(0, -3).replace(/^\./gm, '')
        assert.equal(back, normalised(content))
      }),
      { numRuns: 2000 },
    )
  })

  test('clean content is passed on without a copy', () => {
    const chunk = Buffer.from('clean\r\nlines\r\n')
    assert.equal(createDotStuffer().push(chunk).buffer, chunk.buffer)
  })
})
