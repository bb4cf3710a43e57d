import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import type { Accounts, Guard, LiveLogins, LoginOutcome, LoginPlace, TokenVerifier } from '../core/contract.ts'
import { printAddress } from '../format/address/address.ts'
import type { Connection } from '../model/connection.ts'
import { AUTH_ATTEMPTS } from '../model/metrics.ts'
import { PROTOCOLS } from '../model/service.ts'
import type { Log } from '../std/log.ts'
import { noMetrics, type Metrics } from '../std/metrics.ts'
import type { Authenticator } from './contract.ts'

/** As which user a name counts: names are tried in any case and at any length. */
const userOf = (login: string): string => login.toLowerCase().slice(0, LOGIN_SHOWN_MAX)
const placeOf = ({ service, remote }: Connection): LoginPlace => ({
  protocol: PROTOCOLS[service],
  address: remote.address,
})
/** RFC 5321 §4.5.3.1.3: no address is longer. */
const LOGIN_SHOWN_MAX = 254

type Reason = 'bad-password' | 'out-of-scope' | 'bad-token' | 'bad-certificate' | 'blocked' | 'try-later'

/**
 * Proves people by passwords, tokens and certificates, and tells the guard of every failure (S6). The event `auth.failed` is what
 * fail2ban and CrowdSec read: rip, proto, port, reason, cid, user.
 */
export function createAuthenticator(options: {
  accounts: Accounts
  guard: Guard
  log: Log
  clock?: Pick<Clock, 'now'>
  /** Keyed hash of user and password; without it each wrong password is a guess of its own. */
  guessOf?: (user: string, password: string) => string
  metrics?: Metrics
  /** Hears of every login, to end its session when what it was proven with goes. */
  live?: LiveLogins
  /** Absent: no bearer tokens are taken. */
  tokens?: TokenVerifier
}): Authenticator {
  const { accounts, guard, log, clock, guessOf, metrics = noMetrics, live, tokens } = options

  const failed = ({ id, remote, local, service }: Connection, reason: Reason, user: string): void => {
    metrics.add(AUTH_ATTEMPTS, { protocol: PROTOCOLS[service], result: reason })
    const facts = { rip: remote.address, proto: PROTOCOLS[service], port: local.port, reason, cid: id, user }
    log.warn({ event: 'auth.failed', ...facts })
  }

  /** Whether the name may be guessed at from there now. */
  const mayGuess = (connection: Connection, login: string, guess: string | null): boolean => {
    const { address } = connection.remote
    if (guard.beforeGuess({ address, user: userOf(login), guess }).at === 'go') return true
    failed(connection, 'blocked', login)
    return false
  }

  const settled = (
    connection: Connection,
    login: string,
    outcome: LoginOutcome,
    { guess = null, reason = 'bad-password' }: { guess?: string | null; reason?: Reason } = {},
  ): LoginOutcome => {
    const { address } = connection.remote
    if (outcome.at === 'ok') {
      const end = (): void => {
        log.warn({ event: 'auth.ended', proto: PROTOCOLS[connection.service], cid: connection.id, user: login })
        connection.destroy()
      }
      live?.began({ cid: connection.id, account: outcome.account, by: outcome.by ?? null, end })
      connection.signedIn()
      guard.loginSucceeded(address, { user: userOf(login), cid: connection.id })
      const proto = PROTOCOLS[connection.service]
      metrics.add(AUTH_ATTEMPTS, { protocol: proto, result: 'ok' })
      log.info({ event: 'auth.ok', rip: address, proto, cid: connection.id, user: login })
    } else if (outcome.at === 'refused' && outcome.why === 'out-of-scope') {
      failed(connection, 'out-of-scope', login) // Nobody guessed: it is the right one.
    } else if (outcome.at === 'refused') {
      const { service, id: cid, local } = connection
      assert(service !== 'outbound', 'nobody signs in on a connection of our own')
      const user = login.slice(0, LOGIN_SHOWN_MAX)
      guard.loginFailed(address, { at: clock?.now() ?? 0, service, port: local.port, cid, user, guess })
      failed(connection, reason, login)
    } else failed(connection, 'try-later', login)
    return outcome
  }

  return {
    mayTry(connection) {
      const { remote, service } = connection
      if (service === 'outbound' || guard.beforeLogin(remote.address, service).at === 'go') return true
      failed(connection, 'blocked', '')
      return false
    },
    async password(connection, login, password) {
      const guess = guessOf?.(userOf(login), password.reveal()) ?? null
      if (!mayGuess(connection, login, guess)) return { at: 'try-later' }
      const outcome = await accounts.verifyPassword(login, password, placeOf(connection))
      return settled(connection, login, outcome, { guess })
    },
    async scramKeys(connection, login) {
      if (!mayGuess(connection, login, null)) return { at: 'try-later' }
      const found = await accounts.scramKeys(login, placeOf(connection))
      if (!('pairs' in found)) failed(connection, 'try-later', login)
      return found
    },
    // Deviation: SCRAM never shows the password, so the same saved wrong one counts each time.
    scramEnded: (connection, login, outcome) => settled(connection, login, outcome),

    takesTokens: tokens !== undefined,
    async token(connection, given, token) {
      assert(tokens !== undefined, 'tokens are offered only where there is an issuer')
      const guess = guessOf?.(userOf(given ?? ''), token.reveal()) ?? null
      // Nobody in particular is guessed at without a name: the address alone counts, or strangers could shut all such clients out.
      if (given !== null && !mayGuess(connection, given, guess)) return { at: 'try-later' }
      const verdict = await tokens.verify(token)
      if (verdict.at === 'try-later') {
        log.warn({ event: 'auth.issuer.silent', cid: connection.id, why: verdict.why })
        return settled(connection, given ?? '', { at: 'try-later' })
      }
      const { configuration } = tokens
      if (verdict.at === 'refused') {
        log.info({ event: 'auth.token.refused', cid: connection.id, why: verdict.why })
        const outcome = settled(connection, given ?? '', { at: 'refused' }, { guess, reason: 'bad-token' })
        return { ...outcome, error: { status: verdict.status, configuration } }
      }
      // RFC 7628 §3.1: the authorization identity is one that the token is good for.
      const other = given !== null && given.toLowerCase() !== verdict.login.toLowerCase()
      const account = other ? ({ at: 'refused' } as const) : await accounts.accountOf(verdict.login)
      const outcome = settled(connection, given ?? verdict.login, account, { guess, reason: 'bad-token' })
      return { ...outcome, error: { status: 'invalid_token', configuration } }
    },

    async certificate(connection, given) {
      const shown = connection.tls?.peerCertificate ?? null
      assert(shown !== null, 'EXTERNAL is offered only where a certificate was shown')
      const claimed = given ?? shown.addresses[0] ?? shown.fingerprint
      const guess = guessOf?.(userOf(claimed), shown.fingerprint) ?? null
      if (!mayGuess(connection, claimed, guess)) return { at: 'try-later' }
      const outcome = await accounts.verifyCertificate(shown, given, placeOf(connection))
      const login = outcome.at === 'ok' ? printAddress(outcome.account.address) : claimed
      return settled(connection, login, outcome, { guess, reason: 'bad-certificate' })
    },
    failureDelayMs: ({ remote }) => guard.failureDelayMs(remote.address),
  }
}
