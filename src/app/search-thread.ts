/** The thread that feeds the search index and the junk filter: text of all charsets and HTML is read here, behind the mail, at the lowest priority. */
import { flushCompileCache } from 'node:module'
import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { createLearner } from '../core/junk/learner.ts'
import { createIndexer } from '../core/search/indexer.ts'
import { SEARCH_RETRY_MS } from '../model/limits.ts'
import { assert } from '../std/assert.ts'
import { sleep } from '../std/clock.ts'
import { createMetrics } from '../std/metrics.ts'
import { StoreError } from '../store/contract.ts'
import { openJunkMemory } from '../store/junk/junk-file.ts'
import { openSearchIndex } from '../store/search/search-index.ts'
import { connectStore } from '../store/sqlite/connect.ts'
import { systemClock as clock } from './machine.ts'
import type { CommonSettings } from './settings.ts'
import type { FromThread, ToThread } from './supervise.ts'
import { openThreadLog } from './thread-parts.ts'

const port = parentPort
assert(port !== null, 'the search thread is started by the main thread')
const settings = workerData as CommonSettings
const tell = (message: FromThread): void => port.postMessage(message)
const ending = new AbortController()
let ready = false

/** On Linux 0 is this thread, and the others keep their priority; elsewhere it would be the whole program. */
function stepBack(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(0, constants.priority.PRIORITY_LOW)
  } catch {
    // Not allowed here: SEARCH_CPU_SHARE is the bound then.
  }
}

async function run(): Promise<void> {
  stepBack()
  const { log, setLevel, flushed } = openThreadLog(settings.log)
  const { dataDir } = settings
  const store = await connectStore({ dataDir, port: settings.store, clock, log })
  const metrics = createMetrics()
  port?.on('message', (message: ToThread) => {
    if (message.do === 'drain') ending.abort()
    else if (message.do === 'tell-metrics') tell({ at: 'metrics', snapshot: metrics.snapshot(), seen: [] })
    else if (message.do === 'use-log-level') {
      setLevel(message.level)
      tell({ at: 'used', number: message.number, problem: null })
    }
  })
  flushCompileCache()
  tell({ at: 'ready', ports: [] })
  ready = true

  /** A device that does not give it is asked again: mail does not wait for it. */
  async function opened<T>(event: 'search.index.failed' | 'junk.learning.failed', open: () => T): Promise<T | null> {
    while (!ending.signal.aborted) {
      try {
        return open()
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        log.warn({ event, kind: error.kind, error: error.message })
        await sleep(clock, SEARCH_RETRY_MS, ending.signal)
      }
    }
    return null
  }

  async function indexAll(): Promise<void> {
    const index = await opened('search.index.failed', () => openSearchIndex({ dataDir }))
    if (index === null) return
    await createIndexer({ store, index, clock, log, metrics }).run(ending.signal)
    index.close()
  }

  async function learnAll(): Promise<void> {
    const memory = await opened('junk.learning.failed', () => openJunkMemory({ dataDir }))
    if (memory === null) return
    await createLearner({ store, memory, hostname: settings.hostname, clock, log }).run(ending.signal)
    memory.close()
  }

  await Promise.all([indexAll(), learnAll()])
  await store.close()
  await flushed()
  process.exit()
}

/** Once it was ready, whatever ends it makes the main thread start another. */
run().catch((error: unknown) => {
  if (!ready) tell({ at: 'cannot-start', message: error instanceof Error ? error.message : String(error) })
  throw error
})
