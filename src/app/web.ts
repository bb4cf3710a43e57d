/** What ports 80 and 443 answer, put together for one protocol thread. */
import { renderSVG } from 'uqr'
import type { Core } from './wire.ts'
import type { WebSettings } from './settings.ts'
import { originOf } from './web-settings.ts'
import type { Guard } from '../core/contract.ts'
import { createGuessKey } from '../core/guard/guess-key.ts'
import type { Asker } from '../exposure/client-servers.ts'
import { DOMAINS_CACHE_MS } from '../model/limits.ts'
import { LOOPBACK_NETWORKS, networksContain, type Network } from '../model/network.ts'
import type { Site } from '../model/web.ts'
import { redirectSite } from '../session/web/redirect.ts'
import { isNameOfOurs, secureSite } from '../session/web/site.ts'
import { welcomePage } from '../session/web/welcome.ts'
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'

export type WebParts = {
  readonly core: Pick<Core, 'directory' | 'onceLinks'>
  readonly clock: Clock
  readonly log: Log
  readonly guard: Guard
  /** Under which the same wrong link is known again. */
  readonly guessKey: Uint8Array
  readonly hostname: string
  readonly inside: readonly Network[]
  readonly acmeAnswer: (token: string) => string | null
  /** Whether the certificate in use is one that browsers trust. */
  readonly trusted: () => boolean
  /** What devices install, signed; null: not by a certificate that they would believe. */
  readonly signed: (content: Uint8Array) => Uint8Array | null
}

export function wireSites(settings: WebSettings, parts: WebParts): { readonly http: Site; readonly https: Site } {
  const { core, clock, log, guard, guessKey, hostname, inside, acmeAnswer, trusted, signed } = parts
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
      origin: originOf(settings),
      domains,
      serversFor: (remote) => servers[askerAt(remote)],
      stsPolicy,
      trusted,
      signed,
      welcome: welcomePage({
        links: core.onceLinks,
        guard,
        guessOf: createGuessKey(guessKey),
        clock,
        log,
        port: httpsPort,
      }),
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
