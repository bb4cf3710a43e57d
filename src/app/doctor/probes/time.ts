import { createSocket } from 'node:dgram'
import type { Endpoint } from '../../../model/connection.ts'
import type { Clock } from '../../../std/clock.ts'

/** From 1900 to 1970. */
const NTP_EPOCH_MS = 2_208_988_800_000
const PACKET_OCTETS = 48

/**
 * How far this machine's clock is ahead of a time server's (SNTP, RFC 4330 §5), in milliseconds.
 * @returns null when it does not answer in time, or not with a time
 */
export function clockAhead(server: Endpoint, clock: Clock, timeoutMs: number): Promise<number | null> {
  return new Promise((resolve) => {
    const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4')
    const sent = clock.now()
    const done = (ahead: number | null): void => {
      cancel()
      socket.close()
      resolve(ahead)
    }
    const cancel = clock.timer(timeoutMs, () => done(null))
    socket.on('error', () => done(null))
    socket.on('message', (reply) => {
      const mode = reply.readUInt8(0) & 7
      const stratum = reply.length < PACKET_OCTETS ? 0 : reply.readUInt8(1)
      if (mode !== 4 || stratum === 0 || stratum > 15) return // RFC 4330 §5: not an answer, or "go away".
      const received = clock.now()
      done((sent - timeAt(reply, 32) + received - timeAt(reply, 40)) / 2)
    })
    const request = Buffer.alloc(PACKET_OCTETS)
    request.writeUInt8(0x23, 0) // Version 4, client.
    socket.send(request, server.port, server.address, (error) => {
      if (error !== null) done(null)
    })
  })
}

/** 32 bits of seconds and 32 of their fraction. */
function timeAt(packet: Buffer, at: number): number {
  return (packet.readUInt32BE(at) + packet.readUInt32BE(at + 4) / 2 ** 32) * 1000 - NTP_EPOCH_MS
}
