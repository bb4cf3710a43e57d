/** An SMTP server that takes everything and keeps nothing, in a process of its own: what relaying servers send to. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

export type Sink = AsyncDisposable & {
  /** Resolves once it has taken so many messages since its start. */
  taken(messages: number): Promise<void>
}

const TIMEOUT_MS = 180_000

export async function startSink(port: number): Promise<Sink> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [String(port)])
  let count = 0
  let wake: (() => void) | null = null
  child.on('message', (message) => {
    count = Number(message)
    wake?.()
  })
  await once(child, 'message')
  return {
    async taken(messages) {
      const timer = setTimeout(() => child.kill(), TIMEOUT_MS)
      const all = new Promise<void>((resolve, reject) => {
        wake = () => {
          if (count >= messages) resolve()
        }
        wake()
        child.once('exit', () => reject(new Error(`the sink has only ${count} of ${messages}`)))
      })
      await all
      clearTimeout(timer)
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** Answers commands; content is searched for its end only. */
function serve(socket: Socket, took: () => void): void {
  let held = ''
  let inContent = false
  const say = (text: string): void => void socket.write(`${text}\r\n`)
  const answer = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO') say('250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000')
    else if (verb === 'DATA') {
      inContent = true
      say('354 go on')
    } else if (verb === 'QUIT') socket.end('221 bye\r\n')
    else say('250 ok')
  }
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    held += chunk.toString('latin1')
    for (;;) {
      if (inContent) {
        const end = held.indexOf('\r\n.\r\n')
        if (end < 0) {
          held = held.slice(-4)
          return
        }
        held = held.slice(end + 5)
        inContent = false
        took()
        say('250 ok')
      } else {
        const end = held.indexOf('\r\n')
        if (end < 0) return
        answer(held.slice(0, end))
        held = held.slice(end + 2)
      }
    }
  })
  say('220 sink.test ESMTP')
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.send !== undefined) {
  let count = 0
  let told = true
  const tell = (): void => {
    told = true
    process.send?.(count)
  }
  const server = createServer((socket) =>
    serve(socket, () => {
      count++
      if (told) setTimeout(tell, 5)
      told = false
    }),
  )
  server.listen(Number(process.argv[2]), '127.0.0.1', tell)
}
