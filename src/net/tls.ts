import { constants } from 'node:crypto'
import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import { createSecureContext, getCACertificates, TLSSocket } from 'node:tls'
import type { ConnectionOptions, SecureContext, SecureContextOptions } from 'node:tls'
import type { CertificateSource, ClientTlsOptions } from './contract.ts'

/** S16: Mozilla's intermediate profile. TLS 1.3 suites are OpenSSL's own three. */
const SERVER_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** Settings of every TLS server context: 1.2 and 1.3, no renegotiation, no compression, our order of suites (S16). */
export const SERVER_TLS: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: `TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:${SERVER_CIPHERS}`,
  ecdhCurve: 'X25519:P-256:P-384',
  honorCipherOrder: true,
  secureOptions:
    constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  sessionIdContext: 'gavan',
}

/** RFC 8737 §6.2. */
export const ACME_TLS_PROTOCOL = 'acme-tls/1'

/**
 * Puts the server's side of TLS on a plain socket. The caller waits for `secure`.
 * @param protocol what is spoken there, for peers that ask (ALPN, RFC 7301); then a CA's challenge is answered too, and
 * whoever waits ends a connection of ACME_TLS_PROTOCOL
 * @param options.askClient whether the client may show a certificate
 */
export function serverTlsSocket(
  plain: Socket,
  certificates: CertificateSource,
  protocol?: 'http/1.1',
  { askClient = false }: { askClient?: boolean } = {},
): TLSSocket {
  const fallback = certificates.contextFor(null)
  let challenge: SecureContext | null = null
  const socket: TLSSocket = new TLSSocket(plain, {
    isServer: true,
    // Whoever shows none, or one that nobody knows, goes on and signs in otherwise.
    ...(askClient ? { requestCert: true, rejectUnauthorized: false } : {}),
    ...(protocol === undefined ? {} : { ALPNCallback: ({ servername, protocols }) => choose(servername, protocols) }),
    ...(fallback === null ? {} : { secureContext: fallback }),
    SNICallback: (serverName, answer) => {
      const context = challenge ?? certificates.contextFor(serverName)
      answer(null, ...(context === null ? [] : [context]))
    },
  })
  return socket

  /** Undefined ends the handshake (RFC 7301 §3.2). Of TLS 1.3 it comes before SNICallback, of 1.2 after it. */
  function choose(serverName: string, asked: readonly string[]): string | undefined {
    if (!asked.includes(ACME_TLS_PROTOCOL)) return asked.find((each) => each === protocol)
    challenge = certificates.challengeFor?.(serverName) ?? null
    if (challenge === null) return undefined
    socket.setKeyCert(challenge) // RFC 8737 §3: in place of the name's own certificate.
    return ACME_TLS_PROTOCOL
  }
}

const clientContexts = new Map<string, SecureContext>()

/** One context per set of extra roots: making one parses every root certificate. */
function clientContext(ca: string | undefined, verify: ClientTlsOptions['verify']): SecureContext {
  const key = `${verify}\n${ca ?? ''}`
  const known = clientContexts.get(key)
  if (known !== undefined) return known
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
    // RFC 7435 §3: a weak key is still better than none.
    ...(verify === 'none' ? { ciphers: 'DEFAULT:@SECLEVEL=0' } : {}),
    ...(ca !== undefined ? { ca: [...getCACertificates('default'), ca] } : {}),
  })
  if (clientContexts.size > 16) clientContexts.clear()
  clientContexts.set(key, context)
  return context
}

/** Options for `tls.connect`. RFC 6066 §3: an address is no server name, so it is checked but not sent. */
export function clientTlsOptions({ serverName, verify, ca }: ClientTlsOptions): ConnectionOptions {
  const name = serverName.endsWith('.') ? serverName.slice(0, -1) : serverName
  return {
    secureContext: clientContext(ca, verify),
    rejectUnauthorized: verify === 'required',
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
  }
}
