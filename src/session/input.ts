/** Lines and octets of one peer, read with whole deadlines; shared by the SMTP and POP3 sessions. */
import { ReadTimedOut, type Connection } from '../model/connection.ts'
import { createFramer, type Framed, type Framer } from '../protocol/framer/framer.ts'
import type { Clock } from '../std/clock.ts'
import { calm, type Load } from '../std/load.ts'

/** Why a conversation ends without a QUIT. */
export class ConversationOver extends Error {
  override name = 'ConversationOver'
  readonly why: 'eof' | 'timeout' | 'drain'
  constructor(why: ConversationOver['why']) {
    super(`conversation over: ${why}`)
    this.why = why
  }
}

export type LineOptions = {
  /** For the whole line: a peer that drips octets gains nothing (S14). */
  readonly timeoutMs: number
  /** Instead, from the line's beginning, while the load is too much; looked at now and then during the wait. */
  readonly stressTimeoutMs?: number
  /** Whether a shutdown may end the conversation here. */
  readonly mayDrain: boolean
}

export type Input = {
  readonly framer: Framer
  /** @throws ConversationOver; ConnectionLost */
  line(options: LineOptions): Promise<Exclude<Framed, { kind: 'need-more' }>>
  /** Waits until the framer holds something. @throws ConversationOver; ConnectionLost */
  more(timeoutMs: number): Promise<void>
  /** At the end of the conversation. */
  close(): void
}

export type InputOptions = {
  readonly connection: Connection
  readonly clock: Clock
  readonly lineMaxOctets: number
  /** Fires at shutdown. */
  readonly signal: AbortSignal | undefined
  readonly load?: Load
  /** Sends what waits to be said; called before each wait, so that pipelined commands are answered in one write. */
  readonly beforeWait: () => Promise<void>
}

export function createInput(options: InputOptions): Input {
  const { connection, clock, lineMaxOctets, signal, load = calm, beforeWait } = options
  const framer = createFramer({ lineMaxOctets })

  let endWait: ((over: ConversationOver) => void) | null = null
  // One listener for the whole conversation: thousands of them share the signal.
  const onAbort = (): void => endWait?.(new ConversationOver('drain'))
  signal?.addEventListener('abort', onAbort, { once: true })

  const read = async (timeoutMs: number): Promise<void> => {
    let chunk: Uint8Array | null
    try {
      chunk = await connection.read(timeoutMs)
    } catch (error) {
      if (error instanceof ReadTimedOut) throw new ConversationOver('timeout')
      throw error
    }
    if (chunk === null) throw new ConversationOver('eof')
    framer.push(chunk)
  }

  /** As `read`, but a wait that begins in calm is cut short by stress. @param since when the line began */
  const readWithin = async (since: number, timeoutMs: number, stressTimeoutMs: number): Promise<void> => {
    for (;;) {
      const waited = clock.monotonic() - since
      const allowed = load.stressed ? Math.min(stressTimeoutMs, timeoutMs) : timeoutMs
      if (waited >= allowed) throw new ConversationOver('timeout')
      const slice = Math.min(allowed - waited, stressTimeoutMs)
      try {
        return await read(slice)
      } catch (error) {
        if (!(error instanceof ConversationOver) || error.why !== 'timeout') throw error
      }
    }
  }

  /** The read that a shutdown leaves behind ends with the connection. */
  const readOrDrain = (reading: () => Promise<void>): Promise<void> =>
    new Promise((resolve, reject) => {
      endWait = reject
      reading()
        .finally(() => (endWait = null))
        .then(resolve, reject)
    })

  return {
    framer,
    async line({ timeoutMs, stressTimeoutMs = timeoutMs, mayDrain }) {
      if (mayDrain && signal?.aborted === true) throw new ConversationOver('drain')
      const since = clock.monotonic()
      const reading = (): Promise<void> => readWithin(since, timeoutMs, stressTimeoutMs)
      for (;;) {
        const framed = framer.next()
        if (framed.kind !== 'need-more') return framed
        await beforeWait()
        await (mayDrain ? readOrDrain(reading) : reading())
      }
    },
    close: () => signal?.removeEventListener('abort', onAbort),
    async more(timeoutMs) {
      if (framer.heldOctets() > 0) return
      await beforeWait()
      await read(timeoutMs)
    },
  }
}
