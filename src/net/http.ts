/** Ports 80 and 443: requests are read and checked here; what is answered, a site says. */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import type { Endpoint } from '../model/connection.ts'
import {
  HTTP_BODY_MAX_OCTETS,
  HTTP_HEADERS_MAX_OCTETS,
  HTTP_HEADERS_TIMEOUT_MS,
  HTTP_KEEPALIVE_MS,
  HTTP_REQUEST_TIMEOUT_MS,
  HTTP_REQUESTS_PER_CONNECTION_MAX,
  TLS_HANDSHAKE_TIMEOUT_MS,
} from '../model/limits.ts'
import type { Site, WebRequest } from '../model/web.ts'
import type { CertificateSource, Listener, ListenOptions } from './contract.ts'
import { endpointOf } from './endpoint.ts'
import { listenOn } from './listen.ts'
import { http as nodeHttp } from './node-http.ts'
import { betweenOf, isProxy, takeProxyHeader } from './proxied.ts'
import { ACME_TLS_PROTOCOL, serverTlsSocket } from './tls.ts'

export type WebOptions = {
  readonly clock: Clock
  readonly log: Log
  readonly certificates: CertificateSource
  /** What is answered on each. */
  readonly sites: { readonly http: Site; readonly https: Site }
  readonly limits?: {
    /** Of one listener; more are dropped. */
    readonly connectionsMax?: number
    readonly headersTimeoutMs?: number
    readonly requestTimeoutMs?: number
    readonly checkEveryMs?: number
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export type Web = {
  /** `http` or `https`, as the options say. @throws ListenFailed */
  listen(on: ListenOptions): Promise<Listener>
}

export function createWeb(options: WebOptions): Web {
  const { clock, log, certificates, limits = {} } = options

  async function listen(on: ListenOptions): Promise<Listener> {
    const answer = answerFrom(on.service === 'https' ? options.sites.https : options.sites.http)
    /** Sockets (over TLS: its socket) whose request is being answered. */
    const busy = new Set<Socket>()
    let stopping = false
    const http = createHttp((request, response) => {
      busy.add(request.socket)
      response.once('close', () => busy.delete(request.socket))
      if (stopping) response.setHeader('connection', 'close')
      return answer(request, response)
    }, options)
    /** Balancers that have not yet said for whom they speak. */
    const unnamed = new Set<Socket>()
    /** Each accepted socket, and the one that HTTP speaks on. */
    const sockets = new Map<Socket, Socket>()
    let idleWaiters: (() => void)[] = []

    const accept = (socket: Socket): void => {
      socket.on('error', () => {})
      if (!isProxy(socket, on.proxies ?? [])) return admit(socket, betweenOf(socket).remote)
      unnamed.add(socket)
      takeProxyHeader(socket, clock)
        .then((between) => {
          unnamed.delete(socket)
          if (between !== null) return admit(socket, between.remote)
          log.warn({ event: 'net.proxy.malformed', service: on.service, remote: betweenOf(socket).remote.address })
          socket.destroy()
        })
        .catch((cause: unknown) => {
          log.error({ event: 'net.http.failed', cause })
          socket.destroy()
        })
    }
    const admit = (socket: Socket, remote: Endpoint): void => {
      const full = sockets.size >= (limits.connectionsMax ?? Infinity)
      const admission =
        full || socket.remoteAddress === undefined ? null : (on.admit?.(remote) ?? ({ at: 'welcome' } as const))
      if (admission?.at !== 'welcome') {
        if (admission !== null) {
          log.info({ event: 'net.connection.refused', service: on.service, remote: remote.address, why: admission.why })
        }
        return void socket.destroy()
      }
      sockets.set(socket, socket)
      remotes.set(socket, remote)
      socket.once('close', () => {
        sockets.delete(socket)
        admission.left?.()
        if (sockets.size > 0) return
        const waiters = idleWaiters
        idleWaiters = []
        for (const waiter of waiters) waiter()
      })
      if (on.tls !== 'implicit') return void http.emit('connection', socket)
      const secure = serverTlsSocket(socket, certificates, 'http/1.1')
      sockets.set(socket, secure)
      remotes.set(secure, remote)
      const cancel = clock.timer(TLS_HANDSHAKE_TIMEOUT_MS, () => socket.destroy())
      secure.on('error', () => {})
      secure.once('close', () => {
        cancel()
        socket.destroy()
      })
      const givenUp = (): void => void socket.destroy() // Before the handshake's end; afterwards HTTP sees to it.
      secure.once('end', givenUp)
      secure.once('secure', () => {
        cancel()
        secure.off('end', givenUp)
        if (secure.alpnProtocol === ACME_TLS_PROTOCOL) return void secure.end() // RFC 8737 §3: nothing more is said.
        http.emit('connection', secure)
      })
    }

    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, accept)
    const { shared } = await listenOn(server, on)
    server.on('error', (cause) => log.warn({ event: 'net.accept.failed', service: on.service, cause }))
    const endpoint = boundTo(server, on)
    log.info({ event: 'net.listening', service: on.service, address: endpoint.address, port: endpoint.port, shared })

    const stop = async (): Promise<void> => {
      stopping = true
      if (server.listening) server.close()
      for (const [socket, spoken] of sockets) if (!busy.has(spoken)) socket.destroy()
      http.close() // Ends the watch over slow requests.
    }
    return {
      endpoint,
      shared,
      get connections() {
        return sockets.size
      },
      stop,
      drained: () =>
        sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => void idleWaiters.push(resolve)),
      async [Symbol.asyncDispose]() {
        await stop()
        http.closeAllConnections()
        for (const socket of [...unnamed, ...sockets.keys()]) socket.destroy()
      },
    }
  }
  return { listen }
}

