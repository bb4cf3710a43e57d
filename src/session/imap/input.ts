import { ReadTimedOut, type Connection } from '../../model/connection.ts'
import type { Reader } from '../../protocol/imap/reader.ts'

/** Why a wait ended. */
export type Woken = 'chunk' | 'end' | 'timeout' | 'notice' | 'drain'

/** A wait inside a command ended otherwise than with octets; unwinds to the session's end. */
export class Ended extends Error {
  override name = 'Ended'
  readonly why: Exclude<Woken, 'chunk' | 'notice'>
  constructor(why: Exclude<Woken, 'chunk' | 'notice'>) {
    super(why)
    this.why = why
  }
}

/** What comes to a session: octets, notices of changes, and the wish to shut down; whoever waits hears the first. */
export type Input = {
  readonly reader: Reader
  /** Octets are pushed to the reader. `notices`: changes wake too (IDLE). @throws ConnectionLost */
  wait(options: { timeoutMs: number; notices: boolean }): Promise<Woken>
  /** Something changed. */
  notice(): void
  draining(): boolean
  close(): void
}

type Arrived = { readonly chunk: Uint8Array | null } | { readonly error: unknown }

/** One read is outstanding at most; it outlives a wait that a notice ended. */
export function createInput(connection: Connection, options: { reader: Reader; drain: AbortSignal }): Input {
  const { reader, drain } = options
  let reading = false
  let arrived: Arrived | null = null
  let noticed = false
  let wake: (() => void) | null = null
  const stir = (): void => wake?.()

  const take = (result: Arrived): void => {
    reading = false
    arrived = result
    stir()
  }
  const startRead = (timeoutMs: number): void => {
    if (reading || arrived !== null) return
    reading = true
    connection.read(timeoutMs).then(
      (chunk) => take({ chunk }),
      (error: unknown) => take({ error }),
    )
  }
  const deliver = (result: Arrived): Woken => {
    arrived = null
    if ('error' in result) {
      if (result.error instanceof ReadTimedOut) return 'timeout'
      throw result.error
    }
    if (result.chunk === null) return 'end'
    reader.push(result.chunk)
    return 'chunk'
  }

  drain.addEventListener('abort', stir, { once: true })
  return {
    reader,
    async wait({ timeoutMs, notices }) {
      for (;;) {
        if (drain.aborted) return 'drain'
        if (notices && noticed) {
          noticed = false
          return 'notice'
        }
        startRead(timeoutMs)
        if (arrived === null) {
          await new Promise<void>((resolve) => (wake = resolve))
          wake = null
        }
        if (arrived !== null) return deliver(arrived)
      }
    },
    notice() {
      noticed = true
      stir()
    },
    draining: () => drain.aborted,
    close: () => drain.removeEventListener('abort', stir),
  }
}
