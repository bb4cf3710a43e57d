/** Keeps a thread running: one that dies unexpectedly is replaced, the others never notice. */
import { Worker, type Transferable } from 'node:worker_threads'
import {
  THREAD_USE_TIMEOUT_MS,
  DRAIN_TIMEOUT_MS,
  METRICS_TIMEOUT_MS,
  THREAD_RESTART_DELAY_MS,
} from '../model/limits.ts'
import type { GuardNews } from '../core/guard/news.ts'
import type { PublicAnswers } from '../model/certificate.ts'
import type { ServiceName } from '../model/service.ts'
import { never } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import type { Snapshot } from '../std/metrics.ts'
import type { Seen } from './evidence.ts'
import type { LogLevel } from './log.ts'
import type { LiveSettings } from './settings.ts'
import type { TlsMaterial } from './tls-material.ts'

export type OpenedPort = { readonly service: ServiceName; readonly address: string; readonly port: number }

/** What a thread tells when it is asked; `seen` only where it listens. */
export type Told = { readonly snapshot: Snapshot; readonly seen: readonly Seen[] }

export type FromThread =
  | { readonly at: 'ready'; readonly ports: readonly OpenedPort[] }
  | { readonly at: 'cannot-start'; readonly message: string }
  | ({ readonly at: 'metrics' } & Told)
  | ({ readonly at: 'used'; readonly number: number } & Used)
  /** For the guards of the other threads, and the keeper of bans. */
  | { readonly at: 'news'; readonly item: GuardNews }

/** Goes by it now; or goes on as before, and why. */
export type Used = {
  readonly problem: string | null
  /** What it listens on now, where that was asked. */
  readonly ports?: readonly OpenedPort[]
}

/** What takes the place of what the thread has. */
export type ToUse =
  | { readonly do: 'use-settings'; readonly settings: LiveSettings }
  | { readonly do: 'use-log-level'; readonly level: LogLevel }
  | { readonly do: 'use-tls'; readonly material: TlsMaterial }
  | { readonly do: 'use-answers'; readonly answers: PublicAnswers }

export type ToThread =
  | { readonly do: 'drain' }
  | { readonly do: 'tell-metrics' }
  | { readonly do: 'hear'; readonly item: GuardNews }
  | (ToUse & { readonly number: number })

export type SupervisedThread = {
  /** What the first run opened. @throws when it could not start */
  readonly ready: Promise<readonly OpenedPort[]>
  /** Resolves when the thread goes by it, or has ended: the next run begins with what holds then. */
  use(what: ToUse): Promise<Used>
  /** Lets this run end what it has begun, then begins the next one with what holds then. */
  beginAnew(): Promise<void>
  /** What this run of the thread has counted; null when it does not tell in METRICS_TIMEOUT_MS. */
  metrics(): Promise<Snapshot | null>
  /** What its listeners have seen; null likewise. */
  seen(): Promise<readonly Seen[] | null>
  /** News of another thread's guard. Not by a BroadcastChannel: its events load undici, in every thread. */
  hear(item: GuardNews): void
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
  /** Heap that a run may have; with more it dies, and it alone. Absent: V8's own limit, for the whole program. */
  heapMaxMib?: number
  /** What its guard tells. */
  news?: (item: GuardNews) => void
  clock: Clock
  log: Log
}): SupervisedThread {
  const { name, file, prepare, heapMaxMib, news = () => {}, clock, log } = options
  let draining = false
  /** Ends by our wish, and is followed at once. */
  let replacing = false
  let current: Worker | null = null
  let exited: Promise<void> = Promise.resolve()
  /** Scrapes that come together share an answer. */
  let asked: PromiseWithResolvers<Told | null> | null = null
  const { promise: ready, resolve, reject } = Promise.withResolvers<readonly OpenedPort[]>()

  let number = 0
  const waiting = new Map<number, (outcome: Used) => void>()
  const used = (upTo: number, outcome: Used = { problem: null }): void => {
    for (const [each, done] of waiting) {
      if (each > upTo) continue
      waiting.delete(each)
      done(outcome)
    }
  }

  const start = (): void => {
    const { data, transfer } = prepare()
    const limits = heapMaxMib === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMaxMib } }
    const worker = new Worker(file, { name, workerData: data, transferList: transfer, ...limits })
    const end = Promise.withResolvers<void>()
    current = worker
    exited = end.promise
    let wasReady = false
    worker.on('message', (message: FromThread) => {
      switch (message.at) {
        case 'ready':
          wasReady = true
          return resolve(message.ports)
        case 'cannot-start':
          wasReady = false
          return reject(new Error(message.message))
        case 'metrics':
          return asked?.resolve(message)
        case 'used':
          return used(message.number, message)
        case 'news':
          return news(message.item)
        default:
          return never(message)
      }
    })
    worker.on('error', (error) => {
      log.error({ event: 'thread.failed', thread: name, error: error instanceof Error ? error.stack : String(error) })
    })
    worker.on('exit', () => {
      end.resolve()
      asked?.resolve(null)
      if (current === worker) current = null
      used(Infinity)
      reject(new Error(`thread ${name} ended before it was ready`))
      if (draining || !wasReady) return
      if (replacing) {
        replacing = false
        return start()
      }
      log.warn({ event: 'thread.restarted', thread: name })
      clock.timer(THREAD_RESTART_DELAY_MS, () => {
        if (!draining) start()
      })
    })
  }
  start()

  async function ask(): Promise<Told | null> {
    if (asked !== null) return asked.promise
    const mine = Promise.withResolvers<Told | null>()
    asked = mine
    const cancel = clock.timer(METRICS_TIMEOUT_MS, () => mine.resolve(null))
    current?.postMessage({ do: 'tell-metrics' } satisfies ToThread)
    const told = await mine.promise
    cancel()
    asked = null
    return told
  }

  /** @returns once the run that is told has ended, by itself or not */
  async function endRun(): Promise<void> {
    current?.postMessage({ do: 'drain' } satisfies ToThread)
    const worker = current
    const cancel = clock.timer(DRAIN_TIMEOUT_MS, () => void worker?.terminate())
    await exited
    cancel()
  }

  return {
    ready,
    async use(what) {
      if (current === null) return { problem: null }
      const done = Promise.withResolvers<Used>()
      const mine = ++number
      waiting.set(mine, done.resolve)
      const cancel = clock.timer(THREAD_USE_TIMEOUT_MS, () => used(mine))
      current.postMessage({ ...what, number: mine } satisfies ToThread)
      const outcome = await done.promise
      cancel()
      return outcome
    },
    async beginAnew() {
      if (current === null || draining || replacing) return
      replacing = true
      await endRun()
    },
    metrics: async () => (await ask())?.snapshot ?? null,
    seen: async () => (await ask())?.seen ?? null,
    hear: (item) => current?.postMessage({ do: 'hear', item } satisfies ToThread),
    async drain() {
      draining = true
      await endRun()
    },
  }
}
