/**
 * What happened to letters, kept for some days so that one can ask later: the events of the log that name a letter or a
 * connection, one JSON object a line, in `trace/DAY.THREAD.jsonl` of the data folder. Each thread writes its own files. They are
 * for reading, not for recovery: nothing waits for them, and a crash may take the last lines.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { TRACE_MAX_OCTETS } from '../../model/limits.ts'
import type { Clock } from '../../std/clock.ts'
import { DAY } from '../../std/clock.ts'
import { createLineWriter, type LineWriter } from '../line-writer.ts'
import type { LogLevel } from '../log.ts'

export type TraceWriter = {
  /** @param facts the event's own, and what the log says with each */
  note(level: LogLevel, event: string, facts: Readonly<Record<string, unknown>>, print: () => string): void
  flushed(): Promise<void>
}

export const tracePath = (dataDir: string): string => join(dataDir, 'trace')

/** Says what the log does not: whom a letter is from and to, and its subject. */
export const LETTER_EVENT = 'smtp.letter'

const dayOf = (now: number): string => new Date(now).toISOString().slice(0, 10)

export function openTraceWriter({ dataDir, now }: { dataDir: string; now: () => number }): TraceWriter {
  let open: { readonly day: string; readonly fd: number; readonly lines: LineWriter } | null = null
  let broken = false

  function linesOf(day: string): LineWriter | null {
    if (open?.day === day) return open.lines
    const before = open
    if (before !== null)
      void before.lines.flushed().then(
        () => closeSync(before.fd),
        () => {},
      )
    open = null
    try {
      mkdirSync(tracePath(dataDir), { recursive: true, mode: 0o700 })
      const fd = openSync(join(tracePath(dataDir), `${day}.${process.pid}-${threadId}.jsonl`), 'a', 0o600)
      open = { day, fd, lines: createLineWriter(fd) }
      return open.lines
    } catch {
      broken = true // The log says the same; mail does not stop over it.
      return null
    }
  }

  return {
    note(level, event, facts, print) {
      if (broken) return
      if (level === 'debug' && event !== LETTER_EVENT) return
      if (facts['traceId'] === undefined && facts['cid'] === undefined) return
      linesOf(dayOf(now()))?.write(print())
    },
    flushed: async () => open?.lines.flushed(),
  }
}

/** Removes what is older than so many days; and, oldest first, what is more than TRACE_MAX_OCTETS. */
export async function pruneTrace(dataDir: string, days: number, now: number): Promise<void> {
  const folder = tracePath(dataDir)
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d{4}-\d\d-\d\d\..*\.jsonl$/.test(name))
  const oldest = dayOf(now - days * DAY)
  let room = TRACE_MAX_OCTETS
  for (const name of names.toSorted().toReversed()) {
    const path = join(folder, name)
    room -= (await stat(path).catch(() => null))?.size ?? 0
    if (name.slice(0, 10) < oldest || room < 0) await rm(path, { force: true })
  }
}

export function keepTracePruned(options: {
  dataDir: string
  days: () => number
  clock: Clock
  failed: (error: unknown) => void
}): () => Promise<void> {
  const { dataDir, days, clock, failed } = options
  let running = Promise.resolve()
  const turn = (): void => {
    running = pruneTrace(dataDir, days(), clock.now()).catch(failed)
    cancel = clock.timer(DAY / 24, turn)
  }
  let cancel = clock.timer(0, turn)
  return async () => {
    cancel()
    await running
  }
}
