/** The admin API over a unix socket: JSON in, JSON out; letters come as octets. Whoever may open the socket file is the administrator. */
import { chmod, mkdir, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Log } from '../../std/log.ts'
import { ADMIN_ANSWER_MAX_OCTETS, ADMIN_BODY_MAX_OCTETS, ADMIN_TIMEOUT_MS } from '../../model/limits.ts'
import { http } from '../../net/node-http.ts'
import type { AdminApi, AdminAnswer } from './api.ts'

const OCTETS = 'application/octet-stream'

const isStream = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body

async function bodyOf(request: IncomingMessage, maxOctets: number): Promise<unknown> {
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    octets += chunk.length
    if (octets > maxOctets) throw new RangeError(`more than ${maxOctets} octets of JSON`)
    chunks.push(chunk)
  }
  return octets === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

function answer(response: ServerResponse, { status, body }: AdminAnswer): void {
  const text = JSON.stringify(body) // Before anything is said: it may throw.
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(text)
}

async function socketAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/**
 * @param path of the socket; a stale one of a dead server is replaced
 * @throws Error when a live server answers there
 */
export async function serveAdmin(options: { path: string; api: AdminApi; log: Log }): Promise<AsyncDisposable> {
  const { path, api, log } = options
  if (await socketAnswers(path)) throw new Error(`another server answers on ${path}`)
  await mkdir(dirname(path), { recursive: true, mode: 0o750 })
  await rm(path, { force: true })
  const server = http.createServer((request, response) => {
    const handle = async (): Promise<void> => {
      // Octets are the route's to read, as they come.
      const octets = request.headers['content-type'] === OCTETS
      const body = octets ? request : await bodyOf(request, ADMIN_BODY_MAX_OCTETS)
      answer(response, await api.handle(request.method ?? 'GET', request.url ?? '/', body))
      request.resume()
    }
    handle().catch((error: unknown) => {
      const theirs = error instanceof SyntaxError || error instanceof RangeError
      if (!theirs) log.error({ event: 'admin.failed', url: request.url, error: String(error) })
      if (response.headersSent) return void response.destroy()
      const cause = theirs ? error.message : 'internal error; see the log'
      answer(response, { status: theirs ? 400 : 500, body: { error: { cause, fix: null } } })
      request.resume()
    })
  })
  server.requestTimeout = ADMIN_TIMEOUT_MS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  await chmod(path, 0o660)
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
      await rm(path, { force: true })
    },
  }
}

/** The same API from another process. `handle` rejects with ENOENT or ECONNREFUSED when no server answers. */
export function adminOverSocket(path: string): AdminApi {
  return {
    handle: (method, url, body) =>
      new Promise((resolve, reject) => {
        const request = http.request({ socketPath: path, method, path: url, timeout: ADMIN_TIMEOUT_MS }, (response) => {
          bodyOf(response, ADMIN_ANSWER_MAX_OCTETS).then((parsed) => {
            resolve({ status: response.statusCode ?? 500, body: (parsed ?? {}) as Record<string, unknown> })
          }, reject)
        })
        request.once('timeout', () => request.destroy(new Error('the server did not answer in time')))
        request.once('error', reject)
        if (isStream(body)) {
          request.setHeader('content-type', OCTETS)
          pipeline(Readable.from(body, { objectMode: false }), request).catch(reject)
          return
        }
        if (body !== undefined) request.setHeader('content-type', 'application/json')
        request.end(body === undefined ? undefined : JSON.stringify(body))
      }),
  }
}
