/**
 * What is done, as the sessions and roles see it. Whoever holds a handle may use it: there is no account id to get wrong.
 */
import type { Brought } from './junk/contract.ts'
import type { Secret } from '../std/secret.ts'
import type { Address, ReversePath } from '../model/address.ts'
import type { Envelope, Recipient } from '../model/envelope.ts'
import type { AccountId, MailboxId, MessageKey, ModSeq, QueueId, TraceId, Uid, UidValidity } from '../model/ids.ts'
import type { Flag, MailboxEntry, MailboxInfo, SpecialUse, UidRange } from '../model/mailbox.ts'
import type { MessageSummary } from '../model/message.ts'
import type { FlagClasses, Right, Rights } from '../model/rights.ts'
import type { Answer, QueueEntry } from '../model/queue.ts'
import type { PeerCertificate } from '../model/connection.ts'
import type { ScriptProblem } from '../sieve/contract.ts'
import type { SendingLimit } from './sending/contract.ts'
import type { PortGroup, Protocol, ServiceName } from '../model/service.ts'
import type {
  AcceptInput,
  AccessKey,
  AccountInfo,
  AliasInfo,
  ChangeNotice,
  Commands,
  Credential,
  DomainInfo,
  FlagRow,
  MessageChoice,
  ScriptInfo,
  SentBy,
  SortRow,
  StagedBody,
  StoredMessage,
  StoreFlagsMode,
} from '../store/contract.ts'

import type { Annotation, AnnotationChange, Grant, ObjectIds } from '../store/contract.ts'

export { StoreError } from '../store/contract.ts'
export type { Annotation, AnnotationChange, Grant, ObjectIds } from '../store/contract.ts'
export type {
  AccessKey,
  AccountInfo,
  AliasInfo,
  ChangeNotice,
  DomainInfo,
  FlagRow,
  MessageChoice,
  SortRow,
  StoredMessage,
} from '../store/contract.ts'

/** A person's account, proven or looked up. */
export type AccountRef = { readonly accountId: AccountId; readonly address: Address }

// Filters --------------------------------------------------------------------------------------------------------------

type TooBig = { readonly at: 'too-many' | 'too-large' }
type BadScriptName = { readonly at: 'bad-name' }

/** The Sieve scripts of one proven account. Names are compared in NFC. Throws StoreError. */
export type Scripts = {
  readonly account: AccountRef
  /** By name. */
  list(): Promise<readonly ScriptInfo[]>
  get(name: string): Promise<string | null>
  /** Whether a script of this name and size would be taken. */
  spaceFor(name: string, sizeOctets: number): Promise<{ readonly at: 'done' } | TooBig | BadScriptName>
  check(text: string): ScriptChecked
  /** `not-found`: the account is gone. */
  put(name: string, text: string): Promise<ScriptChecked | TooBig | BadScriptName | NotFound>
  /** Null: no script filters any more. */
  activate(name: string | null): Promise<Commands['activateScript']['outcome']>
  remove(name: string): Promise<Commands['removeScript']['outcome']>
  rename(name: string, newName: string): Promise<Commands['renameScript']['outcome'] | BadScriptName>
}

export type ScriptChecked =
  | { readonly at: 'done'; readonly warnings: readonly ScriptProblem[] }
  | { readonly at: 'invalid'; readonly errors: readonly ScriptProblem[] }

// Accounts -------------------------------------------------------------------------------------------------------------

/** What a login was proven with, to see later whether that still is. `tag`: of the credential or key; another has another. */
export type Proof = { readonly by: 'password' | 'access-key'; readonly tag: string }

export type LoginOutcome =
  /** `by`: absent where nothing is kept that could go (a token). */
  | { readonly at: 'ok'; readonly account: AccountRef; readonly by?: Proof }
  /** `why`: the app password or certificate is right, and not for this protocol. */
  | { readonly at: 'refused'; readonly why?: 'out-of-scope' }
  /** Too many hashes wait, or the store does not answer: 454 4.7.0, NO [UNAVAILABLE], -ERR [SYS/TEMP]. */
  | { readonly at: 'try-later' }

export type ScramKeys = NonNullable<Credential['scram']>

/** Where somebody signs in. */
export type LoginPlace = { readonly protocol: Protocol; readonly address: string }

type Proven = Extract<LoginOutcome, { at: 'ok' }>

