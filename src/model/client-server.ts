/** A server as a mail program is told of it. */
export type ClientServer = {
  readonly protocol: 'imap' | 'pop3' | 'smtp'
  readonly host: string
  readonly port: number
  /** `tls`: from the first octet. */
  readonly security: 'tls' | 'starttls'
}
