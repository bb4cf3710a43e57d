import { STORE_CHECK_DELAY_MS, STORE_CHECK_EVERY_MS } from '../model/limits.ts'
import { STORE_DAMAGED } from '../model/metrics.ts'
import { checkPages } from '../store/sqlite/check.ts'
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'

/** Looks through the database for damage soon after the start, then each week; what is found is told, and mail goes on. */
export function watchStore(parts: { dataDir: string; clock: Clock; log: Log; metrics: Metrics }): () => Promise<void> {
  const { dataDir, clock, log, metrics } = parts
  const ending = new AbortController()
  let looking: Promise<void> = Promise.resolve()
  metrics.set(STORE_DAMAGED, {}, 0)

  const look = async (): Promise<void> => {
    const found = await checkPages(dataDir, ending.signal)
    metrics.set(STORE_DAMAGED, {}, found.length === 0 ? 0 : 1)
    if (found.length > 0) log.error({ event: 'store.damaged', found, fix: 'gavan repair --check' })
    else if (!ending.signal.aborted) log.info({ event: 'store.checked' })
  }
  const later = (ms: number): (() => void) =>
    clock.timer(ms, () => {
      cancel = later(STORE_CHECK_EVERY_MS)
      looking = look()
    })
  let cancel = later(STORE_CHECK_DELAY_MS)

  return async () => {
    cancel()
    ending.abort()
    await looking
  }
}
