/** `/metrics` for Prometheus: plain HTTP, on loopback unless the administrator says otherwise. */
import { METRICS_TIMEOUT_MS } from '../../model/limits.ts'
import type { Endpoint } from '../../model/connection.ts'
import type { Log } from '../../std/log.ts'
import { listenOn } from '../../net/listen.ts'
import { http } from '../../net/node-http.ts'
import { METRICS_CONTENT_TYPE } from './text.ts'

const CONNECTIONS_MAX = 16
const HEADERS_MAX_OCTETS = 4096

/** @param options.gather the whole page. @throws ListenFailed */
export async function serveMetrics(options: {
  listen: Endpoint
  gather: () => Promise<string>
  /** `/bans.txt`: one address or network a line, for firewalls that fetch lists. */
  bans?: () => string
  log: Log
}): Promise<AsyncDisposable & { readonly endpoint: Endpoint }> {
  const { listen, gather, bans, log } = options
  const server = http.createServer(
    { maxHeaderSize: HEADERS_MAX_OCTETS, requestTimeout: METRICS_TIMEOUT_MS, headersTimeout: METRICS_TIMEOUT_MS },
    (request, response) => {
      request.resume()
      const isRead = request.method === 'GET' || request.method === 'HEAD'
      if (request.url === '/bans.txt' && isRead && bans !== undefined) {
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
        response.end(bans())
        return
      }
      if (request.url !== '/metrics' || !isRead) {
        response.writeHead(isRead ? 404 : 405, { 'content-type': 'text/plain' })
        response.end('see /metrics\n')
        return
      }
      gather().then(
        (text) => {
          response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store' })
          response.end(text)
        },
        (error: unknown) => {
          log.error({ event: 'metrics.failed', cause: String(error) })
          response.writeHead(503, { 'content-type': 'text/plain' })
          response.end('not now\n')
        },
      )
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  await listenOn(server, { ...listen, shared: false })
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port
  log.info({ event: 'metrics.listening', address: listen.address, port })
  return {
    endpoint: { address: listen.address, port },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
