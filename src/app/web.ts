/** What ports 80 and 443 answer, put together for one protocol thread. */
import { renderSVG } from 'uqr'
import type { Core } from './wire.ts'
import type { WebSettings } from './settings.ts'
import type { Asker } from '../exposure/client-servers.ts'
import { DOMAINS_CACHE_MS } from '../model/limits.ts'
import { LOOPBACK_NETWORKS, networksContain, type Network } from '../model/network.ts'
import type { Site } from '../model/web.ts'
import { redirectSite } from '../session/web/redirect.ts'
import { isNameOfOurs, secureSite } from '../session/web/site.ts'
import type { Clock } from '../std/clock.ts'

export type WebParts = {
  readonly core: Pick<Core, 'directory'>
  readonly clock: Clock
  readonly hostname: string
  readonly inside: readonly Network[]
  readonly acmeAnswer: (token: string) => string | null
  /** Whether the certificate in use is one that browsers trust. */
  readonly trusted: () => boolean
}

export function wireSites(settings: WebSettings, parts: WebParts): { readonly http: Site; readonly https: Site } {
  const { core, clock, hostname, inside, acmeAnswer, trusted } = parts
  const { names, httpsPort, servers, stsPolicy } = settings
  const domains = remembered(clock, async () => new Set((await core.directory.domains()).map(({ name }) => name)))
  const askerAt = (address: string): Asker => {
    if (networksContain(LOOPBACK_NETWORKS, address)) return 'loopback'
    return networksContain(inside, address) ? 'inside' : 'outside'
  }
  return {
    http: redirectSite({ names, knowsHost: (host) => isNameOfOurs(host, domains), httpsPort, acmeAnswer }),
    https: secureSite({
      hostname,
      origin: `https://${names[0]}${httpsPort === 443 ? '' : `:${httpsPort}`}`,
      domains,
      serversFor: (remote) => servers[askerAt(remote)],
      stsPolicy,
      trusted,
      qrCode: (text) => renderSVG(text, { border: 0 }),
    }),
  }
}

/** Strangers ask often, and domains change seldom: the store is asked once in a while. */
function remembered<T>(clock: Clock, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly value: Promise<T> } | null = null
  return () => {
    const now = clock.monotonic()
    if (last === null || now - last.at >= DOMAINS_CACHE_MS) {
      const value = read()
      last = { at: now, value }
      value.catch(() => (last = null)) // Asked anew the next time.
    }
    return last.value
  }
}
