/** The store in a protocol thread: readers here, commands by port to the writer's thread. */
import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import { type Store, StoreError } from '../contract.ts'
import { realFiles } from '../files.ts'
import { changeHub } from './changes.ts'
import type { PreparedCommand } from './prepared.ts'
import { storeOver, type Submit } from './store.ts'
import { newWatched } from './watched.ts'
import { type Report, type Request, settledOf, transferables } from './wire.ts'

/**
 * @param options.port from `StoreWriter.connect`; closed with the store
 * @throws StoreError
 */
export async function connectStore(options: {
  dataDir: string
  port: MessagePort
  clock: Clock
  log: Log
}): Promise<Store> {
  const { dataDir, port, clock, log } = options
  const watched = newWatched()
  port.postMessage({ watched } satisfies Request)
  const hub = changeHub(log, watched)
  const submit = portSubmit(port, (report) => hub.deliver(report.notices))
  return Promise.resolve(storeOver({ dataDir, files: realFiles, clock, submit, hub }))
}

type Waiting = { readonly resolve: (outcome: unknown) => void; readonly reject: (error: unknown) => void }

/** Commands of one turn of the event loop travel in one message. */
function portSubmit(port: MessagePort, tell: (report: Report) => void): Submit {
  const waiting = new Map<number, Waiting>()
  let batch: (readonly [number, PreparedCommand])[] = []
  let nextId = 1
  let gone = false
  const idle = Promise.withResolvers<void>()
  let closing = false

  function flush(): void {
    const commands = batch
    batch = []
    if (commands.length === 0 || gone) return
    const request: Request = { commands }
    port.postMessage(request, transferables(commands.map(([, command]) => command)))
  }

  function hear(report: Report): void {
    for (const answer of report.answers) {
      const one = waiting.get(answer.id)
      waiting.delete(answer.id)
      const settled = settledOf(answer)
      if (settled.ok) one?.resolve(settled.outcome)
      else one?.reject(settled.error)
    }
    if (report.notices.length > 0) tell(report)
    if (closing && waiting.size === 0) idle.resolve()
  }

  port.on('message', hear)
  port.on('close', () => {
    gone = true
    for (const { reject } of waiting.values()) reject(new StoreError('closed', 'the writer is gone'))
    waiting.clear()
    idle.resolve()
  })

  return {
    run(command) {
      if (gone || closing) return Promise.reject(new StoreError('closed', 'the store is closed'))
      return new Promise((resolve, reject) => {
        const id = nextId++
        waiting.set(id, { resolve, reject })
        if (batch.length === 0) setImmediate(flush)
        batch.push([id, command])
      })
    },
    async close() {
      closing = true
      flush()
      if (waiting.size > 0) await idle.promise
      if (gone) return
      port.postMessage('bye' satisfies Request)
      port.close()
    },
  }
}
