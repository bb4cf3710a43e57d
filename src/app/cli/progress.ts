/** How far a long command has come, on standard error: one line that changes at a terminal, a line now and then elsewhere. */
import { say } from './output.ts'

const AT_TERMINAL_MS = 200
const ELSEWHERE_MS = 10_000

export type Progress = {
  show(text: string): void
  /** Clears the line. */
  end(): void
}

export function openProgress(): Progress {
  const atTerminal = process.stderr.isTTY
  let last = performance.now()
  let shown = false
  return {
    show(text) {
      const now = performance.now()
      if (now - last < (atTerminal ? AT_TERMINAL_MS : ELSEWHERE_MS)) return
      last = now
      shown = true
      if (atTerminal) process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`)
      else say(text)
    },
    end() {
      if (atTerminal && shown) process.stderr.write('\r\x1b[K')
    },
  }
}

/** Fires at the first Ctrl-C or SIGTERM: the command comes to a whole state and ends. A second one ends it at once. */
export function cancelSignal(): AbortSignal {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
  return ending.signal
}