/** What SCRAM is run with: passwords of one account, with one salt. */
export type ScramOffer = {
  readonly salt: string
  readonly iterations: number
  readonly pairs: readonly Pick<ScramKeys, 'storedKey' | 'serverKey'>[]
  /** What a right proof with the n-th pair comes to. Of a made-up pair: refused. */
  proven(pair: number): LoginOutcome
}

export type Accounts = {
  /**
   * `login` is an account's first address, any case; the password is the account's own or, where `place` is within its
   * scope, an app password. An unknown name costs the same time as a wrong password (S7).
   */
  verifyPassword(login: string, password: Secret, place?: LoginPlace): Promise<LoginOutcome>
  /** Keys to run SCRAM with. For an unknown name: stable made-up keys (RFC 5802 §9, S7). */
  scramKeys(login: string, place?: LoginPlace): Promise<ScramOffer | { at: 'try-later' }>
  /** Whose the certificate is; `login` null: whoever. The TLS layer has seen that the peer has its key. */
  verifyCertificate(certificate: PeerCertificate, login: string | null, place: LoginPlace): Promise<LoginOutcome>
  /** The account of a name that somebody else vouches for. */
  accountOf(login: string): Promise<Proven | { readonly at: 'refused' } | { readonly at: 'try-later' }>
  /** Whether what the account was proven with is still there. */
  stillHolds(account: AccountRef, by: Proof | null): Promise<boolean>
  /** `like`: keys whose salt is kept, so that app passwords go on with SCRAM. */
  makeCredential(password: Secret, like?: ScramKeys | null): Promise<Credential>
  /** Whether mail `from` this address may be sent by the account: its own address, an alias that leads to it, either with +tag. */
  maySendAs(account: AccountRef, from: Address): Promise<boolean>
}

/** The sessions of one thread that somebody is signed in to: each ends when what it was signed in with is gone. */
export type LiveLogins = {
  /** @param login.end ends the session at once; called at most once */
  began(login: { cid: string; account: AccountRef; by: Proof | null; end: () => void }): void
  /** The session is over, or signed out. */
  ended(cid: string): void
}

/** One POP3 session at a time has an account's maildrop (RFC 1939 §4), whichever thread serves it. */
export type MaildropLocks = {
  /** The least time between two logins of an account (RFC 2449 §6.5). */
  readonly loginDelayMs: number
  take(
    accountId: AccountId,
  ): { readonly at: 'taken'; readonly release: () => void } | { readonly at: 'in-use' } | { readonly at: 'too-soon' }
}

/** Proves bearer tokens of an OpenID Connect issuer. */
export type TokenVerifier = {
  verify(token: Secret): Promise<
    /** `login`: the address that the token is of. */
    | { readonly at: 'ok'; readonly login: string }
    /** `why` is for the log. */
    | { readonly at: 'refused'; readonly status: 'invalid_token' | 'insufficient_scope'; readonly why: string }
    /** The issuer does not answer. */
    | { readonly at: 'try-later'; readonly why: string }
  >
  /** The issuer's configuration document (OpenID Connect Discovery 1.0 §4). */
  readonly configuration: string
}

/** App passwords and client certificates, as the CLI and the admin API change them. Throws StoreError. */
export type AccessKeyOperator = {
  list(address: string): Promise<{ readonly at: 'done'; readonly keys: readonly AccessKey[] } | NotFound>
  /** The password is told once. `scope` empty: everywhere. */
  addAppPassword(
    address: string,
    wanted: { name: string; scope: readonly Protocol[] },
  ): Promise<{ readonly at: 'done'; readonly keyId: number; readonly password: Secret } | AccessKeyProblem>
  /** @param wanted.pem a certificate */
  addCertificate(
    address: string,
    wanted: { name: string; scope: readonly Protocol[]; pem: string },
  ): Promise<
    | { readonly at: 'done'; readonly keyId: number; readonly fingerprint: string }
    | AccessKeyProblem
    | { readonly at: 'bad-certificate'; readonly why: string }
  >
  /** Ends the sessions that came in with it. */
  remove(address: string, keyId: number): Promise<Done | NotFound>
}

export type AccessKeyProblem =
  | NotFound
  | Exists
  | { readonly at: 'too-many'; readonly max: number }
  | { readonly at: 'bad-name'; readonly why: string }

// Taking mail in -------------------------------------------------------------------------------------------------------

/** A message that has been written out and scanned, waiting to be accepted, appended or discarded. */
export type StagedMessage = {
  readonly body: StagedBody
  readonly summary: MessageSummary
  /** Received headers found in the content itself (R21). */
  readonly receivedCount: number
  /** From header fields found; exactly one is right (RFC 5322 §3.6, S9). */
  readonly fromCount: number
  /** Octets that core put before the content for local mailboxes only (Return-Path, verdicts). */
  readonly skipOctets: number
}

