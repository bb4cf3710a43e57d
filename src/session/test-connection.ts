import type { Clock } from '../std/clock.ts'
import {
  ConnectionLost,
  ReadTimedOut,
  type Connection,
  type Endpoint,
  type PeerCertificate,
  type TlsFacts,
} from '../model/connection.ts'
import type { ServiceName } from '../model/service.ts'

export type TestConnectionOptions = {
  readonly service: ServiceName
  readonly clock: Clock
  readonly id?: string
  readonly remote?: Endpoint
  readonly local?: Endpoint
  /** Default: true where the connection does not start with TLS. */
  readonly canStartTls?: boolean
  /** TLS from the first octet. */
  readonly tls?: boolean
  /** What the client shows in the handshake. */
  readonly certificate?: PeerCertificate
  /** Writes of the server wait while the client has this many octets to read. Default: never. */
  readonly windowOctets?: number
}

/** The client's end of an in-memory connection. */
export type TestPeer = {
  /** Arrives as one chunk. */
  send(bytes: Uint8Array | string): void
  /** Half-close. */
  end(): void
  /** The connection breaks. */
  reset(): void
  /** Resolves when the server has started TLS; what the server had not read by then is gone (RFC 3207 §6). */
  startTls(): Promise<void>
  /** The next line without CRLF; null once the server has closed and all is read. */
  line(): Promise<string | null>
  /** The next `count` octets; fewer when the server closes. */
  octets(count: number): Promise<Buffer>
  /** Everything up to the close. */
  rest(): Promise<Buffer>
  /** What the server has written and nobody has read. */
  unread(): Buffer
  /** How many writes the server has made. */
  readonly writes: number
  readonly closed: boolean
  /** Resolves once the server has read all that was sent and waits for more, or has closed. */
  idle(): Promise<void>
}

export const testTls: TlsFacts = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  serverName: null,
  peerCertificate: null,
  channelBinding: (type) => (type === 'tls-exporter' ? Buffer.alloc(32, 7) : Buffer.alloc(32, 9)),
}

/** A `Connection` in memory and the peer that talks to it, for session tests. */
export function createTestConnection(options: TestConnectionOptions): { connection: Connection; peer: TestPeer } {
  const { clock, windowOctets = Infinity } = options
  const inbound: Uint8Array[] = []
  let outbound: Buffer[] = []
  let outboundOctets = 0
  let clientEnded = false
  let lost = false
  let closed = false
  let writes = 0
  /** As with TLS, the peer here is above the layer. */
  let deflated = false
  const secured: TlsFacts = { ...testTls, peerCertificate: options.certificate ?? null }
  let tls: TlsFacts | null = options.tls === true ? secured : null
  let readable: (() => void) | null = null
  let serverWantsTls: (() => void) | null = null
  let clientWantsTls: (() => void) | null = null
  let wakeClient: (() => void)[] = []
  let wakeWriters: (() => void)[] = []
  let wakeIdle: (() => void)[] = []

  const stirIdle = (): void => {
    const waiting = wakeIdle
    wakeIdle = []
    for (const wake of waiting) wake()
  }
  const stirClient = (): void => {
    const waiting = wakeClient
    wakeClient = []
    for (const wake of waiting) wake()
  }
  const stirWriters = (): void => {
    const waiting = wakeWriters
    wakeWriters = []
    for (const wake of waiting) wake()
  }
  const close = (): void => {
    closed = true
    stirIdle()
    stirClient()
    stirWriters()
    readable?.()
  }
  const takeInbound = (): Uint8Array | null | undefined => {
    if (lost || closed) throw new ConnectionLost('test connection is gone')
    return inbound.shift() ?? (clientEnded ? null : undefined)
  }

  const connection: Connection = {
    id: options.id ?? 'test',
    service: options.service,
    remote: options.remote ?? { address: '192.0.2.1', port: 40_000 },
    local: options.local ?? { address: '192.0.2.2', port: 25 },
    get tls() {
      return tls
    },
    canStartTls: options.canStartTls ?? options.tls !== true,
    async read(timeoutMs) {
      const ready = takeInbound()
      if (ready !== undefined) return ready
      await new Promise<void>((resolve, reject) => {
        const cancel = clock.timer(timeoutMs, () => {
          readable = null
          reject(new ReadTimedOut(`nothing in ${timeoutMs} ms`))
        })
        readable = () => {
          readable = null
          cancel()
          resolve()
        }
        stirIdle()
      })
      return takeInbound() ?? null
    },
    async write(data) {
      if (lost || closed) throw new ConnectionLost('test connection is gone')
      writes++
      const bytes = Buffer.from(data)
      outbound.push(bytes)
      outboundOctets += bytes.length
      stirClient()
      const full = (): boolean => outboundOctets >= windowOctets
      while (full()) {
        await new Promise<void>((resolve) => wakeWriters.push(resolve))
        if (lost || closed) throw new ConnectionLost('test connection is gone')
      }
    },
    async startTls() {
      inbound.length = 0
      if (clientWantsTls === null && !clientEnded && !lost) {
        await new Promise<void>((resolve) => (serverWantsTls = resolve))
      }
      if (clientEnded || lost || closed) throw new ConnectionLost('the handshake failed')
      inbound.length = 0
      tls = secured
      clientWantsTls?.()
      clientWantsTls = null
      return tls
    },
    get deflated() {
      return deflated
    },
    startDeflate() {
      deflated = true
    },
    async stopDeflate() {
      deflated = false
    },
    signedIn() {},
    async end() {
      close()
    },
    destroy: close,
  }

  const gather = (): Buffer => {
    const all = outbound.length === 1 ? outbound[0]! : Buffer.concat(outbound)
    outbound = all.length === 0 ? [] : [all]
    return all
  }
  const consume = (count: number): Buffer => {
    const all = gather()
    const rest = all.subarray(count)
    outbound = rest.length === 0 ? [] : [rest]
    outboundOctets -= Math.min(count, all.length)
    stirWriters()
    return all.subarray(0, count)
  }
  const more = (): Promise<void> => new Promise((resolve) => wakeClient.push(resolve))

  const peer: TestPeer = {
    send(bytes) {
      inbound.push(Buffer.from(bytes))
      readable?.()
    },
    end() {
      clientEnded = true
      readable?.()
      serverWantsTls?.()
    },
    reset() {
      lost = true
      readable?.()
      serverWantsTls?.()
      stirWriters()
    },
    startTls() {
      return new Promise((resolve) => {
        clientWantsTls = resolve
        serverWantsTls?.()
        serverWantsTls = null
      })
    },
    async line() {
      for (;;) {
        const at = gather().indexOf('\r\n')
        if (at !== -1) return consume(at + 2).toString('utf8', 0, at)
        if (closed) return null
        await more()
      }
    },
    async octets(count) {
      for (;;) {
        if (outboundOctets >= count || closed) return consume(count)
        await more()
      }
    },
    async rest() {
      const parts: Buffer[] = []
      for (;;) {
        // A server that waits for room gets it.
        parts.push(consume(outboundOctets))
        if (closed) return Buffer.concat(parts)
        await more()
      }
    },
    unread: gather,
    get writes() {
      return writes
    },
    async idle() {
      if (closed || lost || (readable !== null && inbound.length === 0)) return
      await new Promise<void>((resolve) => wakeIdle.push(resolve))
    },
    get closed() {
      return closed
    },
  }
  return { connection, peer }
}
