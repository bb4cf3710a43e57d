/** Single requests to one HTTPS server, and to our own port 80: no redirects, no cookies, answers of bounded size. */
import type { IncomingMessage, RequestOptions } from 'node:http'
import { getCACertificates } from 'node:tls'
import { http } from './node-http.ts'

export type FetchedAnswer = {
  readonly status: number
  /** By lower-case name; null when absent. */
  readonly header: (name: string) => string | null
  readonly body: string
}

export type FetchRequest = {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export type Bounds = { readonly timeoutMs: number; readonly answerMaxOctets: number; readonly signal?: AbortSignal }

/** @param options.ca a further CA to trust, PEM. The request rejects when there is no whole answer in time. */
export function createHttpsFetch(
  options: Bounds & { readonly ca: string | null },
): (request: FetchRequest) => Promise<FetchedAnswer> {
  return async ({ method, url, headers, body }) => {
    const { request } = await import('node:https') // Not before a certificate is asked for.
    const trust = options.ca === null ? {} : { ca: [...getCACertificates('default'), options.ca] }
    const target = new URL(url)
    if (target.protocol !== 'https:') throw new TypeError(`${target.protocol} is not https:`)
    const settings = { method, agent: false, ...trust, headers: { ...headers, ...lengthOf(body) } }
    return answerOf((got) => request(target, { ...settings, ...signalOf(options) }, got), body, options)
  }
}

/** What a server answers on a plain port, by address, for a name. */
export function fetchPlain(
  to: { readonly address: string; readonly port: number; readonly name: string; readonly path: string },
  bounds: Bounds,
): Promise<FetchedAnswer> {
  const { address, port, name, path } = to
  const options: RequestOptions = { host: address, port, path, agent: false, headers: { host: name } }
  return answerOf((got) => http.request({ ...options, ...signalOf(bounds) }, got), null, bounds)
}

export const signalOf = ({ signal, timeoutMs }: Bounds): { signal: AbortSignal } => {
  const inTime = AbortSignal.timeout(timeoutMs)
  return { signal: signal === undefined ? inTime : AbortSignal.any([signal, inTime]) }
}

const lengthOf = (body: string | null): Record<string, string> =>
  body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }

export function answerOf(
  open: (got: (response: IncomingMessage) => void) => ReturnType<typeof http.request>,
  body: string | null,
  { answerMaxOctets, timeoutMs }: Bounds,
): Promise<FetchedAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(error.name === 'AbortError' ? new Error(`no answer within ${timeoutMs / 1000} s`) : error)
    const request = open((response) => {
      const chunks: Buffer[] = []
      let octets = 0
      response.on('error', fail)
      response.on('data', (chunk: Buffer) => {
        octets += chunk.length
        chunks.push(chunk)
        if (octets <= answerMaxOctets) return
        chunks.length = 0
        fail(new Error(`more than ${answerMaxOctets} octets`)) // Its end may have come with it: that is too late then.
        request.destroy()
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          header: (name) => response.headersDistinct[name]?.[0] ?? null,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      )
    })
    request.on('error', fail)
    request.end(body ?? undefined)
  })
}
