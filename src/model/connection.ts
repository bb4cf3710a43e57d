import type { ServiceName } from './service.ts'

export type Endpoint = { readonly address: string; readonly port: number }

/** What a client showed in the handshake; it has the key. */
export type PeerCertificate = {
  /** SHA-256, upper-case hex with colons. */
  readonly fingerprint: string
  /** Mail addresses of its subjectAltName. */
  readonly addresses: readonly string[]
  /** A CA that we trust for clients has signed it. */
  readonly trusted: boolean
}

export type TlsFacts = {
  /** `TLSv1.3`, `TLSv1.2`. */
  readonly version: string
  readonly cipher: string
  readonly serverName: string | null
  /** Null where none was asked for, or none was shown. */
  readonly peerCertificate: PeerCertificate | null
  /** A client's side: why the server's certificate does not prove its name (OpenSSL's or Node's code); null: it does. */
  readonly serverProblem?: string | null
  /** Channel-binding data by type (RFC 9266 tls-exporter on 1.3; RFC 5929 tls-server-end-point). */
  channelBinding(type: 'tls-exporter' | 'tls-server-end-point'): Uint8Array | null
}

/** Thrown by `read` when nothing came in time. */
export class ReadTimedOut extends Error {
  override name = 'ReadTimedOut'
}

/** Thrown by `read` and `write` once the peer has gone (reset, write time-out, destroyed). */
export class ConnectionLost extends Error {
  override name = 'ConnectionLost'
}

/** A byte stream with one peer, as the sessions and the outbound client see it. Bytes only; no protocol. */
export type Connection = {
  /** Short id for the log (`cid`). */
  readonly id: string
  readonly service: ServiceName | 'outbound'
  readonly remote: Endpoint
  readonly local: Endpoint
  /** Null until TLS is up. */
  readonly tls: TlsFacts | null
  /**
   * The next chunk, or null at the peer's end. Not reading is the back-pressure.
   * One read may be outstanding at a time; a read that timed out may be followed by another without loss of bytes.
   * @throws ReadTimedOut after `timeoutMs` without a byte; ConnectionLost
   */
  read(timeoutMs: number): Promise<Uint8Array | null>
  /** Queues bytes in order; resolves when there is room for more. @throws ConnectionLost (also after the write time-out) */
  write(data: Uint8Array | string): Promise<void>
  /**
   * Server: starts TLS on this connection; bytes already received but not yet read are discarded (RFC 3207 §6, S3).
   * The caller throws away what its framer still holds.
   * @throws ConnectionLost when the handshake fails or exceeds its time
   */
  startTls(): Promise<TlsFacts>
  /** Whether what is read and written is compressed on the way. */
  readonly deflated: boolean
  /**
   * From here on raw DEFLATE (RFC 1951) both ways: what was written goes out as it is, what is read next comes compressed.
   * Each write reaches the peer whole. Not under a read. Octets that are no DEFLATE, or too many from too few, end the connection.
   */
  startDeflate(): void
  /** Ends it behind what has been written and behind what has been read (RFC 8437 §4.1). Not under a read. */
  stopDeflate(): Promise<void>
  /** The peer has proven who it is: it may take longer to read what we write. */
  signedIn(): void
  /** Whether this listener has a certificate, so STARTTLS may be offered. */
  readonly canStartTls: boolean
  /** Flushes, sends FIN, and closes. Resolves when closed or after a short time. */
  end(): Promise<void>
  /** Closes at once. */
  destroy(): void
}
