/** What an OpenID Connect issuer publishes: its configuration and its keys, asked for seldom. */
import type { Clock } from '../../../std/clock.ts'
import {
  OAUTH_KEYS_LIFETIME_MS,
  OAUTH_KEYS_MAX,
  OAUTH_KEYS_REFETCH_MS,
  OAUTH_KEYS_STALE_MS,
} from '../../../model/limits.ts'
import { parseJson, readKeySet, type IssuerKey } from './jwt.ts'

/** As net's https-fetch: no redirects, bounded in time and size. Rejects when there is no whole answer. */
export type Fetch = (request: {
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body: string | null
}) => Promise<{ readonly status: number; readonly body: string }>

export type Published = {
  readonly keys: readonly IssuerKey[]
  /** RFC 7662; null: it has none. */
  readonly introspection: string | null
}

export type Issuer = {
  readonly configurationUrl: string
  /**
   * @param isEnough whether what was published earlier will do; when it will not, it is asked for anew, but not within
   * OAUTH_KEYS_REFETCH_MS: whoever sends made-up key names must not make us knock there
   * @throws Error when the issuer does not answer as one
   */
  published(isEnough: (published: Published) => boolean): Promise<Published>
}

export function createIssuer(options: { issuer: string; fetch: Fetch; clock: Clock }): Issuer {
  const { issuer, fetch, clock } = options
  const configurationUrl = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration` // Discovery 1.0 §4.
  let known: { readonly published: Published; readonly at: number } | null = null
  let triedAt = -Infinity
  let failure: Error | null = null
  let asking: Promise<void> | null = null

  const get = async (url: string): Promise<Record<string, unknown>> => {
    const { status, body } = await fetch({ method: 'GET', url, headers: { accept: 'application/json' }, body: null })
    const value = status === 200 ? parseJson(body) : null
    if (value === null) throw new Error(`${url} answers ${status}${status === 200 ? ' and no JSON' : ''}`)
    return value
  }

  async function ask(): Promise<void> {
    triedAt = clock.monotonic()
    try {
      const configuration = await get(configurationUrl)
      const { jwks_uri: keysUrl, introspection_endpoint: introspection } = configuration
      // Discovery 1.0 §4.3: exactly, or one issuer could speak for another.
      if (configuration['issuer'] !== issuer) throw new Error(`${configurationUrl} is of another issuer`)
      if (!isHttps(keysUrl)) throw new Error(`${configurationUrl} names no jwks_uri`)
      const keys = readKeySet(await get(keysUrl), OAUTH_KEYS_MAX)
      if (keys === null) throw new Error(`${keysUrl} is no set of keys`)
      const published = { keys, introspection: isHttps(introspection) ? introspection : null }
      known = { published, at: clock.monotonic() }
      failure = null
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
    }
  }

  return {
    configurationUrl,
    async published(isEnough) {
      const now = clock.monotonic()
      const isFresh = known !== null && now - known.at < OAUTH_KEYS_LIFETIME_MS
      if (known !== null && isFresh && isEnough(known.published)) return known.published
      if (asking !== null || now - triedAt >= OAUTH_KEYS_REFETCH_MS) {
        asking ??= ask().finally(() => (asking = null))
        await asking
      }
      // While the issuer is silent, its older keys go on for a while.
      if (known !== null && clock.monotonic() - known.at < OAUTH_KEYS_STALE_MS) return known.published
      throw failure ?? new Error(`${issuer} has not been asked`)
    },
  }
}

const isHttps = (url: unknown): url is string =>
  typeof url === 'string' && URL.canParse(url) && new URL(url).protocol === 'https:'
