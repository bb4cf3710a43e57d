/** What passes between a protocol thread and the writer's thread: plain data, many commands to a message. */
import type { MessagePort, Transferable } from 'node:worker_threads'
import type { Uid } from '../../model/ids.ts'
import type { Flag } from '../../model/mailbox.ts'
import type { Snapshot } from '../../std/metrics.ts'
import { type ChangeNotice, type Commands, StoreError, type StoreErrorKind } from '../contract.ts'
import { bodiesOf, type PreparedCommand } from './prepared.ts'
import type { Watched } from './watched.ts'
import type { Settled } from './writer.ts'

/** To the writer. `watched` comes first. `bye`: no more will come; the port closes when all is answered. */
export type Request =
  | { readonly watched: Watched }
  | { readonly commands: readonly (readonly [id: number, command: PreparedCommand])[] }
  | 'bye'

/** From the writer, after a commit: with the notices that somebody watches for. */
export type Report = { readonly answers: readonly Answer[]; readonly notices: readonly ChangeNotice[] }

export type Answer =
  | { readonly id: number; readonly at: 'done'; readonly outcome: unknown }
  | { readonly id: number; readonly at: 'flags'; readonly outcome: PackedFlags }
  | { readonly id: number; readonly at: 'failed'; readonly kind: StoreErrorKind | null; readonly message: string }

/** Main thread to the writer's thread. */
export type Order =
  | { readonly do: 'connect'; readonly port: MessagePort }
  | { readonly do: 'tell-metrics' }
  | { readonly do: 'close' }

/** The writer's thread to the main thread. */
export type News =
  | { readonly at: 'ready' }
  /** A write has failed for good: nothing more is acknowledged. */
  | { readonly at: 'poisoned'; readonly message: string }
  | { readonly at: 'metrics'; readonly snapshot: Snapshot }
  | { readonly at: 'refused'; readonly name: string; readonly kind: StoreErrorKind | null; readonly message: string }
  | { readonly at: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly event: { event: string } }

/** Below this, copying bytes is cheaper than handing their buffer over. */
const TRANSFER_MIN_OCTETS = 16 * 1024

/** Buffers that may be given away: a staged body is used up by its command. */
export function transferables(commands: readonly PreparedCommand[]): Transferable[] {
  const buffers = new Set<ArrayBuffer>()
  for (const command of commands) {
    for (const body of bodiesOf(command)) {
      if (body.kind !== 'memory' || body.bytes.byteLength < TRANSFER_MIN_OCTETS) continue
      const { buffer } = body.bytes
      if (buffer instanceof ArrayBuffer && buffer.byteLength === body.bytes.byteLength) buffers.add(buffer)
    }
  }
  return [...buffers]
}

type FlagsOutcome = Extract<Commands['setFlags']['outcome'], { at: 'done' }>
/** STORE 1:* names every message of a mailbox: numbers in two arrays, each combination of flags once. */
export type PackedFlags = Omit<FlagsOutcome, 'changed'> & {
  readonly uids: Uint32Array
  readonly kinds: Uint32Array
  readonly combinations: readonly (readonly Flag[])[]
}

export function answerOf(id: number, command: PreparedCommand, settled: Settled): Answer {
  if (!settled.ok) return { id, at: 'failed', ...faultOf(settled.error) }
  if (command.do === 'setFlags') {
    const outcome = settled.outcome as Commands['setFlags']['outcome']
    if (outcome.at === 'done') return { id, at: 'flags', outcome: packFlags(outcome) }
  }
  return { id, at: 'done', outcome: settled.outcome }
}

export function settledOf(answer: Answer): Settled {
  switch (answer.at) {
    case 'done':
      return { ok: true, outcome: answer.outcome }
    case 'flags':
      return { ok: true, outcome: unpackFlags(answer.outcome) }
    case 'failed':
      return { ok: false, error: errorOf(answer) }
  }
}

export function faultOf(error: unknown): { kind: StoreErrorKind | null; message: string } {
  if (error instanceof StoreError) return { kind: error.kind, message: error.message }
  return { kind: null, message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

export const errorOf = ({ kind, message }: { kind: StoreErrorKind | null; message: string }): Error =>
  kind === null ? new Error(message) : new StoreError(kind, message)

function packFlags({ changed, ...rest }: FlagsOutcome): PackedFlags {
  const uids = new Uint32Array(changed.length)
  const kinds = new Uint32Array(changed.length)
  const known = new Map<readonly Flag[], number>() // The decoder gives one array for each combination.
  changed.forEach(({ uid, flags }, i) => {
    let kind = known.get(flags)
    if (kind === undefined) known.set(flags, (kind = known.size))
    uids[i] = uid
    kinds[i] = kind
  })
  return { ...rest, uids, kinds, combinations: [...known.keys()] }
}

function unpackFlags({ uids, kinds, combinations, ...rest }: PackedFlags): FlagsOutcome {
  const changed = Array.from(uids, (uid, i) => ({ uid: uid as Uid, flags: combinations[kinds[i] ?? 0] ?? [] }))
  return { ...rest, changed }
}
