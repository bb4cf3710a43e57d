import type { Endpoint } from '../../model/connection.ts'
import { EXAMINER_ANSWER_MAX_OCTETS, EXAMINER_CONNECT_TIMEOUT_MS } from '../../model/limits.ts'
import type { ClientConnection, Dialler } from '../../net/contract.ts'

export type Call = {
  readonly connection: ClientConnection
  /** All that is still said until `isWhole`, or the end. @throws ReadTimedOut, ConnectionLost, Error when it is too much */
  answer(isWhole: (text: Buffer) => boolean): Promise<Buffer>
}

/** One connection for one letter. When the signal fires it is cut. @throws ConnectFailed, and what `talk` throws */
export async function call<T>(
  options: { dialler: Dialler; endpoint: Endpoint; timeoutMs: number; signal: AbortSignal },
  talk: (call: Call) => Promise<T>,
): Promise<T> {
  const { dialler, endpoint, timeoutMs, signal } = options
  const connection = await dialler.dial({ ...endpoint, timeoutMs: EXAMINER_CONNECT_TIMEOUT_MS, signal })
  const cut = (): void => connection.destroy()
  signal.addEventListener('abort', cut, { once: true })
  try {
    return await talk({
      connection,
      async answer(isWhole) {
        let text = Buffer.alloc(0)
        while (!isWhole(text)) {
          const chunk = await connection.read(timeoutMs)
          if (chunk === null) break
          text = Buffer.concat([text, chunk])
          if (text.length > EXAMINER_ANSWER_MAX_OCTETS) throw new Error('the answer is too long')
        }
        return text
      },
    })
  } finally {
    signal.removeEventListener('abort', cut)
    connection.destroy()
  }
}