/** What the scan has seen of a content that has come whole. */
export type SeenMessage = Pick<StagedMessage, 'summary' | 'receivedCount' | 'fromCount'>

export type MessageSink = {
  readonly sizeOctets: number
  /** Header block larger than its limit, or a NUL where none may be, show up at `finish`. @throws StoreError */
  write(chunk: Uint8Array): Promise<void>
  /**
   * @returns the staged message, or why its content cannot be taken
   * @param fields of our own, which only now can be said: whole header fields, before the content and for local mailboxes only
   */
  finish(
    fields?: (seen: SeenMessage) => Promise<string>,
  ): Promise<StagedMessage | { readonly at: 'malformed'; readonly why: string }>
  abort(): Promise<void>
}

export type RecipientLookup =
  | { readonly at: 'local' }
  | { readonly at: 'foreign' }
  | { readonly at: 'unknown' }
  | { readonly at: 'over-quota' }
  /** An alias that leads to itself. */
  | { readonly at: 'loop' }

export type AcceptResult =
  | { readonly at: 'accepted'; readonly queueIds: readonly QueueId[]; readonly delivered: number }
  | { readonly at: 'over-quota' }
  /** The sender has sent as much as the account may. */
  | { readonly at: 'over-limit' }
  /** By the filter of its only recipient, for this reason; may have several lines. */
  | { readonly at: 'refused'; readonly text: string }

export type Intake = {
  /**
   * What a recipient would come to, after aliases, catch-all and subaddress. `sizeOctets`: as declared, for quota.
   * `reversePath`: names of the Sender Rewriting Scheme are known to `<>` only.
   */
  lookup(address: Address, sizeOctets: number | null, reversePath?: ReversePath): Promise<RecipientLookup>
  /**
   * A sink for one SMTP message. `received` is the whole trace field with its CRLF (format/trace); core writes Return-Path
   * before it. `complete` (submission): adds a missing Date and Message-ID, removes Bcc (RFC 6409 §8). `authservId`: whose
   * Authentication-Results nobody else may say (RFC 8601 §5).
   */
  open(options: {
    envelope: Envelope
    received: string
    complete: { date: number; messageIdDomain: string } | null
    authservId?: string
  }): MessageSink
  /**
   * Expands the recipients and commits: local mailboxes and queue in one transaction. Uses the message up, whatever the
   * outcome: no discard afterwards. @throws StoreError, also when a recipient is gone since RCPT
   */
  accept(options: {
    envelope: Envelope
    message: StagedMessage
    traceId: TraceId
    /** True when DSNs to the reverse-path may be sent later: authenticated sender (R22). */
    senderVerified: boolean
    /** The reverse-path is not forged, as far as SPF and DKIM can tell: it may hear of what becomes of a letter that is sent on (R22). */
    pathVerified?: boolean
    /** Whose sending it counts as, and what everybody may send (core/sending). */
    sentBy?: Pick<SentBy, 'accountId' | 'usual'>
    /** It goes to the accounts' \Junk, where their filters say nothing else. */
    junk?: boolean
    /** The accounts themselves judge, from this on; absent: `junk` holds for all. */
    brought?: Brought
  }): Promise<AcceptResult>
  /**
   * A message of our own (a DSN) from the null reverse-path to `to`, ready for `settle`'s notices: local or relayed, by aliases.
   * NOTIFY=NEVER, expires after QUEUE_DSN_LIFETIME_MS. Null when nobody would get it. @throws StoreError
   */
  prepareNotice(options: {
    to: Address
    content: Uint8Array
    traceId: TraceId
    smtputf8: boolean
    requireTls: boolean
  }): Promise<AcceptInput | null>
  /** Of a staged message, what travels on: trace fields and content, octets [start, end). @throws StoreError */
  readStaged(message: StagedMessage, start: number, end: number): Promise<Uint8Array>
  /** Lets go of a staged message. */
  discard(message: StagedMessage): Promise<void>
}

// Sending mail out -----------------------------------------------------------------------------------------------------

/** What one attempt came to for one recipient. */
export type DeliveryResult = {
  readonly index: number
  readonly to: 'delivered' | 'failed' | 'waiting'
  readonly answer: Answer
  /** Delivered to a host that speaks DSN and was told our parameters: success is its to report (RFC 3461 §5.2.1). */
  readonly dsnPassedOn?: boolean
}

