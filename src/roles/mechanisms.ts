import type { Connection } from '../model/connection.ts'
import type { SaslMechanism } from './contract.ts'

/**
 * Best first. -PLUS where the TLS layer gives something to bind to (RFC 5802 §6, RFC 9266); EXTERNAL where a certificate
 * was shown; tokens never in the clear (RFC 7628 §4).
 */
export function mechanismsFor(
  connection: Connection,
  { takesTokens }: { takesTokens: boolean },
): readonly SaslMechanism[] {
  const { tls } = connection
  const bound =
    tls !== null && (tls.channelBinding('tls-exporter') ?? tls.channelBinding('tls-server-end-point')) !== null
  return [
    ...(bound ? (['SCRAM-SHA-256-PLUS'] as const) : []),
    'SCRAM-SHA-256',
    ...(takesTokens && tls !== null ? (['OAUTHBEARER', 'XOAUTH2'] as const) : []),
    ...(tls !== null && tls.peerCertificate !== null ? (['EXTERNAL'] as const) : []),
    'PLAIN',
    'LOGIN',
  ]
}
