import type { Accounts, Guard, LoginOutcome } from '../core/contract.ts'
import type { Connection } from '../model/connection.ts'
import type { ServiceName } from '../model/service.ts'
import type { Log } from '../std/log.ts'
import type { Authenticator } from './contract.ts'

type Reason = 'bad-password' | 'blocked' | 'try-later'

const PROTO: Partial<Record<Connection['service'], string>> = {
  submission: 'smtp',
  submissions: 'smtp',
  imap: 'imap',
  imaps: 'imap',
  pop3: 'pop3',
  pop3s: 'pop3',
} satisfies Partial<Record<ServiceName, string>>

/**
 * Proves people by their passwords and tells the guard of every failure (S6). The event `auth.failed` is what
 * fail2ban and CrowdSec read: rip, proto, port, reason, cid, user.
 */
export function createAuthenticator(options: { accounts: Accounts; guard: Guard; log: Log }): Authenticator {
  const { accounts, guard, log } = options

  const failed = ({ id, remote, local, service }: Connection, reason: Reason, user: string): void => {
    const facts = { rip: remote.address, proto: PROTO[service] ?? service, port: local.port, reason, cid: id, user }
    log.warn({ event: 'auth.failed', ...facts })
  }

  const settled = (connection: Connection, login: string, outcome: LoginOutcome): LoginOutcome => {
    const { address } = connection.remote
    if (outcome.at === 'ok') {
      guard.loginSucceeded(address)
      log.info({ event: 'auth.ok', rip: address, proto: PROTO[connection.service], cid: connection.id, user: login })
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
