import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HeaderAddress, HeaderSummary, MessageSummary, Part } from '../../model/message.ts'
import { decodeSummary, encodeSummary } from './summary-codec.ts'

/** Plain objects only: nothing else comes out of a scan. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true })

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }))
const maybe = fc.option(text)
const address: fc.Arbitrary<HeaderAddress> = record({ name: maybe, mailbox: maybe, host: maybe })
const addresses = fc.array(address, { maxLength: 3 })
const header: fc.Arbitrary<HeaderSummary> = record({
  date: maybe,
  subject: maybe,
  from: addresses,
  sender: addresses,
  replyTo: addresses,
  to: addresses,
  cc: addresses,
  bcc: addresses,
  inReplyTo: maybe,
  messageId: maybe,
})
const parameters = fc.array(fc.tuple(text, text), { maxLength: 2 })
const partAt = (depth: number): fc.Arbitrary<Part> =>
  record({
    type: text,
    subtype: text,
    parameters,
    contentId: maybe,
    description: maybe,
    encoding: text,
    disposition: fc.option(record({ type: text, parameters })),
    language: fc.array(text, { maxLength: 2 }),
    location: maybe,
    md5: maybe,
    headerStart: fc.nat(),
    bodyStart: fc.nat(),
    bodyEnd: fc.nat(),
    lines: fc.nat(),
    parts: depth === 0 ? fc.constant([]) : fc.array(partAt(depth - 1), { maxLength: 2 }),
    message: depth === 0 ? fc.constant(null) : fc.option(record({ summary: header, root: partAt(depth - 1) })),
  })
const summary: fc.Arbitrary<MessageSummary> = record({
  sizeOctets: fc.nat(),
  header,
  root: partAt(3),
  references: fc.array(text),
  sentAt: fc.option(fc.integer()),
  preview: text,
})

test('a summary comes back as it was', () => {
  fc.assert(fc.property(summary, (one) => assert.deepEqual(decodeSummary(encodeSummary(one)), one)))
})

test('sender and reply-to that are the same as From are kept once', () => {
  const from = [{ name: 'A rather long display name', mailbox: 'someone', host: 'a.example' }]
  const [one] = fc.sample(summary, { numRuns: 1, seed: 1 })
  const same = { ...one!, header: { ...one!.header, from, sender: from, replyTo: from.map((a) => ({ ...a })) } }
  assert.deepEqual(decodeSummary(encodeSummary(same)), same)
  assert.equal(encodeSummary(same).split('A rather long display name').length, 2)
})
