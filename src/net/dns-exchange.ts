import { createSocket } from 'node:dgram'
import { connect, isIP } from 'node:net'
import type { Clock } from '../std/clock.ts'
import type { Endpoint } from '../model/connection.ts'
import { decodeReply, encodeQuery } from './dns-message.ts'
import type { DecodedReply, DnsQuestion } from './dns-message.ts'

export type DnsExchange =
  | Exclude<DecodedReply, { at: 'not-ours' | 'truncated' }>
  | { readonly at: 'timeout' }
  | { readonly at: 'network' }

type Exchange = {
  readonly clock: Clock
  readonly server: Endpoint
  readonly question: DnsQuestion
  readonly timeoutMs: number
  readonly edns: boolean
  readonly askAd: boolean
}

/** One question to one server: UDP from a port of the system's choosing, TCP when the answer is too long. Never throws. */
export async function exchange(options: Exchange): Promise<DnsExchange> {
  const deadline = options.clock.monotonic() + options.timeoutMs
  const reply = await overUdp(options)
  if (reply.at !== 'truncated') return reply
  // RFC 7766 §5: no answer is taken from a truncated one.
  return overTcp({ ...options, timeoutMs: Math.max(1, deadline - options.clock.monotonic()) })
}

function overUdp(options: Exchange): Promise<DnsExchange | { readonly at: 'truncated' }> {
  const { clock, server, question, timeoutMs } = options
  return new Promise((resolve) => {
    const socket = createSocket(isIP(server.address) === 6 ? 'udp6' : 'udp4')
    let settled = false
    const settle = (outcome: DnsExchange | { readonly at: 'truncated' }): void => {
      if (settled) return
      settled = true
      cancel()
      socket.close()
      resolve(outcome)
    }
    const cancel = clock.timer(timeoutMs, () => settle({ at: 'timeout' }))
    socket.on('error', () => settle({ at: 'network' }))
    socket.on('message', (bytes) => {
      const reply = decodeReply(bytes, question)
      if (reply.at !== 'not-ours') settle(reply)
    })
    socket.on('connect', () => socket.send(encodeQuery(question, options)))
    socket.connect(server.port, server.address) // The system drops what comes from elsewhere.
  })
}

function overTcp(options: Exchange): Promise<DnsExchange> {
  const { clock, server, question, timeoutMs } = options
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port, autoSelectFamily: false })
    let received = Buffer.alloc(0)
    const settle = (outcome: DnsExchange): void => {
      cancel()
      socket.destroy()
      resolve(outcome)
    }
    const cancel = clock.timer(timeoutMs, () => settle({ at: 'timeout' }))
    socket.on('error', () => settle({ at: 'network' }))
    socket.on('close', () => settle({ at: 'network' }))
    socket.on('connect', () => {
      const query = encodeQuery(question, options)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(query.length) // RFC 1035 §4.2.2
      socket.write(Buffer.concat([length, query]))
    })
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2) return
      const length = received.readUInt16BE(0)
      if (received.length < 2 + length) return
      const reply = decodeReply(received.subarray(2, 2 + length), question)
      settle(reply.at === 'not-ours' || reply.at === 'truncated' ? { at: 'malformed' } : reply)
    })
  })
}
