export type AcmeRequest = {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export type AcmeResponse = {
  readonly status: number
  /** By lower-case name; null when absent. */
  readonly header: (name: string) => string | null
  readonly body: string
}

/** One request over HTTPS, no redirects. Rejects when there is no whole answer. */
export type AcmeFetch = (request: AcmeRequest) => Promise<AcmeResponse>

/** What an account is made with and known by. */
export type AcmeAccount = {
  /** PEM. */
  readonly key: string
  /** Null before there is one. */
  readonly url: string | null
}

export type AccountOptions = {
  readonly contact: string | null
  readonly binding: { readonly keyId: string; readonly macKey: string } | null
}
