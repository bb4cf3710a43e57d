/** The machine's network, as the rest of the program sees it. */
import type { Connection, Endpoint, TlsFacts } from '../model/connection.ts'
import type { Network as AddressBlock } from '../model/network.ts'
import type { ServiceName, TlsMode } from '../model/service.ts'

// Listening ------------------------------------------------------------------------------------------------------------

export type ListenOptions = {
  readonly service: ServiceName
  readonly address: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly tls: TlsMode
  /** Several threads open the same port (SO_REUSEPORT). */
  readonly shared: boolean
  /** Load balancers: their connections must begin with a PROXY header, and are their clients'; others' may not. */
  readonly proxies?: readonly AddressBlock[]
  /** Asked before anything is said. A refused peer hears why in its protocol's words, and the connection is closed. */
  readonly admit?: (remote: Endpoint) => Admission
}

/** `not-inside`: the listener serves inner networks only (D10, D11). `busy`: what is under way is late already. */
export type Refusal = 'not-inside' | 'banned' | 'too-many' | 'busy' | 'stopping'

export type Admission =
  | { readonly at: 'welcome'; /** Called once, at the connection's end. */ readonly left?: () => void }
  | { readonly at: 'refused'; readonly why: Refusal }

/** Disposal stops accepting and destroys what still runs. */
export type Listener = AsyncDisposable & {
  readonly endpoint: Endpoint
  /** False when the system cannot share a port between threads: then one thread alone listens. */
  readonly shared: boolean
  /** Connections that run now. */
  readonly connections: number
  /** Resolves when no connection runs. */
  drained(): Promise<void>
  /** Stops accepting; running connections go on. */
  stop(): Promise<void>
}

/** How clients may show certificates of their own. */
export type ClientCertificates = {
  /** A CA for them is configured: `contextFor`'s contexts trust it and no other. Without, only pinned ones are known. */
  readonly caFile: boolean
}

/** A certificate chain and its key, PEM; `names` decide by SNI. The first is the default. */
export type CertificateSource = {
  /** The context for a server name; unknown or absent gives the default (S16). Replaceable while running. */
  contextFor(serverName: string | null): import('node:tls').SecureContext | null
  /** What answers a CA that asks for `acme-tls/1` of a name (RFC 8737); null: it is not asked for. */
  challengeFor?(serverName: string): import('node:tls').SecureContext | null
  /** Absent or null: where people sign in, clients are not asked for a certificate. */
  readonly clients?: ClientCertificates | null
}

// Dialling -------------------------------------------------------------------------------------------------------------

export type ClientTlsOptions = {
  readonly serverName: string
  /** `none`: opportunistic, any certificate (RFC 7435); `required`: chain and name must verify. */
  readonly verify: 'none' | 'required'
  /** Extra trusted CA certificates, PEM. */
  readonly ca?: string
  /** Asked of the certificates that the peer showed, its own first, DER. What it returns ends the handshake as its cause. */
  readonly check?: (chain: readonly Uint8Array[]) => Error | null
}

export type ClientConnection = Connection & {
  /** Starts TLS as the client; unread bytes are discarded. @throws ConnectionLost with the TLS error as cause */
  startClientTls(options: ClientTlsOptions): Promise<TlsFacts>
}

/** @throws ListenFailed */
export type Network = {
  listen(options: ListenOptions, serve: (connection: Connection) => Promise<void>): Promise<Listener>
}

export class ListenFailed extends Error {
  override name = 'ListenFailed'
  /** `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, …. */
  readonly code: string
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

export type Dialler = {
  /** @throws ConnectFailed */
  dial(options: { address: string; port: number; timeoutMs: number; signal?: AbortSignal }): Promise<ClientConnection>
}

export class ConnectFailed extends Error {
  override name = 'ConnectFailed'
  /** `ECONNREFUSED`, `ETIMEDOUT`, …. */
  readonly code: string
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
