import type { Socket } from 'node:net'
import type { Clock } from '../std/clock.ts'
import { PROXY_HEADER_TIMEOUT_MS } from '../model/limits.ts'
import { networksContain, type Network } from '../model/network.ts'
import { readProxyHeader, type ProxiedBetween } from './proxy-header.ts'
import { endpointOf } from './endpoint.ts'

/** Who speaks with whom; behind a balancer as its header says. */
export type Between = ProxiedBetween

/** Whether the connection must begin with a PROXY header. */
export const isProxy = (socket: Socket, proxies: readonly Network[]): boolean =>
  proxies.length > 0 && networksContain(proxies, endpointOf(socket.remoteAddress, undefined).address)

export const betweenOf = (socket: Socket): Between => ({
  remote: endpointOf(socket.remoteAddress, socket.remotePort),
  local: endpointOf(socket.localAddress, socket.localPort),
})

/**
 * Takes the header off the socket; what follows stays in it, for TLS or the conversation.
 * @returns null when there is none in PROXY_HEADER_TIMEOUT_MS, when it is malformed, or the balancer hung up
 */
export function takeProxyHeader(socket: Socket, clock: Clock): Promise<Between | null> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0)
    const settle = (between: Between | null): void => {
      cancel()
      socket.off('readable', look).off('end', lost).off('error', lost).off('close', lost)
      resolve(between)
    }
    const lost = (): void => settle(null)
    const cancel = clock.timer(PROXY_HEADER_TIMEOUT_MS, lost)
    const look = (): void => {
      for (let chunk: Buffer | null; (chunk = socket.read() as Buffer | null) !== null;) {
        bytes = Buffer.concat([bytes, chunk])
        const read = readProxyHeader(bytes)
        if (read.kind === 'bad') return settle(null)
        if (read.kind === 'need-more') continue
        settle(read.between ?? betweenOf(socket))
        if (bytes.length > read.octets) socket.unshift(bytes.subarray(read.octets))
        return
      }
    }
    socket.on('readable', look).on('end', lost).on('error', lost).on('close', lost)
  })
}
