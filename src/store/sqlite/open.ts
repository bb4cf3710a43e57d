/** The store with its writer in the same thread: for tests, for the command line, for two servers in one process. */
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import { type Store, StoreError } from '../contract.ts'
import { type Files, realFiles } from '../files.ts'
import { changeHub } from './changes.ts'
import type { PreparedCommand } from './prepared.ts'
import { storeOver, type Submit } from './store.ts'
import { type GroupResult, openWriter, type Settled } from './writer.ts'

/**
 * Opens a data directory, making it when missing. Commands given in one turn of the event loop commit together.
 * @throws InUse, NewerSchema, DatabaseMissing: one line for the operator
 * @throws StoreError
 */
export async function openStore(options: {
  dataDir: string
  clock: Clock
  log: Log
  files?: Files
  quickCheck?: boolean
  segmentMaxOctets?: number
  busyTimeoutMs?: number
}): Promise<Store> {
  const { dataDir, clock, log, files = realFiles } = options
  const writer = openWriter({ ...options, files })
  const hub = changeHub(log)
  const submit = groupingSubmit((commands) => {
    const result = writer.run(commands)
    return { ...result, tell: () => hub.deliver(result.notices) }
  }, writer.close)
  return Promise.resolve(storeOver({ dataDir, files, clock, submit, hub }))
}

type Waiting = {
  readonly command: PreparedCommand
  readonly resolve: (outcome: unknown) => void
  readonly reject: (error: unknown) => void
}

function groupingSubmit(
  run: (commands: readonly PreparedCommand[]) => GroupResult & { tell(): void },
  closeWriter: () => void,
): Submit {
  let waiting: Waiting[] = []
  let closed = false

  function flush(): void {
    const group = waiting
    waiting = []
    if (group.length === 0) return
    const { settled, tell } = run(group.map(({ command }) => command))
    group.forEach((one, i) => settle(one, settled[i]))
    tell()
  }

  return {
    run(command) {
      if (closed) return Promise.reject(new StoreError('closed', 'the store is closed'))
      return new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ command, resolve, reject })
      })
    },
    close() {
      closed = true
      flush()
      closeWriter()
      return Promise.resolve()
    },
  }
}

function settle({ resolve, reject }: Waiting, settled: Settled | undefined): void {
  if (settled === undefined) reject(new StoreError('device', 'no answer from the writer'))
  else if (settled.ok) resolve(settled.outcome)
  else reject(settled.error)
}
