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

export type Protocol = 'smtp' | 'imap' | 'pop3' | 'http' | 'sieve'

/** `outbound` is what a connection of our own is called. */
export const PROTOCOLS: Readonly<Record<ServiceName | 'outbound', Protocol>> = {
  mx: 'smtp',
  submission: 'smtp',
  submissions: 'smtp',
  imap: 'imap',
  imaps: 'imap',
  pop3: 'pop3',
  pop3s: 'pop3',
  http: 'http',
  https: 'http',
  sieve: 'sieve',
  outbound: 'smtp',
}

/** `starttls-offered`: opportunistic; `starttls-enforced`: no credentials before it; `implicit`: TLS from the first octet. */
export type TlsMode = 'none' | 'starttls-offered' | 'starttls-enforced' | 'implicit'

/** Ports that are banned together: mail programs', other servers', browsers'. */
export type PortGroup = 'mail' | 'mx' | 'web'
export const PORT_GROUP_NAMES: readonly PortGroup[] = ['mail', 'mx', 'web']

export const PORT_GROUPS: Readonly<Record<ServiceName, PortGroup>> = {
  mx: 'mx',
  submission: 'mail',
  submissions: 'mail',
  imap: 'mail',
  imaps: 'mail',
  pop3: 'mail',
  pop3s: 'mail',
  http: 'web',
  https: 'web',
  sieve: 'mail',
}
