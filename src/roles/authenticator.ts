import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import type { Accounts, Guard, LoginOutcome } from '../core/contract.ts'
import type { Connection } from '../model/connection.ts'
import { AUTH_ATTEMPTS } from '../model/metrics.ts'
import { PROTOCOLS } from '../model/service.ts'
import type { Log } from '../std/log.ts'
import { noMetrics, type Metrics } from '../std/metrics.ts'
import type { Authenticator } from './contract.ts'

/** As which user a name counts: names are tried in any case and at any length. */
const userOf = (login: string): string => login.toLowerCase().slice(0, LOGIN_SHOWN_MAX)
/** RFC 5321 §4.5.3.1.3: no address is longer. */
const LOGIN_SHOWN_MAX = 254

type Reason = 'bad-password' | 'blocked' | 'try-later'

/**
 * Proves people by their passwords and tells the guard of every failure (S6). The event `auth.failed` is what
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
}): Authenticator {
  const { accounts, guard, log, clock, guessOf, metrics = noMetrics } = options

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
    guess: string | null,
  ): LoginOutcome => {
    const { address } = connection.remote
    if (outcome.at === 'ok') {
      connection.signedIn()
      guard.loginSucceeded(address, { user: userOf(login), cid: connection.id })
      const proto = PROTOCOLS[connection.service]
      metrics.add(AUTH_ATTEMPTS, { protocol: proto, result: 'ok' })
      log.info({ event: 'auth.ok', rip: address, proto, cid: connection.id, user: login })
    } else if (outcome.at === 'refused') {
      const { service, id: cid, local } = connection
      assert(service !== 'outbound', 'nobody signs in on a connection of our own')
      const user = login.slice(0, LOGIN_SHOWN_MAX)
      guard.loginFailed(address, { at: clock?.now() ?? 0, service, port: local.port, cid, user, guess })
      failed(connection, 'bad-password', login)
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
      return settled(connection, login, await accounts.verifyPassword(login, password), guess)
    },
    async scramKeys(connection, login) {
      if (!mayGuess(connection, login, null)) return { at: 'try-later' }
      const found = await accounts.scramKeys(login)
      if (!('keys' in found)) failed(connection, 'try-later', login)
      return found
    },
    scramEnded(connection, login, account) {
      // Deviation: SCRAM never shows the password, so the same saved wrong one counts each time.
      return settled(connection, login, account === null ? { at: 'refused' } : { at: 'ok', account }, null)
    },
    failureDelayMs: ({ remote }) => guard.failureDelayMs(remote.address),
  }
}
