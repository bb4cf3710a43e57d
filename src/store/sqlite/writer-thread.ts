/** The writer's thread: gathers what all protocol threads have sent, commits it as one group, answers, announces. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { assert, never } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log, LogEvent } from '../../std/log.ts'
import { createMetrics, type Snapshot } from '../../std/metrics.ts'
import { COMMIT_GROUP_MAX, COMMIT_GROUP_MAX_OCTETS } from '../../model/limits.ts'
import { StoreError } from '../contract.ts'
import { realFiles } from '../files.ts'
import { memoryOctetsOf, type PreparedCommand } from './prepared.ts'
import { type Answer, answerOf, faultOf, type News, type Order, type Report, type Request } from './wire.ts'
import { isWatched, type Watched } from './watched.ts'
import { type GroupResult, openWriter, type Settled, type Writer } from './writer.ts'

export type WriterThreadData = {
  readonly dataDir: string
  readonly quickCheck: boolean
  readonly segmentMaxOctets: number | null
}

/** A connected thread. `waiting`: how many of its commands wait. `watched`: null until it has told; until then it hears everything. */
type Peer = { waiting: number; leaving: boolean; watched: Watched | null }
type Waiting = { readonly port: MessagePort; readonly id: number; readonly command: PreparedCommand }

const FOR_THE_OPERATOR = new Set(['InUse', 'NewerSchema', 'DatabaseMissing'])
const TIDY_PAUSE_MS = 50

/** Functions do not cross threads: the machine's own clock. */
const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fn) {
    const timer = setTimeout(fn, ms).unref()
    return () => clearTimeout(timer)
  },
}

const isBusy = (settled: Settled): boolean =>
  !settled.ok && settled.error instanceof StoreError && settled.error.kind === 'busy'

function logTo(tell: (news: News) => void, facts: Record<string, unknown> = {}): Log {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (event: LogEvent) =>
    tell({ at: 'log', level, event: { ...facts, ...event } })
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (more) => logTo(tell, { ...facts, ...more }),
  }
}

function serve(main: MessagePort, writer: Writer, snapshot: () => Snapshot): void {
  const ports = new Map<MessagePort, Peer>()
  let waiting: Waiting[] = []
  let scheduled = false
  let closing = false
  let tidying: NodeJS.Timeout | null = null

  function take(port: MessagePort, request: Request): void {
    const state = ports.get(port)
    if (state === undefined) return
    if (request === 'bye') {
      state.leaving = true
      leaveIfDone(port, state)
      return
    }
    if ('watched' in request) {
      state.watched = request.watched
      return
    }
    for (const [id, command] of request.commands) waiting.push({ port, id, command })
    state.waiting += request.commands.length
  }

  function leaveIfDone(port: MessagePort, state: Peer): void {
    if (!state.leaving || state.waiting > 0) return
    ports.delete(port)
    port.close()
  }

  function drain(): void {
    for (const port of ports.keys()) {
      while (ports.has(port)) {
        const got = receiveMessageOnPort(port)
        if (got === undefined) break
        take(port, got.message as Request)
      }
    }
  }

  /** The oldest commands that one commit may carry. */
  function nextGroup(): Waiting[] {
    let count = 0
    let octets = 0
    for (const { command } of waiting) {
      octets += memoryOctetsOf(command)
      if (count > 0 && (count >= COMMIT_GROUP_MAX || octets > COMMIT_GROUP_MAX_OCTETS)) break
      count++
    }
    const group = waiting.slice(0, count)
    waiting = waiting.slice(count)
    return group
  }

  function turn(): void {
    scheduled = false
    drain()
    const group = nextGroup()
    if (group.length > 0) commit(group)
    if (waiting.length > 0) schedule()
    else if (closing) end()
    else tidyLater()
  }

  /** Housekeeping goes in the pauses, a short piece at a time. */
  function tidyLater(): void {
    tidying ??= setTimeout(() => {
      tidying = null
      if (!closing && waiting.length === 0 && writer.tidy()) tidyLater()
    }, TIDY_PAUSE_MS)
  }

  function commit(group: readonly Waiting[]): void {
    const result = writer.run(group.map(({ command }) => command))
    report(group, result)
    const [first] = result.settled
    if (first === undefined || !result.settled.every(isBusy)) return
    // Another program holds the database: what arrived meanwhile has waited long enough too (R10).
    drain()
    const late = waiting
    waiting = []
    report(late, { settled: late.map(() => first), notices: [] })
  }

  function report(group: readonly Waiting[], { settled, notices }: GroupResult): void {
    const answers = new Map<MessagePort, Answer[]>()
    group.forEach(({ port, id, command }, i) => {
      const one = settled[i]
      assert(one !== undefined, 'each command is settled')
      const list = answers.get(port) ?? []
      if (list.length === 0) answers.set(port, list)
      list.push(answerOf(id, command, one))
    })
    for (const [port, state] of ports) {
      const mine = answers.get(port) ?? []
      const { watched } = state
      const wanted = watched === null ? notices : notices.filter((notice) => isWatched(watched, notice))
      if (mine.length === 0 && wanted.length === 0) continue
      port.postMessage({ answers: mine, notices: wanted } satisfies Report)
      state.waiting -= mine.length
      leaveIfDone(port, state)
    }
  }

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(turn) // Lets orders of the main thread in between groups.
  }

  function end(): void {
    if (tidying !== null) clearTimeout(tidying)
    writer.close()
    for (const port of ports.keys()) port.close()
    ports.clear()
    main.close()
  }

  main.on('message', (order: Order) => {
    switch (order.do) {
      case 'connect': {
        const { port } = order
        ports.set(port, { waiting: 0, leaving: false, watched: null })
        port.on('message', (request: Request) => {
          take(port, request)
          if (!scheduled) turn() // The first of a group goes at once, with all that has arrived behind it.
        })
        port.on('close', () => ports.delete(port))
        return
      }
      case 'tell-metrics':
        writer.measure()
        main.postMessage({ at: 'metrics', snapshot: snapshot() } satisfies News, [])
        return
      case 'close':
        closing = true
        schedule()
        return
      default:
        never(order)
    }
  })
}

function start(main: MessagePort): void {
  const tell = (news: News): void => main.postMessage(news, [])
  const { dataDir, quickCheck, segmentMaxOctets } = workerData as WriterThreadData
  const limit = segmentMaxOctets === null ? {} : { segmentMaxOctets }
  const metrics = createMetrics()
  const poisoned = (why: StoreError): void => tell({ at: 'poisoned', message: why.message })
  const common = { files: realFiles, clock, log: logTo(tell), metrics, poisoned }
  let writer: Writer
  try {
    writer = openWriter({ dataDir, quickCheck, ...common, ...limit })
  } catch (error) {
    const name = error instanceof Error ? error.name : 'Error'
    const { kind, message } = faultOf(error)
    const oneLine = FOR_THE_OPERATOR.has(name) ? (error as Error).message : message
    tell({ at: 'refused', name, kind, message: oneLine })
    main.close()
    return
  }
  serve(main, writer, () => metrics.snapshot())
  tell({ at: 'ready' })
}

assert(parentPort !== null, 'the writer runs in a thread of its own')
start(parentPort)
