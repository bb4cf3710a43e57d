import type { AccountRef, LoginOutcome, ScramOffer } from '../core/contract.ts'
import { FAILED_LOGIN_DELAYS_MS, FAILED_LOGINS_PER_CONNECTION_MAX } from '../model/limits.ts'
import type { Connection } from '../model/connection.ts'
import { externalExchange } from '../protocol/sasl/external.ts'
import type { SaslAnswer, SaslEnd, SaslExchange } from '../protocol/sasl/exchange.ts'
import { oauthBearerExchange, xoauth2Exchange } from '../protocol/sasl/oauth.ts'
import { loginExchange, plainExchange } from '../protocol/sasl/plain.ts'
import { scramExchange } from '../protocol/sasl/scram.ts'
import type { Authenticator, SaslMechanism } from '../roles/contract.ts'
import { sleep, type Clock } from '../std/clock.ts'
import { assert, never } from '../std/assert.ts'
import type { Random } from '../std/random.ts'

export type SaslOutcome =
  | { readonly at: 'ok'; readonly account: AccountRef }
  /** Wrong name or password: 535 5.7.8, NO [AUTHENTICATIONFAILED], -ERR [AUTH]. Counts as a failed login. */
  | { readonly at: 'refused' }
  /** 454 4.7.0, NO [UNAVAILABLE], -ERR [SYS/TEMP]. */
  | { readonly at: 'try-later' }
  /** The client sent `*`. */
  | { readonly at: 'cancelled' }
  /** 501 5.5.2, BAD, -ERR: nobody's password was tried. */
  | { readonly at: 'malformed'; readonly why: string }

export type SaslOptions = {
  readonly mechanism: SaslMechanism
  /** Decoded; null when the command carried none. */
  readonly initialResponse: Buffer | null
  /** What the connection announces: a client that missed -PLUS there was deceived. */
  readonly offered: readonly SaslMechanism[]
  readonly authenticator: Authenticator
  readonly connection: Connection
  readonly random: Random
  /** Sends the challenge (base64 is the protocol's) and reads the response; null when cancelled. */
  challenge(bytes: Buffer): Promise<Buffer | null | 'malformed'>
}

/** Runs one SASL exchange, for every protocol that has AUTH. @throws what `challenge` throws (ConnectionLost, …) */
export async function runSasl(options: SaslOptions): Promise<SaslOutcome> {
  const { authenticator, connection } = options
  if (!authenticator.mayTry(connection)) return { at: 'try-later' }
  const exchange = begin(options)
  /** What was found on the way. */
  const found: Found = { offer: null, token: null }
  let answer: SaslAnswer = Buffer.alloc(0)
  for (;;) {
    const step = exchange.next(answer)
    if (step.done === true) return finish(options, step.value, found)
    const question = step.value
    switch (question.ask) {
      case 'response': {
        const response = await options.challenge(question.challenge)
        if (response === null) return { at: 'cancelled' }
        if (response === 'malformed') return { at: 'malformed', why: 'malformed base64' }
        answer = response
        break
      }
      case 'keys': {
        const offer = await authenticator.scramKeys(connection, question.login)
        if (!('pairs' in offer)) return { at: 'try-later' }
        found.offer = offer
        answer = offer
        break
      }
      case 'token': {
        const outcome = await authenticator.token(connection, question.login, question.token)
        if (outcome.at === 'try-later') return { at: 'try-later' }
        found.token = outcome
        const error = outcome.error ?? { status: 'invalid_token', configuration: null }
        answer = outcome.at === 'ok' ? { good: true } : { good: false, error }
        break
      }
      default:
        never(question)
    }
  }
}

function begin({ mechanism, initialResponse, offered, connection, random }: SaslOptions): SaslExchange {
  switch (mechanism) {
    case 'PLAIN':
      return plainExchange(initialResponse)
    case 'LOGIN':
      return loginExchange(initialResponse)
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-256-PLUS':
      return scramExchange(initialResponse, {
        plus: mechanism === 'SCRAM-SHA-256-PLUS',
        plusOffered: offered.includes('SCRAM-SHA-256-PLUS'),
        channelBinding: (type) =>
          type === 'tls-exporter' || type === 'tls-server-end-point'
            ? (connection.tls?.channelBinding(type) ?? null)
            : null,
        serverNonce: Buffer.from(random.bytes(18)).toString('base64'),
      })
    case 'OAUTHBEARER':
      return oauthBearerExchange(initialResponse)
    case 'XOAUTH2':
      return xoauth2Exchange(initialResponse)
    case 'EXTERNAL':
      return externalExchange(initialResponse)
    default:
      return never(mechanism)
  }
}

type Found = { offer: ScramOffer | null; token: LoginOutcome | null }

async function finish(options: SaslOptions, end: SaslEnd, { offer, token }: Found): Promise<SaslOutcome> {
  const { authenticator, connection } = options
  switch (end.at) {
    case 'malformed':
      return end
    case 'password':
      return authenticator.password(connection, end.login, end.password)
    case 'proof':
      assert(offer !== null, 'a proof is of keys')
      return authenticator.scramEnded(
        connection,
        end.login,
        end.pair === null ? { at: 'refused' } : offer.proven(end.pair),
      )
    case 'token':
      assert(token !== null, 'it was asked about')
      return token
    case 'external':
      return authenticator.certificate(connection, end.login)
    default:
      return never(end)
  }
}

export type LoginGate = {
  /** After a refused login: waits longer each time (S6). @returns whether the connection should be closed */
  refused(): Promise<'go-on' | 'close'>
}

/**
 * Counts one connection's failed logins. The signal (shutdown) ends a wait.
 * @param options.delayMs what the address has to wait by now; a new connection does not begin anew
 */
export function createLoginGate(options: { clock: Clock; signal?: AbortSignal; delayMs?: () => number }): LoginGate {
  let failures = 0
  return {
    async refused() {
      const last = FAILED_LOGIN_DELAYS_MS.length - 1
      const ownMs = FAILED_LOGIN_DELAYS_MS[Math.min(failures, last)]!
      await sleep(options.clock, Math.max(ownMs, options.delayMs?.() ?? 0), options.signal)
      failures++
      return failures >= FAILED_LOGINS_PER_CONNECTION_MAX ? 'close' : 'go-on'
    },
  }
}
