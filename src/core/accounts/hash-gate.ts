/** Lets few run at once and few wait, so that a flood of logins cannot hold up everything else (S15). */
export type HashGate = {
  /** @returns what `work` came to, or `full` at once when too many wait. `patient` work is never refused. */
  run<T>(work: () => Promise<T>, options?: { patient?: boolean }): Promise<{ done: T } | 'full'>
}

export function createHashGate(options: { atOnceMax: number; waitingMax: number }): HashGate {
  let running = 0
  const waiting: (() => void)[] = []

  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next() // The place is handed over: nobody else can slip in between.
  }

  return {
    async run(work, { patient = false } = {}) {
      if (running < options.atOnceMax) running += 1
      else if (waiting.length >= options.waitingMax && !patient) return 'full'
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return { done: await work() }
      } finally {
        leave()
      }
    },
  }
}