export type SettledEntry =
  | {
      readonly at: 'done'
      /** When those that still wait are tried again; null when none does. */
      readonly nextAttemptAt: number | null
      /** Waiting recipients that were given up because the entry had expired. */
      readonly expired: readonly DeliveryResult[]
    }
  | { readonly at: 'lease-lost' }

/** The queue as those see it who deliver from it. Retry times, expiry and DSNs are decided here. */
export type OutgoingQueue = {
  /** At start: what an earlier run held becomes claimable, and times set by a wrong clock are mended (R12). */
  recover(): Promise<void>
  claim(options: { limit: number; perDestination: number; except: readonly string[] }): Promise<readonly QueueEntry[]>
  /**
   * Ends a claim. Recipients not named stay waiting. `attempted: false`: nobody was asked (shutdown, dead destination).
   * `notBefore`: the destination is left alone until then. @throws StoreError; then the claim stands and settle may be tried again
   */
  settle(
    entry: QueueEntry,
    outcome: { results: readonly DeliveryResult[]; attempted: boolean; notBefore?: number },
  ): Promise<SettledEntry>
  /** Octets [start, end) of the content. @throws StoreError */
  read(queueId: QueueId, start: number, end: number): Promise<Uint8Array>
  /** When to claim next, or null when nothing waits. */
  nextDueAt(): Promise<number | null>
  /** Hears of changes to the queue. @returns the end of the watch */
  watch(heard: () => void): () => void
}

/** One queue entry as an operator reads it. */
export type QueueView = {
  readonly queueId: QueueId
  readonly traceId: TraceId
  /** The reverse-path as text, empty for `<>`. */
  readonly from: string
  readonly destination: string
  readonly recipients: readonly {
    readonly address: string
    readonly state: 'waiting' | 'delivered' | 'failed'
    readonly answer: Answer | null
  }[]
  readonly sizeOctets: number
  readonly acceptedAt: number
  readonly expiresAt: number
  readonly attempts: number
  readonly nextAttemptAt: number
  readonly held: boolean
  /** Why it waits, in one sentence. */
  readonly reason: string
}

export type QueueOperator = {
  /** Oldest first. */
  list(filter?: { destination?: string }): Promise<readonly QueueView[]>
  /** Due at once, held or not; null means all. @returns those that were found */
  retry(queueIds: readonly QueueId[] | null): Promise<readonly QueueId[]>
  /** Not tried again until they are retried; null means all. @returns those that were found */
  hold(queueIds: readonly QueueId[] | null): Promise<readonly QueueId[]>
  /** One more try, the last; then the sender is told, where he may be. @returns those that were found */
  expire(queueIds: readonly QueueId[]): Promise<readonly QueueId[]>
  /** Gone without a DSN. @returns those that were found */
  remove(queueIds: readonly QueueId[]): Promise<readonly QueueId[]>
}

// Mailboxes ------------------------------------------------------------------------------------------------------------

export type AppendDraft = {
  readonly message: StagedMessage
  readonly flags: readonly Flag[]
  /** Epoch milliseconds; null: now. */
  readonly internalDate: number | null
}

export type NameProblem = { readonly at: 'bad-name'; readonly why: string }

/** A mailbox as the holder of the handle may use it. Without the right to read, its counts are 0. */
export type MailboxView = MailboxInfo & {
  readonly rights: Rights
  /** Whose it is, where it is not the holder's own. */
  readonly owner: Address | null
}

/** The holder of the handle sees the mailbox, and may not do this. Of one that it does not see: `not-found`. */
export type Denied = { readonly at: 'denied' }

/** `identifier`: an address or `anyone` (RFC 4314 §2). */
export type AclEntry = { readonly identifier: string; readonly rights: Rights }

/** Whom an identifier stands for, with respect to one mailbox. */
export type Identity = { readonly at: 'owner' } | { readonly at: 'other' } | { readonly at: 'unknown-identifier' }

export type Quota = {
  readonly usedOctets: number
  readonly limitOctets: number | null
  readonly messages: number
  readonly limitMessages: number | null
}

/**
 * One account's mailboxes, and those that others share with it. Made only after the account's proof. Outcomes are the
 * store's; see store/contract.ts.
 */
