/** One request to ports 80 and 443, and its answer: no sockets, no streams. */
export type WebRequest = {
  /** As sent: `GET`. */
  readonly method: string
  /** The name that the request is for: lower-case, without port and final dot; null when it is no host name. */
  readonly host: string | null
  /** Without the query; as sent, so never a path of files (S22). */
  readonly path: string
  /** As sent, without its question mark. */
  readonly search: string
  /** The same, parsed. */
  readonly query: URLSearchParams
  /** By lower-case name. */
  readonly header: (name: string) => string | undefined
  /** The peer's address. */
  readonly remote: string
  /** At most HTTP_BODY_MAX_OCTETS; longer ones are refused before. */
  readonly body: Uint8Array
}

export type WebAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** Answers what is asked of one port. A throw is ours, and ends the connection (R31). */
export type Site = (request: WebRequest) => WebAnswer | Promise<WebAnswer>
