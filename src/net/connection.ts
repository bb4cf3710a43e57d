import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { assert } from '../std/assert.ts'
import type { Cancel, Clock } from '../std/clock.ts'
import { ConnectionLost, ReadTimedOut } from '../model/connection.ts'
import type { Connection, Endpoint, TlsFacts } from '../model/connection.ts'
import {
  CLOSE_LINGER_MS,
  PIPELINE_MAX_OCTETS,
  TLS_HANDSHAKE_TIMEOUT_MS,
  WRITE_BEFORE_LOGIN_TIMEOUT_MS,
  WRITE_TIMEOUT_MS,
} from '../model/limits.ts'
import type { CertificateSource, ClientConnection, ClientTlsOptions } from './contract.ts'
import { deflateLayer, type DeflateLayer } from './deflate.ts'
import { betweenOf } from './proxied.ts'
import { clientTlsOptions, serverTlsSocket } from './tls.ts'
import { chainOf, tlsFactsOf } from './tls-facts.ts'

export type OpenOptions = {
  readonly id: string
  readonly service: Connection['service']
  readonly clock: Clock
  /** Who speaks with whom, when that is not what the socket says. */
  readonly between?: { readonly remote: Endpoint; readonly local: Endpoint }
  /** Null: this end cannot be a TLS server. */
  readonly certificates: CertificateSource | null
  readonly writeTimeoutMs?: number
  /** On services that take logins, until `signedIn`. */
  readonly writeBeforeLoginTimeoutMs?: number
  readonly handshakeTimeoutMs?: number
  readonly lingerMs?: number
}

/** A connection with the server's and the client's way into TLS, and its end as a promise. */
export type OpenConnection = ClientConnection & {
  /** Resolves when the socket is closed, whoever closed it. Never rejects. */
  readonly closed: Promise<void>
}

/** What is handed over to the system in one go; a longer write waits for room in between. */
const WRITE_PIECE_OCTETS = 256 * 1024
/** A peer that sends single octets must not make us keep thousands of little buffers. */
const CHUNKS_MAX = 256
const DONE = Promise.resolve()
/** Where a stranger that does not read is let go of sooner (S14). */
const TAKES_LOGINS: ReadonlySet<Connection['service']> = new Set([
  'submission',
  'submissions',
  'imap',
  'imaps',
  'pop3',
  'pop3s',
  'sieve',
])

type Opened = { -readonly [K in keyof OpenConnection]: OpenConnection[K] }
type Waiter = { readonly resolve: (chunk: Uint8Array | null) => void; readonly reject: (error: Error) => void }

/**
 * Wraps a connected socket. Bytes are read ahead up to PIPELINE_MAX_OCTETS, then the socket is paused. Writes of one turn
 * go out together. One timer per connection, moved lazily, watches the read and the write deadline.
 */
