/** Reaches into the threads of a server that was started with `--inspect`, as a debugger does: no hook in the program is needed. */
import { until } from '../interop/run.ts'

export const INSPECTED = ['--inspect=127.0.0.1:0'] as const

type Message = {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly sessionId?: string; readonly workerInfo?: { readonly title?: string } }
}

/**
 * Runs JavaScript in one worker thread, without waiting for what it comes to.
 * @param options.log where Node has told the debugger's address
 * @param options.thread as it is named in the log: `protocol-1`
 */
export async function runInThread(options: { log: () => string; thread: string; script: string }): Promise<void> {
  const { log, thread, script } = options
  const url = await until('the debugger', () => /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(log())?.[0] ?? null)
  const socket = new WebSocket(url)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve())
      socket.addEventListener('error', () => reject(new Error('the debugger does not answer')))
    })
    const sessions = new Map<string, string>()
    socket.addEventListener('message', ({ data }) => {
      const { method, params } = JSON.parse(String(data)) as Message
      if (method !== 'NodeWorker.attachedToWorker' || params?.sessionId === undefined) return
      sessions.set(params.workerInfo?.title ?? '', params.sessionId)
    })
    socket.send(JSON.stringify({ id: 1, method: 'NodeWorker.enable', params: { waitForDebuggerOnStart: false } }))
    const sessionId = await until(`the thread ${thread}`, () => {
      for (const [title, session] of sessions) if (title.includes(thread)) return session
      return null
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; there are: ${[...sessions.keys()].join(', ')}`)
    })
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: script } })
    const answered = new Promise<void>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        if ((JSON.parse(String(data)) as Message).id === 2) resolve()
      })
    })
    socket.send(JSON.stringify({ id: 2, method: 'NodeWorker.sendMessageToWorker', params: { sessionId, message } }))
    await answered
  } finally {
    socket.close()
  }
}