export type Mailboxes = {
  readonly account: AccountRef
  list(): Promise<readonly MailboxView[]>
  /** `INBOX` in any case (RFC 9051 §5.1). */
  find(name: string): Promise<MailboxView | null>
  /** Null: gone, or no longer to be read. */
  info(mailboxId: MailboxId): Promise<MailboxView | null>
  subscriptions(): Promise<readonly string[]>
  setSubscribed(name: string, subscribed: boolean): Promise<{ readonly at: 'done' } | NameProblem>
  /** Makes missing parents too (RFC 9051 §6.3.4). */
  create(
    name: string,
    specialUse: SpecialUse | null,
  ): Promise<Commands['createMailbox']['outcome'] | NameProblem | Denied>
  /** INBOX cannot be deleted; a mailbox with children can, its children stay. */
  remove(mailboxId: MailboxId): Promise<Commands['deleteMailbox']['outcome'] | NameProblem | Denied>
  rename(mailboxId: MailboxId, name: string): Promise<Commands['renameMailbox']['outcome'] | NameProblem | Denied>

  uids(mailboxId: MailboxId): Promise<Uint32Array>
  entries(
    mailboxId: MailboxId,
    uids: readonly UidRange[],
    options?: { changedSince?: ModSeq },
  ): AsyncIterable<readonly MailboxEntry[]>
  messages(
    mailboxId: MailboxId,
    uids: readonly UidRange[],
    options?: { changedSince?: ModSeq },
  ): AsyncIterable<readonly StoredMessage[]>
  flagRows(mailboxId: MailboxId, uids: readonly UidRange[]): AsyncIterable<readonly FlagRow[]>
  sortRows(mailboxId: MailboxId, uids: readonly UidRange[]): AsyncIterable<readonly SortRow[]>
  expungedSince(mailboxId: MailboxId, since: ModSeq): Promise<readonly Uid[]>
  keywords(mailboxId: MailboxId): Promise<readonly Flag[]>
  /** Octets [start, end) of a message. @throws StoreError */
  read(messageKey: MessageKey, start: number, end: number): Promise<Uint8Array>
  /** Which messages of a mailbox may hold a text somewhere, by the search index; null: it cannot tell. */
  mayHold(mailboxId: MailboxId, text: string): Promise<MessageChoice | null>
  /** Uids of a mailbox whose message is one of these, ascending. */
  uidsOfMessages(mailboxId: MailboxId, messages: MessageChoice): Promise<Uint32Array>

  /** A sink for one APPENDed message, content as it is. */
  open(): MessageSink
  append(
    mailboxId: MailboxId,
    drafts: readonly AppendDraft[],
  ): Promise<Exclude<Commands['append']['outcome'], { at: 'gone' }> | Denied>
  /** One comes to `to` as the other goes, or neither (RFC 8508). Needs what `append` and `expunge` need. */
  replace(
    old: { readonly mailboxId: MailboxId; readonly uid: Uid },
    to: MailboxId,
    draft: AppendDraft,
    options?: Pick<TransferOptions, 'into'>,
  ): Promise<Commands['append']['outcome'] | Denied>
  discard(message: StagedMessage): Promise<void>
  setFlags(
    mailboxId: MailboxId,
    change: {
      uids: readonly UidRange[]
      mode: StoreFlagsMode
      flags: readonly Flag[]
      unchangedSince: ModSeq | null
      /** Flags of other kinds stay as they are. */
      only?: FlagClasses
    },
  ): Promise<Commands['setFlags']['outcome'] | Denied>
  copy(
    from: MailboxId,
    uids: readonly UidRange[],
    to: MailboxId,
    options?: TransferOptions,
  ): Promise<Commands['copy']['outcome'] | Denied>
  move(
    from: MailboxId,
    uids: readonly UidRange[],
    to: MailboxId,
    options?: TransferOptions,
  ): Promise<Commands['move']['outcome'] | Denied>
  expunge(
    mailboxId: MailboxId,
    uids: readonly UidRange[],
    options: { deletedOnly: boolean },
  ): Promise<Commands['expunge']['outcome'] | Denied>

  /** The holder's own. */
  quota(): Promise<Quota>
  /** What letters that go into this mailbox count against. */
  quotaOf(mailboxId: MailboxId): Promise<Quota | NotFound | Denied>
  /** By the address of whom it belongs to (RFC 9208 §3.2). */
  quotaAt(root: string): Promise<Quota | NotFound>
  /** Of a name, whether or not there is a mailbox. */
  quotaRootOf(
    name: string,
  ): Promise<{ readonly at: 'done'; readonly root: string; readonly quota: Quota } | NotFound | Denied>
  /** Octets of the messages with \Deleted. */
  deletedOctets(mailboxId: MailboxId): Promise<number>

  /** In the order of the keys. Below 2^32: of the holder's own account; the same ids for the same letter everywhere. */
  objectIds(messageKeys: readonly MessageKey[]): Promise<readonly ObjectIds[]>
  /** Which keys a mailbox's messages with this id can have. */
  messagesWith(
    mailboxId: MailboxId,
    id: { readonly email: number } | { readonly thread: number },
  ): Promise<ReadonlySet<MessageKey>>

  /** The owner first (RFC 4314 §3.3). */
  acl(mailboxId: MailboxId): Promise<{ readonly at: 'done'; readonly entries: readonly AclEntry[] } | NotFound | Denied>
  setAcl(
    mailboxId: MailboxId,
    change: { identifier: string; mode: StoreFlagsMode; rights: readonly Right[] },
  ): Promise<Done | NotFound | Denied | Exclude<Identity, { at: 'other' }> | { readonly at: 'too-many' }>
  identify(mailboxId: MailboxId, identifier: string): Promise<Identity | NotFound | Denied>

  /** Shared ones and the holder's private ones (RFC 5464); `mailboxId` null: of the server. */
  annotations(
    mailboxId: MailboxId | null,
  ): Promise<{ readonly at: 'done'; readonly entries: readonly Annotation[] } | NotFound | Denied>
  setAnnotations(
    mailboxId: MailboxId | null,
    changes: readonly AnnotationChange[],
  ): Promise<Commands['setAnnotations']['outcome'] | Denied | { readonly at: 'bad-special-use' }>
  /**
   * Hears of changes after they are kept. @returns the end of the watch
   * @param of this mailbox, and the account's list; default: all that the holder may see
   */
  watch(heard: (notice: ChangeNotice) => void, of?: MailboxId): () => void
}

