import { okay, type Pop3Context, type Pop3Done } from '../context.ts'

/** CAPA, RFC 2449 §5: what the connection offers as it is now. */
export function capa({ connection, policy, drop }: Pop3Context): Pop3Done {
  const lines = ['Capabilities follow', 'TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'EXPIRE NEVER']
  lines.push('UTF8 USER') // RFC 6856 §2
  if (drop === null && policy.mayAuthenticate(connection)) {
    lines.push('USER', `SASL ${policy.mechanisms(connection).join(' ')}`)
  }
  if (drop === null && connection.tls === null && connection.canStartTls) lines.push('STLS') // RFC 2595 §4
  return okay([...lines, '.'].join('\r\n'))
}
