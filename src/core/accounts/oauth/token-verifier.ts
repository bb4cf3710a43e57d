/** Bearer tokens of one issuer: JWTs by its keys, others by asking it (RFC 7662). */
import type { Clock } from '../../../std/clock.ts'
import type { Secret } from '../../../std/secret.ts'
import { OAUTH_QUESTIONS_AT_ONCE_MAX, OAUTH_TOKEN_MAX_OCTETS } from '../../../model/limits.ts'
import type { TokenVerifier } from '../../contract.ts'
import { judge, type Verdict, type Wanted } from './claims.ts'
import { createIssuer, type Fetch, type Published } from './issuer.ts'
import { candidates, isSignedBy, parseJson, parseJwt, type Jwt } from './jwt.ts'

export type TokenVerifierOptions = Wanted & {
  /** With which we ask about tokens that are no JWTs; null: such are refused. */
  readonly client: { readonly id: string; readonly secret: Secret } | null
}

const refused = (why: string): Verdict => ({ at: 'refused', status: 'invalid_token', why })
const silent = (error: unknown): Verdict => ({
  at: 'try-later',
  why: error instanceof Error ? error.message : String(error),
})

export function createTokenVerifier(
  options: TokenVerifierOptions,
  { fetch, clock }: { fetch: Fetch; clock: Clock },
): TokenVerifier {
  const { client } = options
  const issuer = createIssuer({ issuer: options.issuer, fetch, clock })

  const byKeys = async (jwt: Jwt): Promise<Verdict> => {
    let published: Published
    try {
      published = await issuer.published(({ keys }) => candidates(jwt, keys).length > 0)
    } catch (error) {
      return silent(error)
    }
    if (!candidates(jwt, published.keys).some((key) => isSignedBy(jwt, key)))
      return refused('none of the keys has signed it')
    return judge(jwt.claims, options, { now: clock.now(), needsAudience: true })
  }

  let asking = 0
  const byAsking = async (token: string, by: NonNullable<typeof client>): Promise<Verdict> => {
    if (asking >= OAUTH_QUESTIONS_AT_ONCE_MAX) return silent('too many questions are under way')
    asking++
    try {
      const { introspection } = await issuer.published(() => true)
      if (introspection === null) return refused('the issuer answers no questions about tokens')
      const credentials = `${formEncoded(by.id)}:${formEncoded(by.secret.reveal())}` // RFC 6749 §2.3.1.
      const { status, body } = await fetch({
        method: 'POST',
        url: introspection,
        headers: {
          accept: 'application/json',
          authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
      })
      const answer = status === 200 ? parseJson(body) : null
      if (answer === null) return silent(`${introspection} answers ${status}`)
      if (answer['active'] !== true) return refused('the issuer says that it is not active')
      return judge(answer, options, { now: clock.now(), needsAudience: false })
    } catch (error) {
      return silent(error)
    } finally {
      asking--
    }
  }

  return {
    configuration: issuer.configurationUrl,
    async verify(secret) {
      const token = secret.reveal()
      const jwt = parseJwt(token)
      if (typeof jwt !== 'string') return byKeys(jwt)
      if (client === null || token.length > OAUTH_TOKEN_MAX_OCTETS || token.split('.').length === 3) return refused(jwt)
      return byAsking(token, client)
    },
  }
}

const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)
