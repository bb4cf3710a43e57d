import { createServer } from 'node:net'
import type { ListenOptions as NodeListenOptions, Server, Socket } from 'node:net'
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import { token } from '../std/random.ts'
import type { Random } from '../std/random.ts'
import { noMetrics, type Metrics } from '../std/metrics.ts'
import type { Connection } from '../model/connection.ts'
import { CONNECTIONS_REFUSED } from '../model/metrics.ts'
import { PROTOCOLS } from '../model/service.ts'
import { LISTEN_BACKLOG, TCP_KEEPALIVE_DELAY_MS } from '../model/limits.ts'
import { ListenFailed } from './contract.ts'
import type { CertificateSource, Listener, ListenOptions, Network, Refusal } from './contract.ts'
import { openConnection } from './connection.ts'
import type { OpenConnection } from './connection.ts'
import { endpointOf } from './endpoint.ts'
import { betweenOf, isProxy, takeProxyHeader, type Between } from './proxied.ts'
import { refusalWords } from './refusal.ts'

export type NetworkOptions = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly certificates: CertificateSource
  readonly metrics?: Metrics
  readonly limits?: {
    /** Connections of all listeners of this network together; more are refused (R8). */
    readonly connectionsMax?: number
    readonly handshakeTimeoutMs?: number
    readonly writeTimeoutMs?: number
    readonly writeBeforeLoginTimeoutMs?: number
  }
}

/** Refused peers that may still be listening to why. */
const REFUSALS_MAX = 64

type Serve = (connection: Connection) => Promise<void>

/** Opens listeners. Whatever `serve` throws ends that connection and is logged, nothing more (R31). */
export function createNetwork(options: NetworkOptions): Network {
  const { clock, random, log, certificates, metrics = noMetrics, limits = {} } = options
  const connectionsMax = limits.connectionsMax ?? Infinity
  let open = 0

  async function listen(on: ListenOptions, serve: Serve): Promise<Listener> {
    const running = new Set<OpenConnection>()
    const sessions = new Set<Promise<void>>()
    let idleWaiters: (() => void)[] = []

    const enter = (socket: Socket, between: Between): OpenConnection => {
      const connection = openConnection(socket, {
        id: token(random, 8),
        service: on.service,
        clock,
        between,
        certificates: on.tls === 'none' ? null : certificates,
        ...limits,
      })
      running.add(connection)
      open++
      return connection
    }
    const leave = (connection: OpenConnection): void => {
      open--
      running.delete(connection)
      if (running.size > 0) return
      const waiters = idleWaiters
      idleWaiters = []
      for (const waiter of waiters) waiter()
    }

    async function session(socket: Socket, between: Between): Promise<void> {
      const full = open >= connectionsMax
      const connection = enter(socket, between)
      const admission = full
        ? ({ at: 'refused', why: 'too-many' } as const)
        : (on.admit?.(connection.remote) ?? ({ at: 'welcome' } as const))
      try {
        if (admission.at === 'refused') return await refuse(connection, admission.why)
        if (on.tls === 'implicit' && !(await handshake(connection))) return
        await serve(connection)
        await connection.end()
      } catch (cause) {
        log.error({ event: 'net.session.failed', service: on.service, cid: connection.id, cause })
      } finally {
        connection.destroy()
        if (admission.at === 'welcome') admission.left?.()
        leave(connection)
      }
    }

    async function refuse(connection: OpenConnection, why: Refusal): Promise<void> {
      metrics.add(CONNECTIONS_REFUSED, { protocol: PROTOCOLS[on.service], reason: why })
      log.info({
        event: 'net.connection.refused',
        service: on.service,
        cid: connection.id,
        remote: connection.remote.address,
        why,
      })
      const words = refusalWords(on.service, on.tls, why)
      if (words === null) return
      try {
        await connection.write(words)
        await connection.end()
      } catch {
        // Gone already.
      }
    }

    async function handshake(connection: OpenConnection): Promise<boolean> {
      try {
        await connection.startTls()
        return true
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        const { id: cid, remote } = connection
        log.info({ event: 'net.tls.failed', service: on.service, cid, remote: remote.address, why })
        return false
      }
    }

    /** Balancers that have not yet said for whom they speak. */
    const unnamed = new Set<Socket>()
    async function proxied(socket: Socket): Promise<void> {
      unnamed.add(socket)
      const between = await takeProxyHeader(socket, clock)
      unnamed.delete(socket)
      if (between !== null) return session(socket, between)
      const { remote } = betweenOf(socket)
      log.warn({ event: 'net.proxy.malformed', service: on.service, remote: remote.address })
      socket.destroy() // Whoever it is for, nobody knows; nothing is said.
    }

    const accept = (socket: Socket): void => {
      // Reset while it waited; or so many that even a refusal costs too much.
      if (socket.remoteAddress === undefined || open >= connectionsMax + REFUSALS_MAX) return void socket.destroy()
      const begun = isProxy(socket, on.proxies ?? []) ? proxied(socket) : session(socket, betweenOf(socket))
      const done: Promise<void> = begun.then(() => void sessions.delete(done))
      sessions.add(done)
    }

    const { server, shared } = await bind(on, accept)
    server.on('error', (cause) => {
      // Accept failed for want of descriptors; libuv has let go of that peer, so this does not spin (R8).
      log.warn({ event: 'net.accept.failed', service: on.service, cause })
    })
    const address = server.address()
    const endpoint =
      address === null || typeof address === 'string'
        ? endpointOf(on.address, on.port)
        : endpointOf(address.address, address.port)
    log.info({ event: 'net.listening', service: on.service, address: endpoint.address, port: endpoint.port, shared })

    const stop = async (): Promise<void> => {
      if (server.listening) server.close()
    }
    return {
      endpoint,
      shared,
      get connections() {
        return running.size
      },
      stop,
      drained: () =>
        running.size === 0 ? Promise.resolve() : new Promise((resolve) => void idleWaiters.push(resolve)),
      async [Symbol.asyncDispose]() {
        await stop()
        for (const socket of unnamed) socket.destroy()
        for (const connection of running) connection.destroy()
        await Promise.all(sessions)
      },
    }
  }

  return { listen }
}