/** `into`: the target is another account's. `keeps`: kinds of flags that go along; default all. */
export type TransferOptions = { readonly into?: AccountRef; readonly keeps?: FlagClasses }

/** Whom a URL lets read (RFC 4467 §3); `user` as it stands there, decoded. */
export type UrlAudience =
  | { readonly to: 'submit' | 'user'; readonly user: string }
  | { readonly to: 'authuser' | 'anonymous' }

/** Who asks for what a URL names, signed in: at a mailbox service, or with a letter to be sent. */
export type UrlReader = { readonly account: AccountRef; readonly by: 'user' | 'submission' }

/** URLs that let others read one message, in mailboxes of one's own (RFC 4467). Throws StoreError. */
export type UrlAccess = {
  /** @returns the token of a URL; null: there is no such mailbox */
  sign(account: AccountRef, mailbox: string, rump: string): Promise<string | null>
  /** What a URL's token opens: messages of the mailbox of its rump, and nothing else. Null, whatever is wrong. */
  open(url: {
    readonly owner: string
    readonly mailbox: string
    readonly rump: string
    readonly token: string
  }): Promise<UrlMailbox | null>
  mayUse(access: UrlAudience, reader: UrlReader): boolean
  /** All URLs made so far of the mailbox (null: of all) hold no more. */
  reset(account: AccountRef, mailbox: string | null): Promise<{ readonly at: 'done' | 'not-found' }>
}

export type UrlMailbox = {
  readonly uidValidity: UidValidity
  message(uid: Uid): Promise<StoredMessage | null>
  read(messageKey: MessageKey, start: number, end: number): Promise<Uint8Array>
}

/** What accounts were given in the mailboxes of others. */
export type Grants = {
  /** By owner. */
  to(account: AccountRef): Promise<readonly Grant[]>
  one(account: AccountRef, owner: AccountId, mailboxId: MailboxId): Promise<Grant | null>
  /** The owner's handle, with all rights: whoever asks has to look at what was given. `reader`: whose private annotations. */
  open(owner: AccountRef, reader: AccountRef): Mailboxes
  /** @returns the end of the watch */
  watch(account: AccountId, heard: (notice: ChangeNotice) => void): () => void
}

/**
 * Searching a message's content (RFC 9051 §6.4.4 BODY, TEXT, HEADER): decoded, charset to UTF-8, case folded.
 * `core/search` gives the answer for keys that the store's index cannot.
 */
export type ContentProbe = {
  /** Decoded value(s) of a header field contain the folded text; the empty text means the field exists. */
  header(name: string, text: string): Promise<boolean>
  body(text: string): Promise<boolean>
  /** Header or body. */
  text(text: string): Promise<boolean>
}

export type ContentSearch = { probe(mailboxes: Mailboxes, message: StoredMessage): ContentProbe }

