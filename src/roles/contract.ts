/** Who may do what on which port. 25 and 587 speak the same SMTP with opposite rules; 143 and 993 the same IMAP. */
import type { Connection } from '../model/connection.ts'
import type { Envelope, Recipient } from '../model/envelope.ts'
import type { SmtpReply } from '../model/reply.ts'
import type { TraceId } from '../model/ids.ts'
import type { ReversePath } from '../model/address.ts'
import type {
  AccountRef,
  LoginOutcome,
  Mailboxes,
  MessageSink,
  ScramOffer,
  StagedMessage,
  UrlAccess,
} from '../core/contract.ts'
import type { Secret } from '../std/secret.ts'

export type SaslMechanism =
  | 'PLAIN'
  | 'LOGIN'
  | 'SCRAM-SHA-256'
  | 'SCRAM-SHA-256-PLUS'
  | 'OAUTHBEARER'
  | 'XOAUTH2'
  | 'EXTERNAL'

/** What a client is told of a token that is not good (RFC 7628 §3.2.2). */
export type TokenError = {
  readonly status: 'invalid_token' | 'insufficient_scope'
  /** Where the issuer tells how to get one. */
  readonly configuration: string | null
}

/** Proves who someone is; counts failures per address (S6). Used by every protocol that takes credentials. */
export type Authenticator = {
  /** Whether the address may still try. */
  mayTry(connection: Connection): boolean
  password(connection: Connection, login: string, password: Secret): Promise<LoginOutcome>
  scramKeys(connection: Connection, login: string): Promise<ScramOffer | { at: 'try-later' }>
  /** What the proof came to. */
  scramEnded(connection: Connection, login: string, outcome: LoginOutcome): LoginOutcome
  /** Whether bearer tokens are taken at all. */
  readonly takesTokens: boolean
  /** `login` null: whoever the token names. */
  token(
    connection: Connection,
    login: string | null,
    token: Secret,
  ): Promise<LoginOutcome & { readonly error?: TokenError }>
  /** By the certificate of the connection's handshake. `login` null: whose it is. */
  certificate(connection: Connection, login: string | null): Promise<LoginOutcome>
  /** How long the answer to a wrong password waits: by what the address has failed, on whatever connection. */
  failureDelayMs(connection: Connection): number
}

/** 143, 993, 110, 995. */
export type AccessPolicy = {
  /** Whether the connection, as it is now, may carry credentials (D10). */
  mayAuthenticate(connection: Connection): boolean
  mechanisms(connection: Connection): readonly SaslMechanism[]
  readonly authenticator: Authenticator
  /** The handle of a proven account. */
  open(account: AccountRef): Mailboxes
}

/** What a policy may look at. */
export type SmtpFacts = {
  readonly connection: Connection
  /** The name given at EHLO or HELO. */
  readonly helo: string
  readonly esmtp: boolean
  readonly account: AccountRef | null
}

/** 25, 587, 465. A null answer means: go on. */
export type SmtpPolicy = {
  readonly role: 'mta' | 'msa'
  readonly hostname: string
  /** Where `<Postmaster>` without a domain goes (RFC 5321 §4.5.1). Default: the hostname. */
  readonly postmasterDomain?: string
  readonly messageMaxOctets: number
  readonly recipientsMax: number
  /** Null: this port knows no AUTH at all (502 5.5.1). Empty: not on this connection as it is now. */
  mechanisms(connection: Connection): readonly SaslMechanism[] | null
  readonly authenticator: Authenticator | null
  /** What a letter may be made of without its octets being sent (RFC 4468); absent: BURL is not offered. */
  readonly urls?: UrlAccess
  /** How long the peer must be silent before it is greeted; robots do not wait. Absent: not at all. */
  greetingDelayMs?(connection: Connection): number
  /** It was silent so long. */
  onSilence?(connection: Connection): void
  /** Whether a peer that says more without waiting for the answer to EHLO or HELO is shown out. Absent: it is not. */
  mustWait?(connection: Connection): boolean
  onMail(facts: SmtpFacts, mail: { reversePath: ReversePath; sizeOctets: number | null }): Promise<SmtpReply | null>
  onRecipient(
    facts: SmtpFacts,
    mail: { reversePath: ReversePath; sizeOctets: number | null },
    recipient: Recipient,
  ): Promise<SmtpReply | null>
  /** A sink that already holds the trace fields. */
  openMessage(facts: SmtpFacts, envelope: Envelope, traceId: TraceId): MessageSink
  /** Checks the content and commits; the reply to the final dot. A 2xx only after the commit. */
  onMessage(facts: SmtpFacts, envelope: Envelope, message: StagedMessage, traceId: TraceId): Promise<SmtpReply>
}
