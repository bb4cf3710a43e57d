/** Starts the writer in a thread of its own. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { assert } from '../../std/assert.ts'
import type { Log } from '../../std/log.ts'
import type { Snapshot } from '../../std/metrics.ts'
import { StoreError } from '../contract.ts'
import { InUse } from './lock.ts'
import { NewerSchema } from './migrate.ts'
import { DatabaseMissing } from './recover.ts'
import { errorOf, type News, type Order } from './wire.ts'
import type { WriterThreadData } from './writer-thread.ts'

export type StoreWriter = {
  /** A port for `connectStore`, in this thread or (transferred) another. */
  connect(): MessagePort
  /** Commits what has arrived, then ends the thread. Connected stores should be closed before. */
  close(): Promise<void>
  /**
   * Resolves with the reason when the thread ends without `close`, or when a write has failed for good: nothing can be
   * written any more. `close` still is to be called.
   */
  readonly failed: Promise<Error>
  /** What the writer has counted; null when it is gone. Calls that come together share an answer. */
  metrics(): Promise<Snapshot | null>
}

/**
 * Opens a data directory for writing, making or migrating it first.
 * @throws InUse, NewerSchema, DatabaseMissing: one line for the operator
 * @throws StoreError
 */
export async function startStoreWriter(options: {
  dataDir: string
  log: Log
  /** Reads the whole database for damage before opening (R11). */
  quickCheck?: boolean
  segmentMaxOctets?: number
}): Promise<StoreWriter> {
  const { dataDir, log, quickCheck = false, segmentMaxOctets = null } = options
  const data: WriterThreadData = { dataDir, quickCheck, segmentMaxOctets }
  const file = import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './writer-thread.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData: data, name: 'store-writer' })
  const failed = Promise.withResolvers<Error>()
  const exited = Promise.withResolvers<void>()
  const ready = Promise.withResolvers<void>()
  let closing = false
  let asked: PromiseWithResolvers<Snapshot | null> | null = null

  worker.on('message', (news: News) => {
    if (news.at === 'log') log[news.level](news.event)
    else if (news.at === 'ready') ready.resolve()
    else if (news.at === 'poisoned') failed.resolve(new StoreError('device', news.message))
    else if (news.at === 'metrics') {
      asked?.resolve(news.snapshot)
      asked = null
    } else {
      closing = true
      ready.reject(refusal(news))
    }
  })
  worker.on('error', (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (code) => {
    exited.resolve()
    asked?.resolve(null)
    if (!closing) fail(new Error(`the store's writer thread ended with code ${code}`))
  })

  function fail(error: Error): void {
    if (closing) return
    closing = true
    log.error({ event: 'store.writer.died', cause: String(error) })
    ready.reject(error)
    failed.resolve(error)
  }

  const order = (what: Order, transfer: readonly MessagePort[] = []): void => worker.postMessage(what, transfer)

  await ready.promise
  return {
    failed: failed.promise,
    metrics() {
      if (closing) return Promise.resolve(null)
      if (asked === null) {
        asked = Promise.withResolvers()
        order({ do: 'tell-metrics' })
      }
      return asked.promise
    },
    connect() {
      assert(!closing, 'the writer is open')
      const { port1, port2 } = new MessageChannel()
      order({ do: 'connect', port: port1 }, [port1])
      return port2
    },
    async close() {
      if (!closing) {
        closing = true
        order({ do: 'close' })
      }
      await exited.promise
    },
  }
}

function refusal({ name, kind, message }: Extract<News, { at: 'refused' }>): Error {
  if (name === 'InUse') return new InUse(message)
  if (name === 'NewerSchema') return new NewerSchema(message)
  if (name === 'DatabaseMissing') return new DatabaseMissing(message)
  return errorOf({ kind, message })
}
