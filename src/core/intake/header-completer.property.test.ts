import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createScanner } from '../../format/message/scan.ts'
import { createHeaderCompleter } from './header-completer.ts'

const LINE = fc.oneof(
  fc.constantFrom(
    'Bcc: x@y.test',
    'bCC : x',
    'Resent-Bcc: x',
    ' Bcc: folded',
    '\tx',
    'Date: x',
    'Message-ID: <y>',
    'To: z',
    'nonsense',
    '',
  ),
  fc.string({ maxLength: 12 }).map((text) => text.replace(/[\r\n\0]/g, '')),
)
const CONTENT = fc
  .tuple(fc.array(LINE, { maxLength: 12 }), fc.constantFrom('\r\n', '\n'), fc.boolean())
  .map(([lines, end, ended]) => Buffer.from(lines.join(end) + (ended ? end : '')))

function completed(content: Buffer, cuts: readonly number[]): Buffer {
  const completer = createHeaderCompleter({ date: 'Mon, 05 Jan 2026 12:00:00 +0000', messageId: '<m@here.test>' })
  const out: Uint8Array[] = []
  let from = 0
  for (const to of [...cuts.map((cut) => cut % (content.length + 1)), content.length].toSorted((a, b) => a - b)) {
    out.push(...completer.push(Buffer.from(content.subarray(from, to))).map((part) => Buffer.from(part)))
    from = to
  }
  out.push(...completer.finish())
  return Buffer.concat(out)
}

test('whatever is submitted: no Bcc for any reader, a Date, a Message-ID, and the same however it is cut', () => {
  fc.assert(
    fc.property(CONTENT, fc.array(fc.nat(), { maxLength: 6 }), (content, cuts) => {
      const whole = completed(content, [])
      assert.deepEqual(completed(content, cuts), whole)
      const scanner = createScanner()
      scanner.push(whole)
      const { header, root } = scanner.finish().summary
      assert.deepEqual(header.bcc, [])
      assert.notEqual(header.date, null)
      assert.notEqual(header.messageId, null)
      assert.ok(!/^(resent-)?bcc[ \t]*:/im.test(whole.toString('latin1', 0, root.bodyStart)))
    }),
    { numRuns: 2000 },
  )
})
