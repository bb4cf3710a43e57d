import type { Connection } from '../model/connection.ts'
import type { SaslMechanism } from './contract.ts'

/** Best first. -PLUS where the TLS layer gives something to bind to (RFC 5802 §6, RFC 9266). */
export function mechanismsFor(connection: Connection): readonly SaslMechanism[] {
  const { tls } = connection
  const bound =
    tls !== null && (tls.channelBinding('tls-exporter') ?? tls.channelBinding('tls-server-end-point')) !== null
  return [...(bound ? (['SCRAM-SHA-256-PLUS'] as const) : []), 'SCRAM-SHA-256', 'PLAIN', 'LOGIN']
}
