import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '../../model/ids.ts'
import { HOUR } from '../../std/clock.ts'
import { silentLog } from '../../std/log.ts'
import { createTestClock } from '../../std/test-clock.ts'
import { createTestDirectory } from '../testing/test-directory.ts'
import { createSending } from './sending.ts'

const NOW_HOUR = 500_000
const ANN = 1 as AccountId

test('why no more may be sent, and from when on', async () => {
  const clock = createTestClock({ nowMs: NOW_HOUR * HOUR + 5 })
  const hours = [
    { hour: NOW_HOUR - 20, messages: 2, recipients: 50 },
    { hour: NOW_HOUR - 3, messages: 2, recipients: 30 },
  ]
  const asked: unknown[] = []
  const directory = {
    ...createTestDirectory({ domains: {} }),
    sending: async (_: AccountId, span: object) => {
      asked.push(span)
      return { limit: null, hours }
    },
  }
  const sending = createSending({ directory, clock, log: silentLog })
  const usual = { messages: 5, recipients: 100 }
  const [first, third] = [(NOW_HOUR + 4) * HOUR, (NOW_HOUR + 21) * HOUR]
  assert.equal(await sending.refusal(ANN, usual, 20), null)
  assert.deepEqual(await sending.refusal(ANN, usual, 21), { what: 'recipients', max: 100, freeAt: first })
  assert.deepEqual(await sending.refusal(ANN, usual, 100), { what: 'recipients', max: 100, freeAt: third })
  assert.deepEqual(await sending.refusal(ANN, usual, 101), { what: 'recipients', max: 100, freeAt: null })
  const few = { messages: 4, recipients: 100 }
  assert.deepEqual(await sending.refusal(ANN, few, 1), { what: 'messages', max: 4, freeAt: first })
  assert.deepEqual(await sending.refusal(ANN, { messages: 0, recipients: 0 }, 1), {
    what: 'messages',
    max: 0,
    freeAt: null,
  })
  assert.deepEqual(await sending.of(ANN, usual), { limit: usual, sent: { messages: 4, recipients: 80 } })
  assert.deepEqual(asked[0], { from: NOW_HOUR - 23, to: NOW_HOUR })
})
