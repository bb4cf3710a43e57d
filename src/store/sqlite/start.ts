/** Starts the writer in a thread of its own. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { assert } from '../../std/assert.ts'
import type { Log } from '../../std/log.ts'
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
  /** Resolves with the reason when the thread ends without `close`: nothing can be written any more. */
  readonly failed: Promise<Error>
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

  worker.on('message', (news: News) => {
    if (news.at === 'log') log[news.level](news.event)
    else if (news.at === 'ready') ready.resolve()
    else {
      closing = true
      ready.reject(refusal(news))
    }
  })
  worker.on('error', (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (code) => {
    exited.resolve()
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
