/** A mail server that the bench has started, as plain data: it is handed to the process that makes the load. */

export type User = { readonly address: string; readonly password: string }

export type Ports = {
  readonly mx: number
  readonly submission: number
  readonly imap: number
  readonly imaps: number
  readonly pop3: number
  readonly pop3s: number
}

export type ServerName = 'gavan' | 'postfix+dovecot'

export type ServerFacts = {
  readonly name: ServerName
  readonly folder: string
  readonly domain: string
  readonly ports: Ports
  readonly users: readonly User[]
  /** Where mail for FOREIGN_DOMAINS goes on loopback. */
  readonly sinkPort: number
  /** Its first processes; all its others descend from them. */
  readonly pids: readonly number[]
}

export type StartOptions = {
  /** Empty; everything of the server lies in it. */
  readonly folder: string
  readonly users: readonly User[]
  readonly sinkPort: number
  /** Where gavan's threads leave CPU profiles at their end; null: none are made. */
  readonly profileFolder: string | null
}

export type RunningServer = AsyncDisposable & { readonly facts: ServerFacts }

export const DOMAIN = 'gavan.test'
/** Five destinations, as the scheduler of each server sees them. */
export const FOREIGN_DOMAINS = ['d1.test', 'd2.test', 'd3.test', 'd4.test', 'd5.test']
/** Enough for one each of the connections of any scenario. */
export const USERS: readonly User[] = Array.from({ length: 60 }, (_, index) => ({
  address: `u${index}@${DOMAIN}`,
  password: `Bench-harbour-${index}`,
}))