export function openConnection(plain: Socket, options: OpenOptions): OpenConnection {
  const { clock, certificates } = options
  const signedInMs = options.writeTimeoutMs ?? WRITE_TIMEOUT_MS
  const strangerMs = Math.min(options.writeBeforeLoginTimeoutMs ?? WRITE_BEFORE_LOGIN_TIMEOUT_MS, signedInMs)
  let writeTimeoutMs = TAKES_LOGINS.has(options.service) ? strangerMs : signedInMs
  /** Asked only where people sign in: elsewhere a certificate would say nothing. */
  const clients = (TAKES_LOGINS.has(options.service) ? certificates?.clients : null) ?? null
  const { remote, local } = options.between ?? betweenOf(plain)
  let socket: Socket = plain

  let chunks: Uint8Array[] = []
  let buffered = 0
  /** Chunks that had arrived when the last write was made: STARTTLS discards these (S3). */
  let arrivedBeforeWrite = 0
  let paused = false
  let ended = false
  let finished = false
  let lost: ConnectionLost | null = null
  let waiting: Waiter | null = null

  let layer: DeflateLayer | null = null

  let corked = false
  let drainWaiters: { resolve: () => void; reject: (error: Error) => void }[] = []

  let readDeadline = Infinity
  let writeDeadline = Infinity
  let timerAt = Infinity
  let cancelTimer: Cancel | null = null

  const { promise: closed, resolve: markClosed } = Promise.withResolvers<void>()

  function arm(deadline: number): void {
    if (timerAt <= deadline) return // It fires earlier and arms itself for the rest.
    cancelTimer?.()
    timerAt = deadline
    cancelTimer = clock.timer(Math.max(1, deadline - clock.monotonic()), onTimer)
  }

  function onTimer(): void {
    timerAt = Infinity
    cancelTimer = null
    const now = clock.monotonic()
    if (now >= writeDeadline) return fail(new ConnectionLost('the peer does not read'))
    if (now >= readDeadline) {
      readDeadline = Infinity
      const waiter = waiting
      waiting = null
      waiter?.reject(new ReadTimedOut('nothing came in time'))
    }
    const next = Math.min(readDeadline, writeDeadline)
    if (next < Infinity) arm(next)
  }

  function onData(chunk: Uint8Array): void {
    if (finished || lost !== null) return // Read on, so that our last words are not cut off by a reset.
    if (waiting !== null) {
      const waiter = waiting
      waiting = null
      readDeadline = Infinity
      waiter.resolve(chunk)
      return
    }
    chunks.push(chunk)
    buffered += chunk.byteLength
    if (!paused && (buffered >= PIPELINE_MAX_OCTETS || chunks.length >= CHUNKS_MAX)) {
      paused = true
      socket.pause()
    }
  }

  function onEnd(): void {
    ended = true
    const waiter = waiting
    waiting = null
    readDeadline = Infinity
    waiter?.resolve(null)
  }

  function onDrain(): void {
    writeDeadline = Infinity
    const waiters = drainWaiters
    drainWaiters = []
    for (const waiter of waiters) waiter.resolve()
  }

  function onError(error: Error): void {
    lose(new ConnectionLost(error.message, { cause: error }))
  }

  function onClose(): void {
    lose(new ConnectionLost('the connection is closed'))
    cancelTimer?.()
    cancelTimer = null
    timerAt = Infinity
    layer?.close()
    markClosed()
  }

  function lose(error: ConnectionLost): void {
    if (lost !== null) return
    lost = error
    readDeadline = Infinity
    writeDeadline = Infinity
    const waiter = waiting
    waiting = null
    if (ended) waiter?.resolve(null)
    else waiter?.reject(error)
    const waiters = drainWaiters
    drainWaiters = []
    for (const each of waiters) each.reject(error)
  }

  function fail(error: ConnectionLost): void {
    lose(error)
    chunks = []
    buffered = 0
    layer?.close()
    socket.destroy()
  }

  function attach(to: Socket): void {
    socket = to
    to.on('data', onData)
    to.on('end', onEnd)
    to.on('drain', onDrain)
    to.on('error', onError)
    to.on('close', onClose)
  }

  function detach(from: Socket): void {
    from.off('data', onData)
    from.off('end', onEnd)
    from.off('drain', onDrain)
    from.off('error', onError)
    from.off('close', onClose)
    from.on('error', ignore)
  }

  function read(timeoutMs: number): Promise<Uint8Array | null> {
    assert(waiting === null, 'two reads at once')
    const chunk = chunks.shift()
    if (chunk !== undefined) {
      buffered -= chunk.byteLength
      if (arrivedBeforeWrite > 0) arrivedBeforeWrite--
      if (paused && buffered < PIPELINE_MAX_OCTETS / 2 && chunks.length < CHUNKS_MAX / 2) {
        paused = false
        socket.resume()
      }
      return Promise.resolve(chunk)
    }
    if (ended || finished) return Promise.resolve(null)
    if (lost !== null) return Promise.reject(lost)
    return new Promise((resolve, reject) => {
      waiting = { resolve, reject }
      readDeadline = clock.monotonic() + timeoutMs
      arm(readDeadline)
    })
  }

  function uncork(): void {
    if (!corked) return
    corked = false
    socket.uncork()
  }

  function drained(): Promise<void> {
    if (writeDeadline === Infinity) {
      writeDeadline = clock.monotonic() + writeTimeoutMs
      arm(writeDeadline)
    }
    return new Promise((resolve, reject) => drainWaiters.push({ resolve, reject }))
  }

  function write(data: Uint8Array | string): Promise<void> {
    if (lost !== null || finished) return Promise.reject(lost ?? new ConnectionLost('written after the end'))
    arrivedBeforeWrite = chunks.length
    if (data.length > WRITE_PIECE_OCTETS) return writeInPieces(data)
    if (!corked) {
      corked = true
      socket.cork()
      process.nextTick(uncork)
    }
    return socket.write(data) ? DONE : drained()
  }

  async function writeInPieces(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    for (let at = 0; at < bytes.byteLength; at += WRITE_PIECE_OCTETS) {
      await write(bytes.subarray(at, at + WRITE_PIECE_OCTETS))
    }
  }

  async function flushed(): Promise<void> {
    uncork()
    if (socket.writableLength === 0) return
    const cancel = clock.timer(writeTimeoutMs, () => fail(new ConnectionLost('the peer does not read')))
    await new Promise<void>((resolve) => void socket.write('', () => resolve())) // Called too when the socket is destroyed.
    cancel()
  }

  /** Waits for a TLS socket to be secure; from then on it is the connection's socket. */
  function secured(secure: TLSSocket, side: 'server' | 'client', check?: ClientTlsOptions['check']): Promise<TlsFacts> {
    const { promise, resolve, reject } = Promise.withResolvers<TlsFacts>()
    const give = (error: Error): void => {
      const failure = new ConnectionLost(`TLS handshake failed: ${error.message}`, { cause: error })
      lose(failure)
      secure.destroy()
      plain.destroy()
      reject(failure)
    }
    const cancel = clock.timer(options.handshakeTimeoutMs ?? TLS_HANDSHAKE_TIMEOUT_MS, () =>
      give(new Error('not finished in time')),
    )
    const onHandshakeClose = (): void => give(new Error('the peer closed the connection'))
    const onSecure = (): void => {
      cancel()
      secure.off('close', onHandshakeClose)
      secure.off('end', onHandshakeClose)
      secure.off('error', give)
      secure.off('_tlsError', give)
      if (lost !== null) return reject(lost)
      const objection = check?.(chainOf(secure)) ?? null
      if (objection !== null) return give(objection)
      connection.tls = tlsFactsOf(secure, side, { clients: side === 'server' ? clients : null })
      connection.canStartTls = false
      attach(secure)
      resolve(connection.tls)
    }
    secure.once('close', cancel)
    secure.once('close', markClosed)
    secure.once('close', onHandshakeClose)
    secure.once('end', onHandshakeClose)
    secure.once('error', give)
    // A failed handshake shows its cause here only; `error` stays silent on the server's side.
    secure.once('_tlsError', give)
    secure.on('error', ignore)
    secure.once(side === 'server' ? 'secure' : 'secureConnect', onSecure)
    return promise
  }

  async function startTls(): Promise<TlsFacts> {
    assert(connection.tls === null && waiting === null, 'TLS started twice, or under a read')
    assert(certificates !== null, 'STARTTLS without a certificate')
    await flushed()
    if (lost !== null) throw lost
    if (ended) throw new ConnectionLost('the peer closed the connection')
    // RFC 3207 §4.2, S3: what came before our go-ahead was sent in the clear and is forgotten. What came after can only be
    // the handshake; plaintext there makes it fail.
    const handshake = paused ? [] : chunks.slice(arrivedBeforeWrite)
    if (paused) while (plain.read() !== null);
    chunks = []
    buffered = 0
    paused = false
    plain.pause()
    detach(plain)
    if (handshake.length > 0) plain.unshift(Buffer.concat(handshake))
    return secured(serverTlsSocket(plain, certificates, undefined, { askClient: clients !== null }), 'server')
  }

  async function startClientTls(client: ClientTlsOptions): Promise<TlsFacts> {
    assert(connection.tls === null && waiting === null, 'TLS started twice, or under a read')
    await flushed()
    if (lost !== null) throw lost
    if (ended) throw new ConnectionLost('the peer closed the connection')
    plain.pause()
    detach(plain)
    while (plain.read() !== null); // A TLS server says nothing before our hello: whatever came is an injection (S3).
    chunks = []
    buffered = 0
    paused = false
    return secured(connectTls({ ...clientTlsOptions(client), socket: plain }), 'client', client.check)
  }

  function startDeflate(): void {
    assert(layer === null && waiting === null, 'DEFLATE started twice, or under a read')
    layer = deflateLayer({ read, write, fail }, { clock })
    connection.read = layer.read
    connection.write = layer.write
    connection.deflated = true
  }

  async function stopDeflate(): Promise<void> {
    assert(layer !== null && waiting === null, 'DEFLATE stopped without a start, or under a read')
    const ending = layer
    await ending.flushed()
    const unread = ending.close()
    layer = null
    if (unread.byteLength > 0) {
      chunks.unshift(unread)
      buffered += unread.byteLength
    }
    connection.read = read
    connection.write = write
    connection.deflated = false
  }

  async function end(): Promise<void> {
    await layer?.flushed()
    if (finished || lost !== null) return closed
    finished = true
    chunks = []
    buffered = 0
    onEnd()
    uncork()
    let cancel = clock.timer(writeTimeoutMs, () => socket.destroy())
    socket.end(() => {
      cancel()
      cancel = clock.timer(options.lingerMs ?? CLOSE_LINGER_MS, () => socket.destroy())
    })
    socket.resume()
    await closed
    cancel()
  }

  // Plain members: with getters in a literal each connection would have a dictionary of its own (some 0.8 KiB).
  const connection: Opened = {
    id: options.id,
    service: options.service,
    remote,
    local,
    tls: null,
    deflated: false,
    canStartTls: certificates !== null && certificates.contextFor(null) !== null,
    closed,
    read,
    write,
    startTls,
    startDeflate,
    stopDeflate,
    signedIn() {
      writeTimeoutMs = signedInMs
    },
    startClientTls,
    end,
    destroy: () => fail(new ConnectionLost('closed by us')),
  }
  attach(plain)
  return connection
}

function ignore(): void {}