/** A recipient of a transaction with what the lookup said. */
export type LookedUp = { readonly recipient: Recipient; readonly lookup: RecipientLookup }

/** One failed login, as `gavan ban why` tells it. */
export type FailedLogin = {
  /** Epoch milliseconds. */
  readonly at: number
  readonly service: ServiceName
  readonly port: number
  readonly cid: string
  /** The name that was tried, as given. */
  readonly user: string
}

/** Connection-level guard shared by all threads' sessions: failed logins, bans, per-address connections (S6). */
export type Guard = {
  /** `refuse` when the address has failed too often, or is banned on these ports. */
  beforeLogin(address: string, service?: ServiceName): { readonly at: 'go' } | { readonly at: 'refuse' }
  /**
   * Asked with the name, before a password is looked at: `refuse` when strange addresses have guessed at this user too
   * often. The same wrong guess is free, and so is an address where the user has signed in before.
   */
  beforeGuess(options: { address: string; user: string; guess: string | null }): { readonly at: 'go' | 'refuse' }
  /** @param facts.guess keyed hash of user and password, so that one saved wrong password is one guess; null: not known */
  loginFailed(address: string, facts?: FailedLogin & { readonly guess: string | null }): void
  loginSucceeded(address: string, facts?: { readonly user: string; readonly cid: string }): void
  /** How long the answer to the address's next wrong password waits. */
  failureDelayMs(address: string): number
  /** The connection is over; one that had signed in kept its address from being banned. */
  sessionEnded(cid: string): void
  isBanned(service: ServiceName, address: string): boolean
  /** Null when the address has too many connections; otherwise call the result at the end. */
  connect(service: 'mx' | 'access', address: string): (() => void) | null
}

/** Why an address is never banned (UX.md §0.7). */
export type BanExemption = 'loopback' | 'gateway' | 'never-ban' | 'proxy' | 'signed-in'

/** Plain data: it crosses threads, and is kept in a file. */
export type Ban = {
  /** CIDR, or one IPv4 address. */
  readonly network: string
  readonly group: PortGroup
  /** Epoch milliseconds. */
  readonly since: number
  readonly until: number
  readonly reason: string
  readonly by: 'failed-logins' | 'administrator'
  /** 1 for its first ban. */
  readonly times: number
  readonly evidence: readonly FailedLogin[]
}

export type BanVerdict = {
  readonly address: string
  readonly bans: readonly Ban[]
  /** Why it would never be banned; null: it can be. */
  readonly exempt: BanExemption | null
  readonly failures: readonly FailedLogin[]
}

/** Visitors of port 25 who all seem to be one inside address: the router hides the senders'. */
export type HiddenVisitors = { readonly address: string; readonly share: number; readonly visitors: number }

export type BanOperator = {
  /** Those that hold, newest first. */
  list(): readonly Ban[]
  add(options: {
    target: string
    groups: readonly PortGroup[]
    forMs: number
    reason: string
  }):
    | { readonly at: 'done'; readonly bans: readonly Ban[] }
    | { readonly at: 'bad-target'; readonly why: string }
    | { readonly at: 'exempt'; readonly why: BanExemption }
    | { readonly at: 'full' }
  /** Lifts the bans that touch the address or network, everywhere at once, and forgets its failures. */
  remove(
    target: string,
  ): { readonly at: 'done'; readonly bans: readonly Ban[] } | { readonly at: 'bad-target'; readonly why: string }
  why(target: string): BanVerdict | { readonly at: 'bad-target'; readonly why: string }
  /** Null while visitors come with addresses of their own. */
  hiddenVisitors(): HiddenVisitors | null
}

// Directory ------------------------------------------------------------------------------------------------------------

type Done = { readonly at: 'done' }
type Exists = { readonly at: 'exists' }
type NotFound = { readonly at: 'not-found' }
type NoDomain = { readonly at: 'no-domain'; readonly domain: string }
/** `text` is what was given, `why` a phrase that ends a sentence. */
type BadAddress = { readonly at: 'bad-address'; readonly text: string; readonly why: string }
type BadDomain = { readonly at: 'bad-domain'; readonly text: string; readonly why: string }
type BadPassword = { readonly at: 'bad-password'; readonly why: string }
type BadTerm = { readonly at: 'bad-term'; readonly why: string }
type BadQuota = { readonly at: 'bad-quota'; readonly why: string }
/** Its domain is hosted here, and nobody has that address. */
type UnknownTarget = { readonly at: 'unknown-target'; readonly target: Address }

