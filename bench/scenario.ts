/** What a scenario is, and what it is given. It runs in a process of its own, apart from the server. */
import { cpuMs } from './server/processes.ts'
import type { ServerFacts, User } from './server/server.ts'

/** For `/s` units more is better, for all others less. */
export type Unit = 'msgs/s' | 'MB/s' | 'handshakes/s' | 's' | 'ms' | 'KiB' | 'MiB'

export type Measured = {
  readonly what: string
  readonly value: number
  readonly unit: Unit
  /** Of the whole server for one operation; null where that says nothing. */
  readonly cpuMsEach: number | null
}

export type Stage = {
  readonly server: ServerFacts
  /** From 0; -1 is to warm up. */
  readonly round: number
  /** The full size of a measurement, or a small one with `--quick` or `--tiny`. */
  size(full: number, quick: number): number
  user(index: number): User
  /** Empty, for this round. */
  readonly scratch: string
}

export type Scenario = {
  readonly name: string
  /** What is done, for a reader of the results. */
  readonly about: string
  /** 1 where the work cannot be repeated on the same mailbox. */
  readonly rounds: number
  /** Whether a round that is not counted comes first: a server in use has compiled what runs often, and filled its caches. */
  readonly warmUp: boolean
  run(stage: Stage): Promise<readonly Measured[]>
}

export const isMoreBetter = (unit: Unit): boolean => unit.endsWith('/s')

export type Timed = { readonly seconds: number; readonly cpuMs: number }

export async function timed({ pids }: ServerFacts, work: () => Promise<unknown>): Promise<Timed> {
  const cpuBefore = cpuMs(pids)
  const start = performance.now()
  await work()
  const seconds = (performance.now() - start) / 1000
  return { seconds, cpuMs: cpuMs(pids) - cpuBefore }
}

/** So many operations in so much time, as a rate. */
export const rate = (what: string, operations: number, time: Timed, unit: Unit = 'msgs/s'): Measured => ({
  what,
  value: operations / time.seconds,
  unit,
  cpuMsEach: time.cpuMs / operations,
})

export const duration = (what: string, time: Timed): Measured => ({
  what,
  value: time.seconds,
  unit: 's',
  cpuMsEach: time.cpuMs,
})

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)
