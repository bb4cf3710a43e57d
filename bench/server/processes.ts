/** What a tree of processes has used, from /proc (proc(5)): that of Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ, the unit of utime and its like, is 100 on every Linux that runs Node. */
const TICK_MS = 10

type Stat = { readonly pid: number; readonly parent: number; readonly ticks: number }

function readStat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name, in parentheses, may hold anything; the state is the third field and the first after it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [utime, stime, reapedUtime, reapedStime] = fields.slice(11, 15).map(Number)
    return { pid, parent: Number(fields[1]), ticks: utime! + stime! + reapedUtime! + reapedStime! }
  } catch {
    return null // It has ended; its time is in its parent's now.
  }
}

function tree(roots: readonly number[]): Stat[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const all = pids.flatMap((pid) => readStat(Number(pid)) ?? [])
  const wanted = new Set(roots)
  for (let before = 0; before !== wanted.size;) {
    before = wanted.size
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid)
  }
  return all.filter(({ pid }) => wanted.has(pid))
}

export const processCount = (roots: readonly number[]): number => tree(roots).length

/** CPU time of the tree so far, of living processes and of those that have been reaped. */
export const cpuMs = (roots: readonly number[]): number =>
  tree(roots).reduce((sum, { ticks }) => sum + ticks * TICK_MS, 0)

/** Memory of the tree in KiB: proportional set size, which counts a shared page once, and plain resident set size. */
export function memoryKiB(roots: readonly number[]): { pss: number; rss: number } {
  const sum = { pss: 0, rss: 0 }
  for (const { pid } of tree(roots)) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
      sum.pss += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0)
      sum.rss += Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0)
    } catch {
      // It has ended.
    }
  }
  return sum
}
