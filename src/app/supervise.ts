/** Keeps a thread running: one that dies unexpectedly is replaced, the others never notice. */
import { Worker, type Transferable } from 'node:worker_threads'
import { DRAIN_TIMEOUT_MS, THREAD_RESTART_DELAY_MS } from '../model/limits.ts'
import type { ServiceName } from '../model/service.ts'
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import type { TlsMaterial } from './tls-material.ts'

export type OpenedPort = { readonly service: ServiceName; readonly address: string; readonly port: number }

export type FromThread =
  | { readonly at: 'ready'; readonly ports: readonly OpenedPort[] }
  | { readonly at: 'cannot-start'; readonly message: string }

export type ToThread = { readonly do: 'drain' } | { readonly do: 'use-tls'; readonly material: TlsMaterial }

export type SupervisedThread = {
  /** What the first run opened. @throws when it could not start */
  readonly ready: Promise<readonly OpenedPort[]>
  tell(message: ToThread): void
  /** Asks it to finish; ends it after DRAIN_TIMEOUT_MS. */
  drain(): Promise<void>
}

/** The thread's file beside this one, as source or as built. */
export const threadFile = (name: string): URL =>
  new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

export function superviseThread(options: {
  name: string
  file: URL
  /** Called for each start: ports of the store are good for one thread only. */
  prepare: () => { data: unknown; transfer: Transferable[] }
  clock: Clock
  log: Log
}): SupervisedThread {
  const { name, file, prepare, clock, log } = options
  let draining = false
  let current: Worker | null = null
  let exited: Promise<void> = Promise.resolve()
  const { promise: ready, resolve, reject } = Promise.withResolvers<readonly OpenedPort[]>()

  const start = (): void => {
    const { data, transfer } = prepare()
    const worker = new Worker(file, { name, workerData: data, transferList: transfer })
    const end = Promise.withResolvers<void>()
    current = worker
    exited = end.promise
    let wasReady = false
    worker.on('message', (message: FromThread) => {
      wasReady = message.at === 'ready'
      if (message.at === 'ready') resolve(message.ports)
      else reject(new Error(message.message))
    })
    worker.on('error', (error) => {
      log.error({ event: 'thread.failed', thread: name, error: error instanceof Error ? error.stack : String(error) })
    })
    worker.on('exit', () => {
      end.resolve()
      reject(new Error(`thread ${name} ended before it was ready`))
      if (draining || !wasReady) return
      log.warn({ event: 'thread.restarted', thread: name })
      clock.timer(THREAD_RESTART_DELAY_MS, () => {
        if (!draining) start()
      })
    })
  }
  start()

  return {
    ready,
    tell: (message) => current?.postMessage(message),
    async drain() {
      draining = true
      current?.postMessage({ do: 'drain' } satisfies ToThread)
      const cancel = clock.timer(DRAIN_TIMEOUT_MS, () => void current?.terminate())
      await exited
      cancel()
    },
  }
}
