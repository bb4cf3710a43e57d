/** SORT and THREAD of 100,000 messages leave others their turns of the event loop (S25). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mailboxes, SortRow } from '../../src/core/contract.ts'
import type { MailboxId, Uid } from '../../src/model/ids.ts'
import { createBreather, type Breather } from '../../src/session/imap/breather.ts'
import { sortMessages } from '../../src/session/imap/sort/sort.ts'
import { printForest, type Forest } from '../../src/session/imap/thread/forest.ts'
import { threadBySubject } from '../../src/session/imap/thread/ordered-subject.ts'
import { threadByReferences, threadByRefs } from '../../src/session/imap/thread/references.ts'
import { readThreadRows, type ThreadRows } from '../../src/session/imap/thread/rows.ts'
import { createTestClock } from '../../src/std/test-clock.ts'
import { probeTurns, TURN_MAX_MS } from '../turns.ts'

const MESSAGES = 100_000
const BATCH = 500
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Words and dates in no order; a third of the messages begin threads. */
function rowOf(i: number): SortRow {
  const mixed = (i * 7919) % MESSAGES
  const thread = i % 3 === 0 ? i : (i * 31) % (i + 1)
  return {
    uid: (i + 1) as Uid,
    internalDate: mixed * 1000,
    sizeOctets: mixed % 5000,
    keys: {
      sentAt: mixed * 1000,
      subject: `ПИСЬМО ${thread % 40_000} ABOUT ${mixed % 7}`,
      isReply: thread !== i,
      from: `PERSON${mixed % 900}`,
      to: '',
      cc: '',
      displayFrom: '',
      displayTo: '',
      messageId: `id${i}`,
      references: thread === i ? [] : [`id${thread}`, `gone${mixed}`],
    },
  }
}

const handle = {
  async *sortRows() {
    for (let start = 0; start < MESSAGES; start += BATCH) {
      await nextTurn()
      yield Array.from({ length: BATCH }, (_, i) => rowOf(start + i))
    }
  },
} as unknown as Mailboxes
const what = { mailboxId: 1 as MailboxId, uids: Uint32Array.from({ length: MESSAGES }, (_, i) => i + 1) }

async function print(forest: Forest, breathe: Breather): Promise<void> {
  let octets = 0
  for await (const piece of printForest(forest, (message) => message + 1, breathe)) octets += piece.length
  assert.ok(octets > MESSAGES * 5)
}

const thread =
  (make: (rows: ThreadRows, breathe: Breather) => Forest | Promise<Forest>, references: boolean) =>
  async (breathe: Breather): Promise<void> =>
    print(await make(await readThreadRows(handle, what, { references }, breathe), breathe), breathe)

const WORK: Readonly<Record<string, (breathe: Breather) => Promise<unknown>>> = {
  'SORT (DATE)': (breathe) => sortMessages(handle, what, [{ key: 'DATE', reverse: false }], breathe),
  'SORT (SUBJECT REVERSE DATE)': (breathe) =>
    sortMessages(
      handle,
      what,
      [
        { key: 'SUBJECT', reverse: false },
        { key: 'DATE', reverse: true },
      ],
      breathe,
    ),
  'THREAD ORDEREDSUBJECT': thread(threadBySubject, false),
  'THREAD REFERENCES': thread(threadByReferences, true),
  'THREAD REFS': thread(threadByRefs, true),
}

for (const [name, work] of Object.entries(WORK)) {
  test(name, async (t) => {
    let turns = 0
    const clock = {
      ...createTestClock(),
      monotonic: () => performance.now(),
      turn: () => {
        turns++
        return nextTurn()
      },
    }
    await nextTurn()
    const probe = probeTurns()
    await nextTurn()
    await work(createBreather(clock))
    await nextTurn()
    probe.stop()
    t.diagnostic(`${Math.round(probe.totalMs)} ms CPU, longest turn ${Math.round(probe.longestMs)} ms`)
    assert.ok(probe.longestMs <= TURN_MAX_MS, `a turn of ${Math.round(probe.longestMs)} ms`)
    assert.ok(turns > 0)
  })
}
