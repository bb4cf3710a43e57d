/** Ports 80 and 443 for now: the redirect with the certificate check's one path, and a page that says gavan runs. */
import { createHash } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import type { Endpoint } from '../model/connection.ts'
import {
  ACME_TOKEN_MAX_OCTETS,
  HTTP_HEADERS_MAX_OCTETS,
  HTTP_HEADERS_TIMEOUT_MS,
  HTTP_KEEPALIVE_MS,
  HTTP_REQUEST_TIMEOUT_MS,
  HTTP_REQUESTS_PER_CONNECTION_MAX,
  TLS_HANDSHAKE_TIMEOUT_MS,
} from '../model/limits.ts'
import type { CertificateSource, Listener, ListenOptions } from './contract.ts'
import { endpointOf } from './endpoint.ts'
import { listenOn } from './listen.ts'
import { serverTlsSocket } from './tls.ts'

export type WebOptions = {
  readonly clock: Clock
  readonly log: Log
  readonly certificates: CertificateSource
  /** Names we redirect, lower-case. Others get 404: we never send anyone to a name that only the request knows. */
  readonly hosts: readonly string[]
  /** What 443 is called from outside; named in the redirect when it is not 443. */
  readonly httpsPort: number
  /** RFC 8555 §8.3: the key authorization of a token, if a certificate is being asked for. */
  readonly acmeAnswer: (token: string) => string | null
  readonly limits?: {
    /** Of one listener; more are dropped. */
    readonly connectionsMax?: number
    readonly headersTimeoutMs?: number
    readonly requestTimeoutMs?: number
    readonly checkEveryMs?: number
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

export type Web = {
  /** `http` or `https`, as the options say. @throws ListenFailed */
  listen(on: ListenOptions): Promise<Listener>
}

export function createWeb(options: WebOptions): Web {
  const { clock, log, certificates, limits = {} } = options

  async function listen(on: ListenOptions): Promise<Listener> {
    const answer = on.service === 'https' ? answerPage : redirectTo(options)
    /** Sockets (over TLS: its socket) whose request is being answered. */
    const busy = new Set<Socket>()
    let stopping = false
    const http = createHttp((request, response) => {
      busy.add(request.socket)
      response.once('close', () => busy.delete(request.socket))
      if (stopping) response.setHeader('connection', 'close')
      answer(request, response)
    }, options)
    /** Each accepted socket, and the one that HTTP speaks on. */
    const sockets = new Map<Socket, Socket>()
    let idleWaiters: (() => void)[] = []

    const accept = (socket: Socket): void => {
      socket.on('error', () => {})
      const remote = endpointOf(socket.remoteAddress, socket.remotePort)
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
      socket.once('close', () => {
        sockets.delete(socket)
        admission.left?.()
        if (sockets.size > 0) return
        const waiters = idleWaiters
        idleWaiters = []
        for (const waiter of waiters) waiter()
      })
      if (on.tls !== 'implicit') return void http.emit('connection', socket)
      const secure = serverTlsSocket(socket, certificates)
      sockets.set(socket, secure)
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
        for (const socket of sockets.keys()) socket.destroy()
      },
    }
  }
  return { listen }
}

function boundTo(server: Server, on: Endpoint): Endpoint {
  const address = server.address()
  return address === null || typeof address === 'string' ? on : endpointOf(address.address, address.port)
}

/** How often slow requests are looked for. */
const CHECK_EVERY_MS = 5000

/** S17: Node's strict parser, and docs/limits.md. */
function createHttp(handler: Handler, { log, limits = {} }: WebOptions): HttpServer {
  const http = createHttpServer(
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
      try {
        request.resume() // No request has a body that we want.
        response.setHeader('x-content-type-options', 'nosniff')
        response.setHeader('referrer-policy', 'no-referrer')
        if (isAmbiguous(request)) say(response, 400, 'bad request\n', { connection: 'close' })
        else handler(request, response)
      } catch (cause) {
        log.error({ event: 'net.http.failed', cause }) // R31: this connection ends, the others go on.
        request.socket.destroy()
      }
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

function say(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'no-store',
    ...headers,
  })
  if (response.req.method === 'HEAD') response.end()
  else response.end(text)
}

// 80 -------------------------------------------------------------------------------------------------------------------

const ACME_PATH = '/.well-known/acme-challenge/'

/** D13, D14: everything goes to 443, but the certificate check's path. Never to the name that the request gives. */
function redirectTo({ hosts, httpsPort, acmeAnswer }: WebOptions): Handler {
  const known = new Set(hosts)
  return (request, response) => {
    const target = targetOf(request)
    if (target === null) return say(response, 400, 'bad request\n')
    const { host, path } = target
    if (path.startsWith(ACME_PATH)) {
      const token = path.slice(ACME_PATH.length)
      const good = /^[\w-]+$/.test(token) && token.length <= ACME_TOKEN_MAX_OCTETS // S22
      const answer = good && isRead(request) ? acmeAnswer(token) : null
      if (answer === null) return say(response, 404, 'not found\n')
      return say(response, 200, answer, { 'content-type': 'application/octet-stream' }) // RFC 8555 §8.3
    }
    if (host === null || !known.has(host)) return say(response, 404, 'not found\n')
    const port = httpsPort === 443 ? '' : `:${httpsPort}`
    say(response, 308, '', { location: `https://${host}${port}${path}` })
  }
}

type Target = { readonly host: string | null; readonly path: string }

/** Where a request goes (RFC 9112 §3.2): the path with its query, and the name; null for any other form. */
function targetOf(request: IncomingMessage): Target | null {
  const target = request.url ?? ''
  if (!/^[!-~]*$/.test(target)) return null
  if (target.startsWith('/')) return { host: hostName(request.headers.host ?? ''), path: target }
  const absolute = /^https?:\/\/([^/?#]*)([/?].*)?$/i.exec(target) // RFC 9112 §3.2.2: it goes before Host.
  if (absolute === null) return null
  const path = absolute[2] ?? '/'
  return { host: hostName(absolute[1] ?? ''), path: path.startsWith('/') ? path : `/${path}` }
}

/** Lower-case, without the port and the final dot. */
function hostName(authority: string): string | null {
  return /^([a-z\d.-]{1,253}?)\.?(?::\d{1,5})?$/i.exec(authority)?.[1]?.toLowerCase() ?? null
}

function isRead(request: IncomingMessage): boolean {
  return request.method === 'GET' || request.method === 'HEAD'
}

// 443 ------------------------------------------------------------------------------------------------------------------

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:32rem;padding:0 1rem;color:#1b2421;background:#f7f8f6}' +
  '@media(prefers-color-scheme:dark){body{color:#e6ece9;background:#111615}}'

const PAGE = {
  en: page('en', 'gavan is running', 'Mail works on its own ports. Webmail comes later.'),
  ru: page('ru', 'gavan работает', 'Почта работает на своих портах. Веб-почта появится позже.'),
}

function page(language: string, title: string, text: string): string {
  return (
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>` +
    `<body><h1>${title}</h1><p>${text}</p></body></html>\n`
  )
}

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  vary: 'accept-language',
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

function answerPage(request: IncomingMessage, response: ServerResponse): void {
  const path = targetOf(request)?.path
  if (path === undefined) return say(response, 400, 'bad request\n')
  if (path !== '/' && !path.startsWith('/?')) return say(response, 404, 'not found\n')
  if (!isRead(request)) return say(response, 405, 'method not allowed\n', { allow: 'GET, HEAD' })
  say(response, 200, PAGE[preferredLanguage(request.headers['accept-language'] ?? '')], PAGE_HEADERS)
}

/** RFC 9110 §12.5.4, for two languages. */
function preferredLanguage(accepted: string): 'en' | 'ru' {
  const weights = { en: 0, ru: 0 }
  for (const part of accepted.slice(0, 200).split(',')) {
    const [range = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    const weight = Number(parameters.find((each) => each.startsWith('q='))?.slice(2) ?? 1)
    const language = range.split('-', 1)[0]
    if ((language === 'en' || language === 'ru') && weight > weights[language]) weights[language] = weight
  }
  return weights.ru > weights.en ? 'ru' : 'en'
}
