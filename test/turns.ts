/** How long the event loop is kept from others, measured as CPU time: machines that run tests are shared. */
export type TurnProbe = {
  /** CPU milliseconds of this thread that the longest turn took so far. */
  readonly longestMs: number
  /** CPU milliseconds of this thread since the start. */
  readonly totalMs: number
  /** Octets of memory beyond what there was at the start, at most; looked at now and then. */
  readonly grownOctets: number
  stop(): void
}

/** No turn may be longer (S25). */
export const TURN_MAX_MS = 100
const LOOK_AT_MEMORY_EVERY = 20

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
const memory = (): number => {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Measures every turn of the event loop of this thread until it is stopped. */
export function probeTurns(): TurnProbe {
  const startMs = cpuMs()
  const startOctets = memory()
  let lastMs = startMs
  let longestMs = 0
  let grownOctets = 0
  let turns = 0
  let isOver = false
  const turn = (): void => {
    const now = cpuMs()
    longestMs = Math.max(longestMs, now - lastMs)
    lastMs = now
    if (++turns % LOOK_AT_MEMORY_EVERY === 0) grownOctets = Math.max(grownOctets, memory() - startOctets)
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    get longestMs() {
      return longestMs
    },
    get totalMs() {
      return lastMs - startMs
    },
    get grownOctets() {
      return grownOctets
    },
    stop() {
      isOver = true
    },
  }
}
