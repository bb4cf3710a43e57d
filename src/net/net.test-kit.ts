import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../std/clock.ts'
import { silentLog } from '../std/log.ts'
import type { Log, LogEvent } from '../std/log.ts'
import { createTestRandom } from '../std/test-random.ts'
import { localCertificate } from './certificate-authority.ts'
import type { LocalCertificate } from './certificate-authority.ts'

/** Real time for tests over real sockets. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fn) {
    const timer = setTimeout(fn, ms).unref()
    return () => clearTimeout(timer)
  },
}

export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'gavan-net-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

let serial = 0

/** A certificate of a fresh CA. */
export async function testCertificate(...names: string[]): Promise<LocalCertificate> {
  await using directory = await temporaryDirectory()
  return await localCertificate({
    directory: directory.path,
    names: names.length === 0 ? ['localhost', '127.0.0.1'] : names,
    clock: realClock,
    random: createTestRandom(Date.now() + serial++),
  })
}

export function recordingLog(): Log & { events: LogEvent[] } {
  const events: LogEvent[] = []
  const record = (event: LogEvent): void => void events.push(event)
  return { ...silentLog, debug: record, info: record, warn: record, error: record, with: () => recordingLog(), events }
}

export async function readAll(connection: { read(ms: number): Promise<Uint8Array | null> }): Promise<string> {
  const parts: Uint8Array[] = []
  for (let chunk = await connection.read(5000); chunk !== null; chunk = await connection.read(5000)) parts.push(chunk)
  return Buffer.concat(parts).toString('latin1')
}
