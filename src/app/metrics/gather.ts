/** One page of numbers: what each thread has counted, added up, and how things stand at this moment. */
import { createCertificates } from '../../net/certificates.ts'
import type { Clock } from '../../std/clock.ts'
import { sleep } from '../../std/clock.ts'
import { sumSnapshots, type createMetrics, type Snapshot } from '../../std/metrics.ts'
import { METRICS_TIMEOUT_MS } from '../../model/limits.ts'
import {
  ALL_METRICS,
  BUILD_INFO,
  MEMORY_BYTES,
  QUEUE_MESSAGES,
  QUEUE_OLDEST_SECONDS,
  THREADS_SILENT,
  TLS_EXPIRY,
} from '../../model/metrics.ts'
import type { Store } from '../../store/contract.ts'
import type { TlsMaterial } from '../tls-material.ts'
import { VERSION } from '../version.ts'
import { printMetrics } from './text.ts'

type Counting = { metrics(): Promise<Snapshot | null> }

export function createGather(options: {
  /** Of the main thread. */
  metrics: ReturnType<typeof createMetrics>
  threads: () => readonly Counting[]
  store: Pick<Store, 'queue'>
  tls: () => TlsMaterial
  clock: Clock
}): () => Promise<string> {
  const { metrics, threads, store, tls, clock } = options
  metrics.set(BUILD_INFO, { version: VERSION, node: process.versions.node }, 1)
  let known: { material: TlsMaterial; expiresAt: number | null } | null = null

  /** When the first certificate ends; read anew only after they have changed. */
  const expiresAt = (): number | null => {
    const material = tls()
    if (known?.material !== material) {
      const ends = createCertificates(material.certificates)
        .facts()
        .map(({ notAfter }) => notAfter)
      known = { material, expiresAt: ends.length === 0 ? null : Math.min(...ends) }
    }
    return known.expiresAt
  }

  const measure = async (): Promise<void> => {
    const now = clock.now()
    const { oldestAcceptedAt, ...depth } = await store.queue.depth(now)
    for (const [state, count] of Object.entries(depth)) metrics.set(QUEUE_MESSAGES, { state }, count)
    const age = oldestAcceptedAt === null ? 0 : Math.max(0, now - oldestAcceptedAt)
    metrics.set(QUEUE_OLDEST_SECONDS, {}, age / 1000)
    metrics.set(MEMORY_BYTES, {}, process.memoryUsage.rss())
    const end = expiresAt()
    if (end !== null) metrics.set(TLS_EXPIRY, {}, end / 1000)
  }

  const inTime = (counting: Counting): Promise<Snapshot | null> =>
    Promise.race([counting.metrics(), sleep(clock, METRICS_TIMEOUT_MS).then(() => null)])

  return async () => {
    const [told] = await Promise.all([Promise.all(threads().map(inTime)), measure()])
    const snapshots = told.filter((snapshot) => snapshot !== null)
    metrics.set(THREADS_SILENT, {}, told.length - snapshots.length)
    return printMetrics(ALL_METRICS, sumSnapshots([...snapshots, metrics.snapshot()]))
  }
}
