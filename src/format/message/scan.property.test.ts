import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Part } from '../../model/message.ts'
import { createScanner } from './scan.ts'
import { allParts, scan } from './testing.ts'

/** Lines that together make trees, broken ones for the most part. */
const line = fc.constantFrom(
  '',
  'Content-Type: multipart/mixed; boundary=a',
  'Content-Type: multipart/digest; boundary="a-"',
  'Content-Type: multipart/alternative; boundary=a--',
  'Content-Type: message/rfc822',
  'Content-Type: text/html',
  'Subject: =?utf-8?Q?x?=',
  ' folded',
  '--a',
  '--a--',
  '--a-',
  '--a---',
  '--a----',
  '--a  ',
  '-',
  '--',
  'text',
  '\0',
  '\r',
  `--${'a'.repeat(300)}`,
  `--a${' '.repeat(300)}`,
)
/** Starts that hold something, so that trees grow. */
const starts = [
  'multipart/mixed; boundary=a',
  'multipart/digest; boundary="a-"',
  'multipart/related; boundary=b',
  'message/rfc822',
]
const start = fc.constantFrom(
  ...starts.map((type) => [`Content-Type: ${type}`, '', `--${type.at(-1) === '"' ? 'a-' : type.at(-1)}`]),
)
const some = fc.oneof(
  { weight: 3, arbitrary: line.map((text) => [text]) },
  { weight: 2, arbitrary: fc.constantFrom(['--a'], ['--a-'], ['--b'], ['--b--'], ['']) },
  { weight: 1, arbitrary: start },
)
const ending = fc.constantFrom('\r\n', '\r\n', '\n', '\r')
const message = fc
  .array(fc.tuple(some, ending), { maxLength: 30 })
  .map((all) => all.flatMap(([lines, end]) => lines.map((text) => text + end)))
  .chain((lines) => fc.constantFrom(lines.join(''), lines.join('').slice(0, -1)))

test('the chunks do not matter', () => {
  fc.assert(
    fc.property(message, fc.array(fc.nat(600), { maxLength: 20 }), (text, cuts) => {
      const octets = Buffer.from(text)
      const whole = scan(octets)
      const scanner = createScanner()
      let from = 0
      for (const cut of cuts.toSorted((a, b) => a - b)) {
        const chunk = Buffer.from(octets.subarray(from, cut))
        scanner.push(chunk)
        chunk.fill(0x2d) // The caller may use its buffer again.
        from = Math.max(from, Math.min(cut, octets.length))
      }
      scanner.push(octets.subarray(from))
      assert.deepEqual(scanner.finish(), whole)
      assert.deepEqual(scan(octets, 1), whole)
    }),
    { numRuns: 1000 },
  )
})

test('parts lie inside what holds them, one after the other', () => {
  fc.assert(
    fc.property(message, (text) => {
      const { root, sizeOctets } = scan(text).summary
      assert.deepEqual([root.headerStart, root.bodyEnd, sizeOctets], [0, text.length, text.length])
      allParts(root).forEach(checkPart)
    }),
    { numRuns: 3000 },
  )
})

function checkPart(part: Part): void {
  assert.ok(part.headerStart <= part.bodyStart && part.bodyStart <= part.bodyEnd)
  assert.ok(part.lines >= 0 && part.lines <= part.bodyEnd - part.bodyStart)
  let at = part.bodyStart
  for (const child of part.message === null ? part.parts : [part.message.root]) {
    assert.ok(child.headerStart >= at, `${child.headerStart} ≥ ${at}`)
    assert.ok(child.bodyEnd <= part.bodyEnd, `${child.bodyEnd} ≤ ${part.bodyEnd}`)
    at = child.bodyEnd
  }
  if (part.type === 'multipart') assert.ok(part.parts.length > 0)
}

test('lines are those that a slow count finds', () => {
  fc.assert(
    fc.property(message, (text) => {
      for (const part of allParts(scan(text).summary.root)) {
        const body = text.slice(part.bodyStart, part.bodyEnd)
        const expected = body.split('\n').length - (body === '' || body.endsWith('\n') ? 1 : 0)
        assert.equal(part.lines, expected, JSON.stringify(body))
      }
    }),
    { numRuns: 1000 },
  )
})

test('any octets are a message', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (octets) => {
      allParts(scan(octets).summary.root).forEach(checkPart)
    }),
  )
})
