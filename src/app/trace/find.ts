/** Finds letters in what the trace kept, and puts together what happened to each. */
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { tracePath } from './journal.ts'

export type TraceEvent = { readonly time: string; readonly event: string } & Readonly<Record<string, unknown>>

export type TracedLetter = {
  readonly traceId: string
  /** By time. */
  readonly events: readonly TraceEvent[]
}

/**
 * @param what any part of an address, a subject, a Message-ID, a trace id; case does not count
 * @param options.limit the newest so many
 * @param options.sinceDay `2026-11-24`; null: all that is kept
 */
export async function findLetters(
  dataDir: string,
  what: string,
  options: { limit: number; sinceDay: string | null },
): Promise<readonly TracedLetter[]> {
  const files = await filesOf(dataDir, options.sinceDay)
  const wanted = what.toLowerCase()
  /** When each letter that matches was last spoken of. */
  const matching = new Map<string, string>()
  for (const file of files) {
    for await (const line of linesOf(file)) {
      if (!line.toLowerCase().includes(wanted)) continue
      const event = eventOf(line)
      const traceId = event?.['traceId']
      if (event === null || typeof traceId !== 'string' || !values(event).some((text) => text.includes(wanted)))
        continue
      if ((matching.get(traceId) ?? '') < event.time) matching.set(traceId, event.time)
    }
  }
  const newest = [...matching].toSorted(([, a], [, b]) => (a < b ? 1 : -1)).slice(0, options.limit)
  if (newest.length === 0) return []
  const byLetter = new Map(newest.map(([traceId]) => [traceId, [] as TraceEvent[]]))
  for (const file of files) {
    for await (const line of linesOf(file)) {
      const traceId = /"traceId":"([a-z\d]+)"/.exec(line)?.[1]
      const event = traceId !== undefined && byLetter.has(traceId) ? eventOf(line) : null
      if (event !== null) byLetter.get(String(event['traceId']))?.push(event)
    }
  }
  return newest.map(([traceId]) => ({
    traceId,
    events: (byLetter.get(traceId) ?? []).toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)),
  }))
}

async function filesOf(dataDir: string, sinceDay: string | null): Promise<string[]> {
  const folder = tracePath(dataDir)
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => name.endsWith('.jsonl') && (sinceDay === null || name.slice(0, 10) >= sinceDay))
    .toSorted()
    .map((name) => join(folder, name))
}

const linesOf = (file: string): AsyncIterable<string> =>
  createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })

/** Null for a line that a crash has cut. */
function eventOf(line: string): TraceEvent | null {
  try {
    const event = JSON.parse(line) as unknown
    return typeof event === 'object' && event !== null && 'time' in event && 'event' in event
      ? (event as TraceEvent)
      : null
  } catch {
    return null
  }
}

/** Texts of its facts, lower-case: names of members are no match. */
function values(event: TraceEvent): string[] {
  const found: string[] = []
  const visit = (value: unknown): void => {
    if (typeof value === 'string') found.push(value.toLowerCase())
    else if (typeof value === 'number') found.push(String(value))
    else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) visit(each)
  }
  for (const [name, value] of Object.entries(event)) if (name !== 'event' && name !== 'time') visit(value)
  return found
}
