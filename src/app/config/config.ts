import type { Clients, ServiceSetting } from '../../exposure/contract.ts'
import type { StsMode } from '../../format/mta-sts/policy.ts'
import type { Endpoint } from '../../model/connection.ts'
import type { Network } from '../../model/network.ts'
import type { TsigKey } from '../../net/tsig.ts'
import type { SendingLimit } from '../../core/sending/contract.ts'
import type { Secret } from '../../std/secret.ts'
import type { LogLevel } from '../log.ts'

/** What an administrator decided, checked and completed by defaults. All paths are absolute. */
export type Config = {
  /** The file it came from; null: defaults, environment and flags only. */
  readonly file: string | null
  /** Lower-case A-label name under which others reach this machine. */
  readonly hostname: string
  /** Added to the store at start; more come by `gavan domain add`. */
  readonly domains: readonly string[]
  /** Who reads mail for a postmaster that is neither account nor alias; null: nobody. */
  readonly postmaster: string | null
  readonly clients: Clients
  readonly dataDir: string
  /** Loopback is always inside. */
  readonly inside: readonly Network[]
  readonly nat: {
    /** Where the internet meets this server; empty: its own addresses, when they are global. */
    readonly public: readonly string[]
    /** Never banned. */
    readonly neverBan: readonly Network[]
    /** They begin with a PROXY header, and are never banned. */
    readonly proxies: readonly Network[]
  }
  /** Every row of the catalog, in its order; `enabled` says which listen. */
  readonly services: readonly ServiceConfig[]
  /** Certificate chains and their keys, as paths; the first is the default. Empty: our own CA. */
  readonly certificates: readonly { readonly certFile: string; readonly keyFile: string }[]
  /** Null: no CA is asked. */
  readonly acme: AcmeConfig | null
  readonly access: AccessConfig
  /** What the domains publish by MTA-STS; null: nothing. */
  readonly mtaSts: StsMode | null
  /** Null: letters from other servers are not looked at. */
  readonly screening: ScreeningConfig | null
  readonly relay: {
    /** For all mail that no route names; null: by MX. */
    readonly smarthost: RelayHost | null
    /** By lower-case domain. */
    readonly routes: ReadonlyMap<string, RelayHost>
  }
  readonly resolver: {
    /** Null: those of the system. */
    readonly servers: readonly Endpoint[] | null
    readonly trustAd: boolean
  }
  /** Protocol threads. */
  readonly workers: number
  readonly limits: { readonly messageMaxOctets: number; readonly sending: SendingLimit }
  readonly log: { readonly level: LogLevel; readonly format: 'auto' | 'json' | 'pretty' }
  /** How long what happened to letters is kept; 0: not at all. */
  readonly traceDays: number
  readonly admin: { readonly socket: string }
  /** Null: nobody asks. */
  readonly metrics: Endpoint | null
  /** Who decided, by key name; what is missing is a default. */
  readonly sources: ReadonlyMap<string, Source>
}

/** How people may sign in, besides their passwords. */
export type AccessConfig = {
  /** Null: mail programs are not asked for certificates. `ca`: PEM, whose are trusted; null: only those of an account. */
  readonly clientCertificates: { readonly ca: string | null } | null
  /** Null: no bearer tokens. */
  readonly oauth: OauthConfig | null
  readonly pop3LoginDelayMs: number
}

export type OauthConfig = {
  readonly issuer: string
  readonly audiences: readonly string[]
  /** Which claim is the mail address. */
  readonly claim: string
  readonly scope: string | null
  /** PEM of a further CA that the issuer's own certificate may be of. */
  readonly ca: string | null
  /** With which the issuer is asked about tokens that are no JWTs. */
  readonly client: { readonly id: string; readonly secret: Secret } | null
}

export type AcmeConfig = {
  /** The directory's URL. */
  readonly directory: string
  readonly contact: string | null
  /** Besides the hostname and those of the domains. */
  readonly names: readonly string[]
  readonly profile: string | null
  /** What a renewal does with the key. */
  readonly key: 'keep' | 'new'
  readonly binding: { readonly keyId: string; readonly macKey: Secret } | null
  /** PEM of a further CA that the ACME server's own certificate may be of. */
  readonly ca: string | null
  readonly dns: { readonly server: Endpoint; readonly zone: string; readonly key: TsigKey } | null
}

/** As the exposure plan asks for it. */
export type { Clients }
export type ServiceConfig = ServiceSetting

/** Shaped as outbound's route to a host. */
export type RelayHost = {
  readonly host: string
  readonly port: number
  readonly security: 'opportunistic' | 'starttls' | 'implicit'
  readonly credentials: { readonly user: string; readonly password: Secret } | null
  readonly verify: boolean
  /** PEM. */
  readonly ca?: string
}

/** One thing to put right. All are told at once. */
export type ConfigProblem = {
  /** `ports.imap`; empty when the file as a whole is meant. */
  readonly key: string
  readonly from: Source
  /** `/etc/gavan/gavan.toml`, `GAVAN_HOSTNAME`, `--hostname`. */
  readonly where: string
  readonly cause: string
  readonly fix: string | null
}

export type Source = 'flag' | 'env' | 'file' | 'default'

export type ScreeningConfig = {
  readonly dmarc: 'reject' | 'junk' | 'note'
  /** Zones of lists of addresses. */
  readonly dnsbl: readonly string[]
  /** Null: it is not asked. */
  readonly clamav: Endpoint | null
  readonly rspamd: Endpoint | null
  /** What becomes of letters that one of them cannot look at. */
  readonly whenDown: 'accept' | 'defer'
  /** For those who have not been here before; 0: nobody waits. */
  readonly greetingDelayMs: number
}