/** What a listening socket of ours looks like; also for HTTP. */
export function listenArguments(on: { address: string; port: number; shared: boolean }): NodeListenOptions {
  return {
    host: on.address,
    port: on.port,
    backlog: LISTEN_BACKLOG,
    reusePort: on.shared,
    // `0.0.0.0` and `::` stand side by side, so that one can be had without the other.
    ipv6Only: on.address.includes(':'),
  }
}

/** Starts a server listening, sharing the port if that is asked and can be had. @throws ListenFailed */
export async function listenOn(
  server: Server,
  on: { address: string; port: number; shared: boolean },
): Promise<{ shared: boolean }> {
  try {
    await listening(server, on)
    return { shared: on.shared }
  } catch (error) {
    if (!on.shared || !isUnsupported(error)) throw error
    await listening(server, { ...on, shared: false })
    return { shared: false }
  }
}

function listening(server: Server, on: { address: string; port: number; shared: boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      server.off('listening', started)
      const code = cause.code ?? 'UNKNOWN'
      reject(new ListenFailed(code, `cannot listen on ${on.address} port ${on.port}: ${code}`, { cause }))
    }
    const started = (): void => {
      server.off('error', failed)
      resolve()
    }
    server.once('error', failed)
    server.once('listening', started)
    server.listen(listenArguments(on))
  })
}

function isUnsupported(error: unknown): boolean {
  return error instanceof ListenFailed && ['ENOTSUP', 'EOPNOTSUPP', 'ENOPROTOOPT', 'EINVAL'].includes(error.code)
}

async function bind(on: ListenOptions, accept: (socket: Socket) => void): Promise<{ server: Server; shared: boolean }> {
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS },
    accept,
  )
  const { shared } = await listenOn(server, on)
  return { server, shared }
}

/** Whether threads can share a port here (SO_REUSEPORT); tried on a loopback port of the system's choosing. */
export async function canSharePorts(): Promise<boolean> {
  const server = createServer()
  try {
    const { shared } = await listenOn(server, { address: '127.0.0.1', port: 0, shared: true })
    return shared
  } finally {
    server.close()
  }
}

/**
 * Whether a port could be had by this program alone: without SO_REUSEPORT, so that a second gavan of the same user does
 * not silently share the first one's ports.
 * @param options.shared beside listeners of this process that share it
 * @returns null when it is free, else `EADDRINUSE`, `EACCES`, …
 */
export async function portProblem(
  address: string,
  port: number,
  { shared = false }: { shared?: boolean } = {},
): Promise<string | null> {
  const server = createServer()
  try {
    await listenOn(server, { address, port, shared })
    return null
  } catch (error) {
    return error instanceof ListenFailed ? error.code : 'UNKNOWN'
  } finally {
    if (server.listening) await new Promise<void>((resolve) => void server.close(() => resolve()))
  }
}