/**
 * Domains, accounts and aliases, as the CLI and the admin API change them. Takes what a person typed; each outcome but
 * `done` changed nothing. Everything throws StoreError when the store does not answer.
 */
export type Directory = {
  domains(): Promise<readonly DomainInfo[]>
  addDomain(name: string): Promise<(Done & { readonly name: string }) | Exists | BadDomain>
  /** Refused while an account or alias lives in it. */
  removeDomain(name: string): Promise<Done | NotFound | { readonly at: 'in-use' }>
  /** Where mail for unknown names of the domain goes; null refuses it. */
  setCatchAll(domain: string, target: string | null): Promise<Done | NotFound | BadAddress | UnknownTarget>

  accounts(): Promise<readonly AccountInfo[]>
  /** By its first address; aliases are not followed. */
  account(address: string): Promise<AccountInfo | null>
  /** With INBOX and the special-use mailboxes, subscribed. `quotaOctets` null: no limit. */
  addAccount(
    address: string,
    password: Secret,
    options?: { quotaOctets?: number | null },
  ): Promise<
    { readonly at: 'done'; readonly account: AccountRef } | Exists | NoDomain | BadAddress | BadPassword | BadQuota
  >
  /** With all its mail. `namedBy`: aliases that still name it, and now lead there in vain. */
  removeAccount(address: string): Promise<(Done & { readonly namedBy: readonly Address[] }) | NotFound>
  setPassword(address: string, password: Secret): Promise<Done | NotFound | BadPassword>
  setQuota(address: string, quotaOctets: number | null): Promise<Done | NotFound | BadQuota>
  /** How many messages at most; null: as many as fit. */
  setMessageQuota(address: string, quotaMessages: number | null): Promise<Done | NotFound | BadQuota>
  /** What it has sent to other servers in 24 hours, and may send where that was set for it. */
  sending(address: string): Promise<{ readonly limit: SendingLimit | null; readonly sent: SendingLimit } | null>
  /** Null: what all may. */
  setSendingLimit(
    address: string,
    limit: SendingLimit | null,
  ): Promise<Done | NotFound | { readonly at: 'bad-limit'; readonly why: string }>

  aliases(): Promise<readonly AliasInfo[]>
  /** `targets`: at least one, local or foreign. */
  addAlias(
    address: string,
    targets: readonly string[],
    /** How long it holds; absent: until it is removed. */
    options?: { forMs?: number | undefined },
  ): Promise<
    | (Done & { readonly alias: AliasInfo })
    | Exists
    | NoDomain
    | BadAddress
    | UnknownTarget
    | { readonly at: 'no-targets' }
    | { readonly at: 'too-many-targets'; readonly max: number }
    /** It would lead to itself, or through too many aliases. */
    | { readonly at: 'loop' }
    | BadTerm
  >
  /** An alias of the account under a name that nobody guesses, in its domain; it ends. */
  addTemporaryAlias(
    account: string,
    options: { forMs: number },
  ): Promise<(Done & { readonly alias: AliasInfo }) | NotFound | Exists | BadTerm>
  removeAlias(address: string): Promise<Done | NotFound>
}

// One-time links ---------------------------------------------------------------------------------------------------------

/** What the link says is shown once, to whoever asked for it, and kept nowhere. */
export type GivenLink = { readonly token: Secret; readonly expiresAt: number }

/**
 * Links by which a person sets the password of an account without having one. One for each account: a new one ends the
 * earlier, and so does a password that is set in another way. Everything throws StoreError when the store does not answer.
 */
export type OnceLinks = {
  /** Adds the account; nobody can sign in to it before the link was used. */
  invite(
    address: string,
    options?: Parameters<Directory['addAccount']>[2],
  ): Promise<
    (Done & { readonly link: GivenLink }) | Exclude<Awaited<ReturnType<Directory['addAccount']>>, Done> | NotFound
  >
  /** For an account that is there. Its password stays good until the link is used. */
  give(address: string): Promise<(Done & { readonly link: GivenLink }) | NotFound>
  /** Ends the account's link, if it has one. */
  end(address: string): Promise<Done | NotFound>
  /** Null: unknown, used or expired; which of these nobody is told. */
  find(token: string): Promise<{ readonly address: Address; readonly expiresAt: number } | null>
  /** Sets the password and ends the link, in one. */
  use(
    token: string,
    password: Secret,
  ): Promise<
    | (Done & { readonly address: Address })
    | { readonly at: 'gone' }
    | { readonly at: 'bad-password'; readonly why: 'too-short' | 'is-the-address' | 'unfit' }
  >
}
