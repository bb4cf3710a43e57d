/** Lines and octets of one peer, read with whole deadlines; shared by the SMTP and POP3 sessions. */
import { ReadTimedOut, type Connection } from '../model/connection.ts'
import { createFramer, type Framed, type Framer } from '../protocol/framer/framer.ts'
import type { Clock } from '../std/clock.ts'

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
  /** Sends what waits to be said; called before each wait, so that pipelined commands are answered in one write. */
  readonly beforeWait: () => Promise<void>
}

export function createInput({ connection, clock, lineMaxOctets, signal, beforeWait }: InputOptions): Input {
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

  /** The read that a shutdown leaves behind ends with the connection. */
  const readOrDrain = (timeoutMs: number): Promise<void> =>
    new Promise((resolve, reject) => {
      endWait = reject
      read(timeoutMs)
        .finally(() => (endWait = null))
        .then(resolve, reject)
    })

  return {
    framer,
    async line({ timeoutMs, mayDrain }) {
      if (mayDrain && signal?.aborted === true) throw new ConversationOver('drain')
      const deadline = clock.monotonic() + timeoutMs
      for (;;) {
        const framed = framer.next()
        if (framed.kind !== 'need-more') return framed
        await beforeWait()
        const left = deadline - clock.monotonic()
        if (left <= 0) throw new ConversationOver('timeout')
        await (mayDrain ? readOrDrain(left) : read(left))
      }
    },
    close: () => signal?.removeEventListener('abort', onAbort),
    async more(timeoutMs) {
      if (framer.heldOctets > 0) return
      await beforeWait()
      await read(timeoutMs)
    },
  }
}
