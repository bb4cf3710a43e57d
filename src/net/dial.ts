import { connect } from 'node:net'
import type { Clock } from '../std/clock.ts'
import { token } from '../std/random.ts'
import type { Random } from '../std/random.ts'
import { TCP_KEEPALIVE_DELAY_MS } from '../model/limits.ts'
import { ConnectFailed } from './contract.ts'
import type { ClientConnection, Dialler } from './contract.ts'
import { openConnection } from './connection.ts'

/** Opens connections to other servers. `localAddress`: the address they should see, when the machine has several. */
export function createDialler(options: {
  clock: Clock
  random: Random
  localAddress?: string
  limits?: { handshakeTimeoutMs?: number; writeTimeoutMs?: number }
}): Dialler {
  const { clock, random } = options
  return {
    dial({ address, port, timeoutMs, signal }) {
      return new Promise<ClientConnection>((resolve, reject) => {
        if (signal?.aborted === true) return reject(new ConnectFailed('ABORT_ERR', 'the connection was given up'))
        const socket = connect({
          host: address,
          port,
          allowHalfOpen: true,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS,
          autoSelectFamily: false,
          ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
        })
        const settle = (): void => {
          cancel()
          signal?.removeEventListener('abort', onAbort)
          socket.off('connect', onConnect)
          socket.off('error', onError)
        }
        const give = (code: string, cause?: unknown): void => {
          settle()
          socket.on('error', () => {})
          socket.destroy()
          reject(new ConnectFailed(code, `cannot connect to ${address} port ${port}: ${code}`, { cause }))
        }
        const onAbort = (): void => give('ABORT_ERR')
        const onError = (cause: NodeJS.ErrnoException): void => give(cause.code ?? 'UNKNOWN', cause)
        const onConnect = (): void => {
          settle()
          resolve(
            openConnection(socket, {
              id: token(random, 8),
              service: 'outbound',
              clock,
              certificates: null,
              ...options.limits,
            }),
          )
        }
        const cancel = clock.timer(timeoutMs, () => give('ETIMEDOUT'))
        signal?.addEventListener('abort', onAbort, { once: true })
        socket.once('connect', onConnect)
        socket.once('error', onError)
      })
    },
  }
}
