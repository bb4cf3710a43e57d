import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { ClientCertificates } from './contract.ts'
import type { PeerCertificate, TlsFacts } from '../model/connection.ts'

/**
 * What a secured socket came to. Channel bindings are computed when asked for.
 * @param options.clients as whom peers of a server may show themselves; null: they were not asked
 */
export function tlsFactsOf(
  socket: TLSSocket,
  side: 'server' | 'client',
  { clients = null }: { clients?: ClientCertificates | null } = {},
): TlsFacts {
  const version = socket.getProtocol() ?? 'unknown'
  const serverName: unknown = socket.servername
  return {
    version,
    cipher: socket.getCipher().standardName ?? socket.getCipher().name,
    serverName: typeof serverName === 'string' && serverName !== '' ? serverName : null,
    peerCertificate: clients === null ? null : peerCertificateOf(socket, clients),
    ...(side === 'client' ? { serverProblem: serverProblemOf(socket) } : {}),
    channelBinding(type) {
      if (socket.destroyed) return null
      // RFC 9266 §4.2: on 1.2 it would need the extended master secret, which cannot be seen from here.
      if (type === 'tls-exporter') return version === 'TLSv1.3' ? exporterBinding(socket) : null
      const certificate = side === 'server' ? socket.getX509Certificate() : socket.getPeerX509Certificate()
      return certificate === undefined ? null : endPointBinding(certificate.raw)
    },
  }
}

function serverProblemOf(socket: TLSSocket): string | null {
  if (socket.authorized) return null
  const error: unknown = socket.authorizationError // A code, whatever the types say.
  return typeof error === 'string' ? error : error instanceof Error ? error.message : 'unknown'
}

/** What a server showed, its own certificate first, as far as each one's issuer came with it. */
export function chainOf(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  const seen = new Set<string>()
  for (let at = socket.getPeerCertificate(true); at?.raw !== undefined && !seen.has(at.fingerprint256);) {
    seen.add(at.fingerprint256)
    chain.push(at.raw)
    at = at.issuerCertificate
  }
  return chain
}

/** The handshake has seen that the peer has the key. */
function peerCertificateOf(socket: TLSSocket, { caFile }: ClientCertificates): PeerCertificate | null {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return null
  const trusted = caFile && verifyError(socket) === null && isInTime(certificate)
  return { fingerprint: certificate.fingerprint256, addresses: mailAddressesOf(certificate), trusted }
}

/** A resumed session keeps what its first handshake found; a certificate may have ended since. */
function isInTime({ validFrom, validTo }: X509Certificate): boolean {
  const now = Date.now()
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo)
}

/** Node shows it as `authorized` on sockets of its own servers only. */
function verifyError(socket: TLSSocket): unknown {
  const { _handle: handle } = socket as unknown as { _handle?: { verifyError?(): Error | null | undefined } | null }
  return handle?.verifyError === undefined ? 'unknown' : (handle.verifyError() ?? null)
}

/** RFC 5280 §4.2.1.6 rfc822Name. Node quotes values that could be mistaken; those are no addresses. */
function mailAddressesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((part) => part.startsWith('email:'))
    .map((part) => part.slice('email:'.length))
}

/** RFC 9266 §2. */
function exporterBinding(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
}

/** Signature algorithm (OID, DER content in hex) to the hash of RFC 5929 §4.1: MD5 and SHA-1 become SHA-256. */
const SIGNATURE_HASH: Readonly<Record<string, 'sha256' | 'sha384' | 'sha512'>> = {
  '2a864886f70d010104': 'sha256', // md5WithRSAEncryption
  '2a864886f70d010105': 'sha256', // sha1WithRSAEncryption
  '2a864886f70d01010b': 'sha256', // sha256WithRSAEncryption
  '2a864886f70d01010c': 'sha384', // sha384WithRSAEncryption
  '2a864886f70d01010d': 'sha512', // sha512WithRSAEncryption
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040302': 'sha256', // ecdsa-with-SHA256
  '2a8648ce3d040303': 'sha384', // ecdsa-with-SHA384
  '2a8648ce3d040304': 'sha512', // ecdsa-with-SHA512
}

/**
 * The tls-server-end-point binding of a certificate (RFC 5929 §4.1).
 * @param der the server's certificate
 * @returns null when its signature has no single hash (Ed25519, RSA-PSS): the binding is undefined then
 */
export function endPointBinding(der: Uint8Array): Uint8Array | null {
  const oid = signatureOid(der)
  const hash = oid === null ? undefined : SIGNATURE_HASH[oid]
  return hash === undefined ? null : createHash(hash).update(der).digest()
}

/** RFC 5280 §4.1: SEQUENCE { tbsCertificate, signatureAlgorithm { OID, … }, … }. */
function signatureOid(der: Uint8Array): string | null {
  const certificate = element(der, 0)
  const tbs = certificate && element(der, certificate.start)
  const algorithm = tbs && element(der, tbs.end)
  const oid = algorithm && element(der, algorithm.start)
  return oid === null || oid.tag !== 6 ? null : Buffer.from(der.subarray(oid.start, oid.end)).toString('hex')
}

function element(der: Uint8Array, at: number): { tag: number; start: number; end: number } | null {
  const tag = der[at]
  const first = der[at + 1]
  if (tag === undefined || first === undefined) return null
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f
  if (lengthOctets > 4) return null
  let length = first < 0x80 ? first : 0
  for (let index = 0; index < lengthOctets; index++) length = length * 256 + (der[at + 2 + index] ?? 0)
  const start = at + 2 + lengthOctets
  const end = start + length
  return end <= der.byteLength ? { tag, start, end } : null
}
