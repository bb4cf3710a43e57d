/** What the main thread hands to the others: plain data that crosses threads, secrets revealed. */
import type { SendingLimit } from '../core/sending/contract.ts'
import type { MessagePort } from 'node:worker_threads'
import type { Asker } from '../exposure/client-servers.ts'
import type { StsPolicy } from '../format/mta-sts/policy.ts'
import type { Address } from '../model/address.ts'
import type { PublicAnswers } from '../model/certificate.ts'
import type { ClientServer } from '../model/client-server.ts'
import type { ConnectionShare } from '../core/guard/connection-counts.ts'
import type { MaildropShare } from '../core/mailboxes/maildrop-locks.ts'
import type { Endpoint } from '../model/connection.ts'
import type { Network } from '../model/network.ts'
import type { Route } from '../outbound/contract.ts'
import type { LogLevel } from './log.ts'
import type { OauthConfig, ScreeningConfig, ServiceConfig } from './config/config.ts'
import type { TlsMaterial } from './tls-material.ts'

export type LogSettings = { readonly level: LogLevel; readonly format: 'json' | 'pretty'; readonly colours: boolean }

/** What all threads that open a core need. */
export type CommonSettings = {
  readonly hostname: string
  readonly dataDir: string
  readonly log: LogSettings
  /** Whether what happens to letters is kept (trace/journal.ts). */
  readonly trace: boolean
  readonly postmaster: Address | null
  readonly scramSecret: Uint8Array
  /** Share of the cores for password hashing. */
  readonly cores: number
  readonly store: MessagePort
}

export type ProtocolSettings = CommonSettings & {
  /** The thread's, as `protocol-1`. */
  readonly name: string
  /** Those that listen. */
  readonly services: readonly ServiceConfig[]
  readonly inside: readonly Network[]
  readonly messageMaxOctets: number
  /** What an account may send in a day. */
  readonly sendingLimit: SendingLimit
  readonly tls: TlsMaterial
  /** Loopback peers are bound by no per-address limit (`try`). */
  readonly liftLoopback: boolean
  /** Several threads open the same ports. */
  readonly shared: boolean
  readonly connectionsMax: number
  /** Who must begin with a PROXY header. */
  readonly proxies: readonly Network[]
  /** Under which wrong passwords are told apart; the same in all threads. */
  readonly guessKey: Uint8Array
  readonly web: WebSettings
  readonly access: AccessSettings
  /** Null: letters from other servers are not looked at. */
  readonly screening: ScreeningSettings | null
  readonly maildrops: MaildropShare
  readonly connections: ConnectionShare
  /** Whose connections no limit counts. */
  readonly spared: readonly Network[]
  /** What a CA is looking for when the thread begins. */
  readonly answers: PublicAnswers
}

/** What of it a reload of the configuration changes in a thread that runs. */
export type LiveSettings = Pick<
  ProtocolSettings,
  | 'hostname'
  | 'postmaster'
  | 'log'
  | 'services'
  | 'inside'
  | 'messageMaxOctets'
  | 'sendingLimit'
  | 'proxies'
  | 'web'
  | 'access'
  | 'screening'
  | 'spared'
>

export type ResolverSettings = { readonly servers: readonly Endpoint[]; readonly trustAd: boolean }

export type ScreeningSettings = ScreeningConfig & {
  readonly resolver: ResolverSettings
  /** Whose letters are not looked at. */
  readonly exempt: readonly Network[]
}

/** As the configuration has it, with the secret as text. */
export type AccessSettings = {
  readonly oauth:
    | (Omit<OauthConfig, 'client'> & { readonly client: { readonly id: string; readonly secret: string } | null })
    | null
  readonly pop3LoginDelayMs: number
}

export type WebSettings = {
  /** Names that port 80 sends requests to; the first for every other name of ours. */
  readonly names: readonly [string, ...string[]]
  readonly httpsPort: number
  /** What mail programs are told of, by where they are; the best first. */
  readonly servers: Readonly<Record<Asker, readonly ClientServer[]>>
  readonly stsPolicy: StsPolicy | null
}

/** A route whose password travels as text. */
export type PlainRoute =
  | Exclude<Route, { kind: 'host' }>
  | (Omit<Extract<Route, { kind: 'host' }>, 'credentials'> & { credentials: { user: string; password: string } | null })

export type RelaySettings = CommonSettings & {
  readonly resolver: ResolverSettings
  readonly routes: { readonly byDomain: ReadonlyMap<string, PlainRoute>; readonly otherwise: PlainRoute }
  readonly sandbox: Address | null
  readonly ownAddresses: readonly string[]
  readonly loopbackIsForeign: boolean
}
