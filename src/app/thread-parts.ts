import { openJunkReads } from '../store/junk/junk-file.ts'
import { openSearchReads } from '../store/search/reads.ts'
import { connectStore } from '../store/sqlite/connect.ts'
import { createLineWriter } from './line-writer.ts'
import { createLog, type LogLevel } from './log.ts'
import { createSystemRandom, systemClock } from './machine.ts'
import type { CommonSettings, LogSettings } from './settings.ts'
import { createMetrics, type Snapshot } from '../std/metrics.ts'
import { openTraceWriter, type TraceWriter } from './trace/journal.ts'
import { wireCore, type Core, type Parts } from './wire.ts'

const STANDARD_ERROR = 2

export type ThreadLog = {
  readonly log: Parts['log']
  setLevel(level: LogLevel): void
  flushed(): Promise<void>
}

/** A log of this thread's own; lines of all threads meet on standard error. */
export function openThreadLog(settings: LogSettings, trace: TraceWriter | null = null): ThreadLog {
  const lines = createLineWriter(STANDARD_ERROR)
  const log = createLog({
    ...settings,
    write: (line) => lines.write(line),
    now: () => systemClock.now(),
    ...(trace === null ? {} : { hear: trace.note }),
  })
  return {
    log,
    setLevel: (level) => log.setLevel(level),
    async flushed() {
      await lines.flushed()
      await trace?.flushed()
    },
  }
}

/** What every thread but the writer begins with. */
export async function openThread(settings: CommonSettings): Promise<{
  parts: Required<Parts>
  core: Core
  snapshot(): Snapshot
  setLogLevel(level: LogLevel): void
  close(): Promise<void>
}> {
  const trace = settings.trace ? openTraceWriter({ dataDir: settings.dataDir, now: () => systemClock.now() }) : null
  const { log, setLevel, flushed } = openThreadLog(settings.log, trace)
  const clock = systemClock
  const random = createSystemRandom()
  const store = await connectStore({ dataDir: settings.dataDir, port: settings.store, clock, log })
  const metrics = createMetrics()
  const search = openSearchReads({ dataDir: settings.dataDir, log })
  const junk = openJunkReads({ dataDir: settings.dataDir, log })
  const parts = { store, clock, random, log, metrics, search, junk }
  const core = await wireCore(parts, settings)
  return {
    parts,
    core,
    snapshot: () => metrics.snapshot(),
    setLogLevel: setLevel,
    async close() {
      search.close()
      junk.close()
      await store.close()
      await flushed()
    },
  }
}
