import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HeaderAddress, HeaderSummary, MessageSummary, Part, SortKeys } from '../../model/message.ts'
import { decodeSummary, encodeSummary, sortKeysFrom } from './summary-codec.ts'

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

test('sort keys stand before a summary, which is read with and without them', () => {
  const word = fc.string({ unit: 'grapheme' }).map((one) => one.replace(/[\t\n]/g, ' '))
  const id = fc.stringMatching(/^[\w-]{12}$/)
  const sortKeys: fc.Arbitrary<SortKeys> = record({
    sentAt: fc.option(fc.integer()),
    subject: word,
    isReply: fc.boolean(),
    from: word,
    to: word,
    cc: word,
    displayFrom: word,
    displayTo: word,
    messageId: fc.option(id),
    references: fc.array(id, { maxLength: 4 }),
  })
  fc.assert(
    fc.property(summary, sortKeys, (one, keys) => {
      const encoded = encodeSummary({ ...one, sortKeys: keys })
      assert.deepEqual(decodeSummary(encoded), one)
      assert.deepEqual(sortKeysFrom(encoded.slice(0, encoded.indexOf('\n')).split('\t'), 0), keys)
    }),
  )
  assert.equal(sortKeysFrom([''], 0), null)
})
