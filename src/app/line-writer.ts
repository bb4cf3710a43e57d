import { write } from 'node:fs'

export type LineWriter = {
  /** Takes whole lines; they leave in order, those of one turn together. */
  write(line: string): void
  /** Resolves when everything has left. */
  flushed(): Promise<void>
}

const RETRY_MS = 5

/**
 * Writes to a descriptor without going through the main thread's stream, so that each thread logs by itself.
 * A reader that is slow does not stop the thread; lines wait in memory.
 */
export function createLineWriter(fd: number): LineWriter {
  let waiting = ''
  let busy = false
  let idle: (() => void)[] = []

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
      next()
    })
  }

  function next(): void {
    if (waiting === '') return finish()
    const bytes = Buffer.from(waiting)
    waiting = ''
    send(bytes, 0)
  }

  return {
    write(line) {
      waiting += line
      if (busy) return
      busy = true
      setImmediate(next)
    },
    flushed: () => (busy ? new Promise((resolve) => void idle.push(resolve)) : Promise.resolve()),
  }
}
