import { write } from 'node:fs'

export type LineWriter = {
  /** Takes whole lines; they leave in order. One after a silence leaves at once, a crowd every PAUSE_MS. */
  write(line: string): void
  /** Resolves when everything has left. */
  flushed(): Promise<void>
}

const RETRY_MS = 5

/** Each write is a way to the thread pool and back, which costs as much as a third of a TLS handshake. */
const PAUSE_MS = 25

/**
 * Writes to a descriptor without going through the main thread's stream, so that each thread logs by itself.
 * A reader that is slow does not stop the thread; lines wait in memory.
 */
export function createLineWriter(fd: number): LineWriter {
  let waiting = ''
  let busy = false
  let idle: (() => void)[] = []
  let sentAt = -Infinity
  /** Set while lines wait for the pause to end. */
  let pause: NodeJS.Timeout | null = null

  const finish = (): void => {
    busy = false
    const all = idle
    idle = []
    for (const resolve of all) resolve()
  }

  function send(bytes: Buffer, from: number): void {
    write(fd, bytes, from, (error, written) => {
      if (error?.code === 'EAGAIN') return void setTimeout(send, RETRY_MS, bytes, from)
      if (error !== null) {
        waiting = '' // Nobody reads any more, and there is no other place to say so.
        return finish()
      }
      if (from + written < bytes.length) return send(bytes, from + written)
      soon()
    })
  }

  /** At once when somebody waits for the end. */
  function soon(): void {
    const rest = sentAt + PAUSE_MS - performance.now()
    if (waiting === '') finish()
    else if (rest <= 0 || idle.length > 0) setImmediate(next)
    else pause = setTimeout(next, rest)
  }

  function next(): void {
    pause = null
    sentAt = performance.now()
    const bytes = Buffer.from(waiting)
    waiting = ''
    send(bytes, 0)
  }

  return {
    write(line) {
      waiting += line
      if (busy) return
      busy = true
      soon()
    },
    flushed() {
      if (!busy) return Promise.resolve()
      if (pause !== null) {
        clearTimeout(pause)
        next()
      }
      return new Promise((resolve) => void idle.push(resolve))
    },
  }
}
