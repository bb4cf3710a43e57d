import type { Accounts, Guard, LoginOutcome } from '../core/contract.ts'
import type { Connection } from '../model/connection.ts'
import { AUTH_ATTEMPTS } from '../model/metrics.ts'
import { PROTOCOLS } from '../model/service.ts'
import type { Log } from '../std/log.ts'
import { noMetrics, type Metrics } from '../std/metrics.ts'
import type { Authenticator } from './contract.ts'

type Reason = 'bad-password' | 'blocked' | 'try-later'

/**
 * Proves people by their passwords and tells the guard of every failure (S6). The event `auth.failed` is what
 * fail2ban and CrowdSec read: rip, proto, port, reason, cid, user.
 */
export function createAuthenticator(options: {
  accounts: Accounts
  guard: Guard
  log: Log
  metrics?: Metrics
}): Authenticator {
  const { accounts, guard, log, metrics = noMetrics } = options

  const failed = ({ id, remote, local, service }: Connection, reason: Reason, user: string): void => {
    metrics.add(AUTH_ATTEMPTS, { protocol: PROTOCOLS[service], result: reason })
    const facts = { rip: remote.address, proto: PROTOCOLS[service], port: local.port, reason, cid: id, user }
    log.warn({ event: 'auth.failed', ...facts })
  }

  const settled = (connection: Connection, login: string, outcome: LoginOutcome): LoginOutcome => {
    const { address } = connection.remote
    if (outcome.at === 'ok') {
      connection.signedIn()
      guard.loginSucceeded(address)
      const proto = PROTOCOLS[connection.service]
      metrics.add(AUTH_ATTEMPTS, { protocol: proto, result: 'ok' })
      log.info({ event: 'auth.ok', rip: address, proto, cid: connection.id, user: login })
    } else if (outcome.at === 'refused') {
      guard.loginFailed(address)
      failed(connection, 'bad-password', login)
    } else failed(connection, 'try-later', login)
    return outcome
  }

  return {
    mayTry(connection) {
      if (guard.beforeLogin(connection.remote.address).at === 'go') return true
      failed(connection, 'blocked', '')
      return false
    },
    async password(connection, login, password) {
      return settled(connection, login, await accounts.verifyPassword(login, password))
    },
    async scramKeys(connection, login) {
      const found = await accounts.scramKeys(login)
      if (!('keys' in found)) failed(connection, 'try-later', login)
      return found
    },
    scramEnded(connection, login, account) {
      return settled(connection, login, account === null ? { at: 'refused' } : { at: 'ok', account })
    },
  }
}
