import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/random.ts'
import type { Endpoint } from '../model/connection.ts'

/** `setTimeout` counts milliseconds in 31 bits; a longer wait is made of several. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fn) {
    let timer: NodeJS.Timeout
    const arm = (rest: number): void => {
      const step = Math.min(Math.max(0, rest), TIMER_MAX_MS)
      timer = setTimeout(() => (rest > step ? arm(rest - step) : fn()), step)
      timer.unref()
    }
    arm(ms)
    return () => clearTimeout(timer)
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
}

const POOL_OCTETS = 4096

/** The machine's own chance, drawn in pools: most callers want a few bytes. */
export function createSystemRandom(): Random {
  const pool = new Uint8Array(POOL_OCTETS)
  let at = POOL_OCTETS
  const bytes = (count: number): Uint8Array => {
    if (count > POOL_OCTETS / 8) return randomFillSync(new Uint8Array(count))
    if (at + count > POOL_OCTETS) {
      randomFillSync(pool)
      at = 0
    }
    const drawn = pool.slice(at, at + count)
    pool.fill(0, at, at + count)
    at += count
    return drawn
  }
  return {
    bytes,
    float() {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes(6)
      return (((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f) / 2 ** 48
    },
  }
}

export type LoopWatch = {
  /** How late ticks of this thread's event loop were since the last call; 0 when there were none. */
  take(): { readonly medianMs: number; readonly p90Ms: number; readonly longestMs: number }
}

const NANOSECONDS_PER_MS = 1e6

/** Rare enough that a thread at rest costs nothing. */
const LOOP_TICK_MS = 100

/**
 * Measures by ticks. (Node 26 can measure each turn, `samplePerIteration`; seen there: a wait for the network is taken for
 * a turn now and then.)
 */
export function watchLoop(): LoopWatch {
  const delays = monitorEventLoopDelay({ resolution: LOOP_TICK_MS })
  delays.enable()
  return {
    take() {
      const late = (nanoseconds: number): number =>
        delays.count === 0 ? 0 : Math.max(0, nanoseconds / NANOSECONDS_PER_MS - LOOP_TICK_MS)
      const taken = {
        medianMs: late(delays.percentile(50)),
        p90Ms: late(delays.percentile(90)),
        longestMs: late(delays.max),
      }
      delays.reset()
      return taken
    },
  }
}

/** How many descriptors this process may hold. 1024 where the system does not say. */
export function descriptorsMax(): number {
  try {
    const soft = /^Max open files +(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    if (soft === 'unlimited') return 1_048_576
    return soft === undefined ? 1024 : Number(soft)
  } catch {
    return 1024
  }
}

/**
 * The DNS servers of resolv.conf(5), in its order; 127.0.0.1 when it names none, as the C library does.
 * @param text the file, if it was read already
 */
export function systemResolvers(text: string = readOrEmpty('/etc/resolv.conf')): readonly Endpoint[] {
  const servers: Endpoint[] = []
  for (const line of text.split('\n')) {
    const address = /^nameserver[ \t]+([^\s#;]+)/.exec(line)?.[1]
    if (address !== undefined && isIP(address) !== 0) servers.push({ address, port: 53 })
  }
  return servers.length > 0 ? servers : [{ address: '127.0.0.1', port: 53 }]
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
