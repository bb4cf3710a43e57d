import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogEvent } from '../std/log.ts'
import { keepingLog } from '../../test/mail-stage.ts'
import { systemClock } from './machine.ts'
import { superviseThread } from './supervise.ts'

const thread = (source: string): URL => new URL(`data:text/javascript,${encodeURIComponent(source)}`)

const OBEDIENT = `
  import { parentPort, workerData } from 'node:worker_threads'
  const { starts } = workerData
  parentPort.on('message', ({ do: order }) => { if (order === 'drain') process.exit() })
  parentPort.postMessage({ at: 'ready', ports: [{ service: 'mx', address: '::1', port: Atomics.add(starts, 0, 1) + 1 }] })
`

test('a thread that dies is replaced; one that was asked to end is not', async () => {
  const starts = new Int32Array(new SharedArrayBuffer(4))
  const events: LogEvent[] = []
  const file = thread(
    `${OBEDIENT}; if (Atomics.load(starts, 0) === 1) setTimeout(() => { throw new Error('mishap') }, 10)`,
  )
  const prepare = (): { data: unknown; transfer: [] } => ({ data: { starts }, transfer: [] })
  const supervised = superviseThread({ name: 'x', file, prepare, clock: systemClock, log: keepingLog(events) })
  assert.deepEqual(await supervised.ready, [{ service: 'mx', address: '::1', port: 1 }])
  while (Atomics.load(starts, 0) < 2) await new Promise((resolve) => void setTimeout(resolve, 5))
  await supervised.drain()
  assert.equal(Atomics.load(starts, 0), 2)
  assert.deepEqual(
    events.map(({ event }) => event),
    ['thread.failed', 'thread.restarted'],
  )
})

test('a thread that wants more heap than it may have dies alone, and is replaced', async () => {
  const starts = new Int32Array(new SharedArrayBuffer(4))
  const events: LogEvent[] = []
  const file = thread(`${OBEDIENT}
    if (Atomics.load(starts, 0) === 1) for (const all = []; ;) all.push(Array.from({ length: 100_000 }, Math.random))`)
  const prepare = (): { data: unknown; transfer: [] } => ({ data: { starts }, transfer: [] })
  const log = keepingLog(events)
  const supervised = superviseThread({ name: 'x', file, prepare, heapMaxMib: 32, clock: systemClock, log })
  await supervised.ready
  while (Atomics.load(starts, 0) < 2) await new Promise((resolve) => void setTimeout(resolve, 5))
  await supervised.drain()
  assert.deepEqual(events.map(({ event }) => event), ['thread.failed', 'thread.restarted']) // prettier-ignore
})

test('a thread that cannot start says why, and is not tried again', async () => {
  const file = thread(`
    import { parentPort } from 'node:worker_threads'
    parentPort.postMessage({ at: 'cannot-start', message: 'no such port' })
  `)
  const prepare = (): { data: unknown; transfer: [] } => ({ data: null, transfer: [] })
  const supervised = superviseThread({ name: 'x', file, prepare, clock: systemClock, log: keepingLog([]) })
  await assert.rejects(supervised.ready, /no such port/)
  await supervised.drain()
})

test('what a thread is to go by is confirmed by it; one that ends before is not waited for', async () => {
  const file = thread(`
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', ({ do: order, number, answers }) => {
      if (order === 'drain' || answers?.tokens.length === 0) process.exit()
      if (order === 'use-answers') parentPort.postMessage({ at: 'used', number })
    })
    parentPort.postMessage({ at: 'ready', ports: [] })
  `)
  const prepare = (): { data: unknown; transfer: [] } => ({ data: null, transfer: [] })
  const clock = { ...systemClock, timer: () => () => {} } // No time-out comes to help.
  const supervised = superviseThread({ name: 'x', file, prepare, clock, log: keepingLog([]) })
  await supervised.ready
  await Promise.all(
    [1, 2].map(() => supervised.use({ do: 'use-answers', answers: { tokens: [['a', 'b']], certificates: [] } })),
  )
  const nothing = { tokens: [], certificates: [] } as const
  await supervised.use({ do: 'use-answers', answers: nothing })
  await supervised.use({ do: 'use-answers', answers: nothing })
  await supervised.drain()
})
