/** The names of the exposure catalog's rows; a port that is not in the catalog does not exist. */
export type ServiceName =
  | 'mx'
  | 'submission'
  | 'submissions'
  | 'imap'
  | 'imaps'
  | 'pop3'
  | 'pop3s'
  | 'http'
  | 'https'
  | 'sieve'

/** `starttls-offered`: opportunistic; `starttls-enforced`: no credentials before it; `implicit`: TLS from the first octet. */
export type TlsMode = 'none' | 'starttls-offered' | 'starttls-enforced' | 'implicit'
