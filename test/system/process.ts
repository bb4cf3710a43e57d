/** What the system says of a running process (Linux). */
import { readdirSync, readFileSync } from 'node:fs'

/** Of Linux on every platform that Node runs on. */
const TICKS_PER_SECOND = 100
const PAGE_OCTETS = 4096

/** Processor time of all its threads so far, in milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}

/** Memory it holds, in octets. */
export const memoryOctets = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_OCTETS

export const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** The value below which the share of the list lies. */
export function percentile(list: readonly number[], share: number): number {
  const sorted = list.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
