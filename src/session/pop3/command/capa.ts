import { SECOND } from '../../../std/clock.ts'
import { okay, type Pop3Context, type Pop3Done } from '../context.ts'

/** CAPA, RFC 2449 §5: what the connection offers as it is now. */
export function capa({ connection, policy, locks, drop }: Pop3Context): Pop3Done {
  const lines = ['Capabilities follow', 'TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'EXPIRE NEVER']
  lines.push('UTF8 USER', 'LANG') // RFC 6856 §2, §3
  lines.push(`LOGIN-DELAY ${Math.ceil(locks.loginDelayMs / SECOND)}`)
  // Choice: who we are, not which release (RFC 2449 §6.9 lets it be left out).
  lines.push('IMPLEMENTATION Gavan')
  if (policy.mayAuthenticate(connection)) {
    lines.push('USER', `SASL ${policy.mechanisms(connection).join(' ')}`)
  }
  if (drop === null && connection.tls === null && connection.canStartTls) lines.push('STLS') // RFC 2595 §4
  return okay([...lines, '.'].join('\r\n'))
}