/** Who is at the other end of a socket that HTTP speaks on. */
const remotes = new WeakMap<Socket, Endpoint>()

function boundTo(server: Server, on: Endpoint): Endpoint {
  const address = server.address()
  return address === null || typeof address === 'string' ? on : endpointOf(address.address, address.port)
}

/** How often slow requests are looked for. */
const CHECK_EVERY_MS = 5000

/** S17: Node's strict parser, and docs/limits.md. */
function createHttp(handler: Handler, { log, limits = {} }: WebOptions): HttpServer {
  const http = nodeHttp.createServer(
    {
      maxHeaderSize: HTTP_HEADERS_MAX_OCTETS,
      headersTimeout: limits.headersTimeoutMs ?? HTTP_HEADERS_TIMEOUT_MS,
      requestTimeout: limits.requestTimeoutMs ?? HTTP_REQUEST_TIMEOUT_MS,
      keepAliveTimeout: HTTP_KEEPALIVE_MS,
      connectionsCheckingInterval: limits.checkEveryMs ?? CHECK_EVERY_MS,
      insecureHTTPParser: false,
      requireHostHeader: true, // RFC 9112 §3.2
    },
    (request, response) => {
      response.setHeader('x-content-type-options', 'nosniff')
      response.setHeader('referrer-policy', 'no-referrer')
      handler(request, response).catch((cause: unknown) => {
        const { destroyed, remoteAddress = null, remotePort = null } = request.socket
        if (destroyed) return
        // R31: that request ends; the others go on.
        log.error({ event: 'net.http.failed', remote: remoteAddress, port: remotePort, method: request.method, cause })
        if (response.headersSent) return void request.socket.destroy()
        say(response, 500, 'Internal error. The log says more.\n', { connection: 'close' })
      })
    },
  )
  http.maxRequestsPerSocket = HTTP_REQUESTS_PER_CONNECTION_MAX
  http.maxHeadersCount = 100
  // `listen` is ours, so the check of slow requests is started here, where Node would start it.
  http.emit('listening')
  return http
}

/** What another server on the way might read otherwise than we do. */
function isAmbiguous({ headers, headersDistinct }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return true // RFC 9112 §6.3, item 4
  return (headersDistinct['host'] ?? []).length > 1 // RFC 9112 §3.2
}

function say(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    ...headers,
    'content-length': String(typeof body === 'string' ? Buffer.byteLength(body) : body.length),
  })
  if (response.req.method === 'HEAD') response.end()
  else response.end(body)
}

function answerFrom(site: Site): Handler {
  return async (request, response) => {
    const target = isAmbiguous(request) ? null : targetOf(request)
    if (target === null) {
      request.resume()
      return say(response, 400, 'bad request\n', { connection: 'close' })
    }
    const body = await bodyOf(request)
    if (body === null) return say(response, 413, 'content too large\n', { connection: 'close' })
    const { status, headers, body: text } = await site({ ...target, ...factsOf(request), body })
    say(response, status, text, headers)
  }
}

/** @returns null when it is longer than HTTP_BODY_MAX_OCTETS */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | null> {
  const parts: Buffer[] = []
  let octets = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    octets += part.length
    if (octets > HTTP_BODY_MAX_OCTETS) return null
    parts.push(part)
  }
  return Buffer.concat(parts, octets)
}

function factsOf(request: IncomingMessage): Pick<WebRequest, 'method' | 'header' | 'remote'> {
  const { headers, socket } = request
  return {
    method: request.method ?? '',
    header: (name) => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    remote: (remotes.get(socket) ?? betweenOf(socket).remote).address,
  }
}

type Target = Pick<WebRequest, 'host' | 'path' | 'search' | 'query'>

/** Where a request goes (RFC 9112 §3.2): the name, the path and the query; null for any other form. */
function targetOf(request: IncomingMessage): Target | null {
  const target = request.url ?? ''
  if (!/^[!-~]*$/.test(target)) return null
  if (target.startsWith('/')) return split(request.headers.host ?? '', target)
  const absolute = /^https?:\/\/([^/?#]*)([/?].*)?$/i.exec(target) // RFC 9112 §3.2.2: it goes before Host.
  if (absolute === null) return null
  const path = absolute[2] ?? '/'
  return split(absolute[1] ?? '', path.startsWith('/') ? path : `/${path}`)
}

function split(authority: string, target: string): Target {
  const mark = target.indexOf('?')
  const search = mark === -1 ? '' : target.slice(mark + 1)
  const path = mark === -1 ? target : target.slice(0, mark)
  return { host: hostName(authority), path, search, query: new URLSearchParams(search) }
}

/** Lower-case, without the port and the final dot. */
function hostName(authority: string): string | null {
  return /^([a-z\d.-]{1,253}?)\.?(?::\d{1,5})?$/i.exec(authority)?.[1]?.toLowerCase() ?? null
}
