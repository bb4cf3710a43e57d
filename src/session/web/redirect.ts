/** Port 80 (D13, D14): every request goes to 443 of the configured host, but the certificate check's. */
import { ACME_TOKEN_MAX_OCTETS } from '../../model/limits.ts'
import type { Site } from '../../model/web.ts'
import { isRead, notFound, textAnswer } from './answers.ts'

const ACME_PATH = '/.well-known/acme-challenge/'

export type RedirectOptions = {
  /** Names of this server that requests are sent to; the first for every other name of ours. Never to a name that only
   * the request knows (an open redirect). */
  readonly names: readonly [string, ...string[]]
  /** Whether a name is one of ours. Other names get 404. */
  readonly knowsHost: (host: string) => Promise<boolean>
  /** What 443 is called from outside; named when it is not 443. */
  readonly httpsPort: number
  /** RFC 8555 §8.3: the key authorization of a token, if a certificate is being asked for. */
  readonly acmeAnswer: (token: string) => string | null
}

export function redirectSite({ names, knowsHost, httpsPort, acmeAnswer }: RedirectOptions): Site {
  const port = httpsPort === 443 ? '' : `:${httpsPort}`
  return async (request) => {
    const { host, path, search } = request
    if (path.startsWith(ACME_PATH)) {
      const token = path.slice(ACME_PATH.length)
      const good = /^[\w-]+$/.test(token) && token.length <= ACME_TOKEN_MAX_OCTETS // S22
      const answer = good && isRead(request) ? acmeAnswer(token) : null
      if (answer === null) return notFound
      return textAnswer(200, answer, { 'content-type': 'application/octet-stream' }) // RFC 8555 §8.3
    }
    const own = names.find((name) => name === host)
    if (own === undefined && (host === null || !(await knowsHost(host)))) return notFound
    const query = search === '' ? '' : `?${search}`
    return textAnswer(308, '', { location: `https://${own ?? names[0]}${port}${path}${query}` })
  }
}
