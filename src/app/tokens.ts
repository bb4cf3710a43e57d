/** Bearer tokens: from the configuration to what proves them, across a thread's border. */
import { createTokenVerifier } from '../core/accounts/oauth/token-verifier.ts'
import type { TokenVerifier } from '../core/contract.ts'
import { OAUTH_ANSWER_MAX_OCTETS, OAUTH_ANSWER_TIMEOUT_MS } from '../model/limits.ts'
import { createHttpsFetch } from '../net/https-fetch.ts'
import type { Clock } from '../std/clock.ts'
import { Secret } from '../std/secret.ts'
import type { Config } from './config/config.ts'
import type { AccessSettings } from './settings.ts'

export function accessSettings({ access }: Pick<Config, 'access'>): AccessSettings {
  const { oauth, pop3LoginDelayMs } = access
  if (oauth === null) return { oauth, pop3LoginDelayMs }
  const { client } = oauth
  const plain = client === null ? null : { id: client.id, secret: client.secret.reveal() }
  return { oauth: { ...oauth, client: plain }, pop3LoginDelayMs }
}

export function wireTokens(oauth: NonNullable<AccessSettings['oauth']>, parts: { clock: Clock }): TokenVerifier {
  const { ca, client, ...wanted } = oauth
  const fetch = createHttpsFetch({
    ca,
    timeoutMs: OAUTH_ANSWER_TIMEOUT_MS,
    answerMaxOctets: OAUTH_ANSWER_MAX_OCTETS,
  })
  const secret = client === null ? null : { id: client.id, secret: new Secret(client.secret) }
  return createTokenVerifier({ ...wanted, client: secret }, { fetch, ...parts })
}
