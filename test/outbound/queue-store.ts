import type { QueueId, TraceId } from '../../src/model/ids.ts'
import type { Answer, QueueEntry } from '../../src/model/queue.ts'
import { StoreError, type AcceptInput, type Command, type Commands, type Store } from '../../src/store/contract.ts'

type Row = { entry: QueueEntry; content: Uint8Array; lease: string | null; leaseUntil: number }

export type QueueStore = Pick<Store, 'run' | 'queue' | 'changes'> & {
  add(entry: Partial<QueueEntry> & Pick<QueueEntry, 'destination' | 'recipients'>, content?: string): QueueId
  readonly entries: readonly QueueEntry[]
  readonly notices: readonly AcceptInput[]
  /** The next `run`s fail. */
  failNext: number
}

/** The queue commands of a store, in memory and without waiting: what the scheduler needs under a manual clock. */
export function createQueueStore(clock: { now(): number }): QueueStore {
  const rows = new Map<QueueId, Row>()
  const notices: AcceptInput[] = []
  const heard = new Set<() => void>()
  let nextId = 1
  const tell = (): void => heard.forEach((hear) => hear())
  const dueAt = (row: Row): number => (row.lease === null ? row.entry.nextAttemptAt : row.leaseUntil)

  const handlers: { [K in keyof Commands]?: (input: never) => unknown } = {
    claimDue(input: Commands['claimDue']['input']) {
      const counts = new Map<string, number>()
      const entries: QueueEntry[] = []
      for (const row of [...rows.values()].toSorted((a, b) => dueAt(a) - dueAt(b))) {
        const { destination } = row.entry
        const count = counts.get(destination) ?? 0
        if (row.entry.held || dueAt(row) > input.now || input.except.includes(destination)) continue
        if (count >= input.perDestination || entries.length >= input.limit) continue
        counts.set(destination, count + 1)
        row.lease = input.lease
        row.leaseUntil = input.leaseUntil
        entries.push(row.entry)
      }
      return { entries }
    },
    settle(input: Commands['settle']['input']) {
      const row = rows.get(input.queueId)
      if (row === undefined || row.lease !== input.lease) return { at: 'lease-lost' }
      row.entry = settled(row.entry, input)
      row.lease = null
      notices.push(...input.notices)
      if (row.entry.recipients.every(({ state }) => state.at !== 'waiting')) rows.delete(input.queueId)
      tell()
      return { at: 'done' }
    },
    releaseLeases({ prefix }: { prefix: string }) {
      const found = [...rows.values()].filter(({ lease }) => lease?.startsWith(prefix) === true)
      for (const row of found) row.lease = null
      return { queueIds: found.map(({ entry }) => entry.queueId) }
    },
    holdQueued({ queueIds }: Commands['holdQueued']['input']) {
      for (const row of rows.values())
        if (queueIds?.includes(row.entry.queueId) !== false) row.entry = { ...row.entry, held: true }
      tell()
      return { queueIds: queueIds ?? [...rows.keys()] }
    },
    retryQueued({ queueIds, now }: Commands['retryQueued']['input']) {
      for (const id of queueIds ?? [...rows.keys()]) {
        const row = rows.get(id)
        if (row !== undefined) row.entry = { ...row.entry, nextAttemptAt: now, held: false }
      }
      tell()
      return { queueIds: queueIds ?? [...rows.keys()] }
    },
    shiftQueued({ byMs, arrivedSince, now }: Commands['shiftQueued']['input']) {
      for (const row of rows.values()) {
        const { acceptedAt, expiresAt, nextAttemptAt } = row.entry
        if (acceptedAt >= arrivedSince && acceptedAt <= now) continue
        row.leaseUntil += byMs
        row.entry = {
          ...row.entry,
          acceptedAt: acceptedAt + byMs,
          expiresAt: expiresAt + byMs,
          nextAttemptAt: nextAttemptAt + byMs,
        }
      }
      tell()
      return { at: 'done' }
    },
    resumeQueued({ now, lateMs }: Commands['resumeQueued']['input']) {
      let resumed = 0
      for (const row of rows.values()) {
        const { acceptedAt, expiresAt, nextAttemptAt, held } = row.entry
        const early = acceptedAt > now + lateMs
        const late = row.lease === null && !held && nextAttemptAt < now - lateMs
        if (!early && !late) continue
        resumed++
        if (early) row.entry = { ...row.entry, acceptedAt: now, expiresAt: expiresAt + now - acceptedAt }
        else row.entry = { ...row.entry, nextAttemptAt: now, expiresAt: expiresAt + now - nextAttemptAt }
      }
      return { resumed }
    },
    removeQueued({ queueIds }: Commands['removeQueued']['input']) {
      return { queueIds: queueIds.filter((id) => rows.delete(id)) }
    },
  }

  const store: QueueStore = {
    failNext: 0,
    get entries() {
      return [...rows.values()].map(({ entry }) => entry)
    },
    notices,
    add(entry, content = 'Subject: test\r\n\r\nHello\r\n') {
      const queueId = nextId++ as QueueId
      const bytes = Buffer.from(content)
      const now = clock.now()
      const row: QueueEntry = {
        queueId,
        traceId: `trace${queueId}` as TraceId,
        envelope: {
          reversePath: { localPart: 'alice', domain: 'home.example' },
          body: '7BIT',
          smtputf8: false,
          requireTls: false,
        },
        sizeOctets: bytes.length,
        acceptedAt: now,
        expiresAt: now + 5 * 24 * 3600 * 1000,
        attempts: 0,
        nextAttemptAt: now,
        delayNoticeAt: null,
        senderVerified: true,
        held: false,
        ...entry,
      }
      rows.set(queueId, { entry: row, content: bytes, lease: null, leaseUntil: 0 })
      tell()
      return queueId
    },
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the contract's signature
    async run<C extends Command>(command: C) {
      await Promise.resolve()
      if (store.failNext > 0) {
        store.failNext--
        throw new StoreError('busy', 'told to fail')
      }
      const handler = handlers[command.do] as ((input: C) => never) | undefined
      if (handler === undefined) throw new Error(`no ${command.do} here`)
      return handler(command)
    },
    queue: {
      list: async () => [...rows.values()].map(({ entry }) => entry),
      stsPolicy: async () => null,
      entry: async (id) => rows.get(id)?.entry ?? null,
      read: async (id, start, end) => rows.get(id)!.content.subarray(start, end),
      async nextDueAt() {
        const due = [...rows.values()].filter(({ entry }) => !entry.held).map(dueAt)
        return due.length === 0 ? null : Math.min(...due)
      },
      depth: async () => ({ active: 0, due: 0, waiting: rows.size, held: 0, oldestAcceptedAt: null }),
    },
    changes: {
      watchAccount: () => () => {},
      watchDirectory: () => () => {},
      watchQueue(hear) {
        heard.add(hear)
        return () => heard.delete(hear)
      },
    },
  }
  return store
}

function settled(entry: QueueEntry, input: Commands['settle']['input']): QueueEntry {
  const results = new Map(input.results.map((result) => [result.index, result]))
  return {
    ...entry,
    attempts: entry.attempts + (input.attempted ? 1 : 0),
    nextAttemptAt: input.nextAttemptAt,
    delayNoticeAt: input.delayNoticed ? input.now : entry.delayNoticeAt,
    recipients: entry.recipients.map((recipient) => {
      const result = results.get(recipient.index)
      if (result === undefined || recipient.state.at !== 'waiting') return recipient
      const answer: Answer = result.answer
      if (result.to === 'waiting') return { ...recipient, lastAnswer: answer }
      return { ...recipient, state: { at: result.to, answer, atMs: input.now } }
    }),
  }
}
