/**
 * What the rest of the program may ask of a store. A write is a command: plain data in, plain data out, atomic,
 * on the device when the promise resolves. Reads are async in signature so that a network backend fits.
 * `contract-suite.ts` holds every backend to this.
 */
import type { Address } from '../model/address.ts'
import type { Envelope, Recipient } from '../model/envelope.ts'
import type { AccountId, MailboxId, MessageKey, ModSeq, QueueId, TraceId, Uid, UidValidity } from '../model/ids.ts'
import type { Flag, MailboxEntry, MailboxInfo, SpecialUse, UidRange } from '../model/mailbox.ts'
import type { MessageSummary, SortKeys } from '../model/message.ts'
import type { Answer, QueueEntry } from '../model/queue.ts'
import type { FlagClasses, Right, Rights } from '../model/rights.ts'
import type { Protocol } from '../model/service.ts'

// Directory ------------------------------------------------------------------------------------------------------------

/** What proves a password: an argon2id PHC string, and SCRAM-SHA-256 keys (RFC 5802 §3, base64). */
export type Credential = {
  readonly phc: string
  readonly scram: {
    readonly salt: string
    readonly iterations: number
    readonly storedKey: string
    readonly serverKey: string
  } | null
}

/** What signs in for one device, beside the account's own password. The store does not look into `secret` and `scram`. */
export type AccessKey = {
  /** Of the account. */
  readonly keyId: number
  readonly kind: 'app-password' | 'certificate'
  /** Given by a person; one of its kind in the account. */
  readonly name: string
  /** Where it is good. */
  readonly scope: readonly Protocol[]
  /** Of a certificate, no two accounts have the same. */
  readonly secret: string
  readonly scram: Credential['scram']
  /** Epoch milliseconds. */
  readonly createdAt: number
  readonly lastUse: AccessKeyUse | null
}

export type AccessKeyUse = { readonly at: number; readonly protocol: Protocol; readonly address: string }

export type DomainInfo = {
  readonly name: string
  /** Where mail for unknown local parts goes, or null to refuse it. */
  readonly catchAll: Address | null
}

export type AccountInfo = {
  readonly accountId: AccountId
  /** The login name and first address. */
  readonly address: Address
  readonly credential: Credential
  /** Null: no limit. */
  readonly quotaOctets: number | null
  readonly quotaMessages: number | null
  readonly usedOctets: number
  readonly usedMessages: number
}

/** A link by which a person sets a password of an account, once. The store knows what it says by its hash alone. */
export type OnceLink = { readonly accountId: AccountId; readonly expiresAt: number }

/** An address that stands for others: `targets` are addresses, local or foreign. */
export type AliasInfo = {
  readonly address: Address
  readonly targets: readonly Address[]
  /** When it ends, in epoch milliseconds; absent: never. */
  readonly until?: number
}

// Bodies ---------------------------------------------------------------------------------------------------------------

/**
 * Bytes that wait for a command to give them a row. Plain data: may cross threads. Opaque to all but the store.
 * Used up by the first command that is given it, even one that fails; `discard` stays harmless.
 */
export type StagedBody =
  | { readonly kind: 'memory'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'file'
      readonly file: string
      /** Where in the file its record begins. */
      readonly start: number
      readonly sizeOctets: number
      readonly crc32: number
    }

export type BodySink = {
  readonly sizeOctets: number
  /** Keeps a copy or writes it out; the caller may reuse the chunk once this resolves. @throws StoreError */
  write(chunk: Uint8Array): Promise<void>
  /**
   * A file body is on the device when this resolves. @throws StoreError
   * @param front octets that come before all that was written; BODY_FRONT_MAX_OCTETS at most. `sizeOctets` is without them
   */
  finish(front?: Uint8Array): Promise<StagedBody>
  /** Idempotent; also after a failed write. Not after `finish`: use `discard`. */
  abort(): Promise<void>
}

// Commands -------------------------------------------------------------------------------------------------------------

export type MessageDraft = { readonly body: StagedBody; readonly summary: MessageSummary }

export type LocalDelivery = {
  readonly accountId: AccountId
  /** A mailbox, or special use, that is not there falls back to the inbox. */
  readonly mailbox: 'INBOX' | SpecialUse | { readonly mailboxId: MailboxId }
  readonly flags: readonly Flag[]
}

export type RelayDraft = {
  readonly destination: string
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly recipients: readonly Recipient[]
  /** Octets at the start of the body that are for local mailboxes only (Return-Path). */
  readonly skipOctets: number
  readonly expiresAt: number
  readonly nextAttemptAt: number
  readonly senderVerified: boolean
}

export type AcceptInput = {
  readonly message: MessageDraft
  readonly traceId: TraceId
  readonly acceptedAt: number
  readonly local: readonly LocalDelivery[]
  readonly relay: readonly RelayDraft[]
}

/** What an account's filter is to know until a moment: that it has answered somebody, or has seen a message. */
export type Remembered = {
  readonly accountId: AccountId
  readonly what: 'vacation' | 'duplicate' | 'error'
  readonly key: string
  readonly until: number
}

export type AcceptOutcome =
  | {
      readonly at: 'accepted'
      /** In the order of `local`; null where the account no longer exists (its mail is dropped with it). */
      readonly local: readonly ({ readonly mailboxId: MailboxId; readonly uid: Uid } | null)[]
      readonly queueIds: readonly QueueId[]
    }
  /** Every recipient is local and over quota; nothing was kept. With any other recipient, quota is overdrawn by this message. */
  | { readonly at: 'over-quota' }
  /** The sender has sent as much as the account may; nothing was kept. */
  | { readonly at: 'over-limit' }

/** Who sends a letter to others, counted with it. */
export type SentBy = {
  readonly accountId: AccountId
  /** Hours since the epoch. */
  readonly hour: number
  readonly recipients: number
  /** What the account may send in a day, unless something else is kept for it. */
  readonly usual: { readonly messages: number; readonly recipients: number }
}

export type StoreFlagsMode = 'add' | 'remove' | 'replace'

export type TransferInput = {
  accountId: AccountId
  from: MailboxId
  to: MailboxId
  toAccountId?: AccountId
  uids: readonly UidRange[]
  keeps?: FlagClasses
  now: number
}

/** Who a right is given to: an account, or every account of the owner's domain. */
export type Grantee = AccountId | 'anyone'

/** `entry` is lower-case, with /private or /shared in front (RFC 5464 §3.2). */
export type AnnotationChange = { readonly entry: string; readonly value: Uint8Array | null }

type Done = { readonly at: 'done' }
type NotFound = { readonly at: 'not-found' }
type Exists = { readonly at: 'exists' }

export type Commands = {
  // Directory. Names are lower-case; an address is unique over accounts and aliases (local part compared without case).
  addDomain: { input: { name: string }; outcome: Done | Exists }
  /** Refused while an account or alias lives in it. */
  removeDomain: { input: { name: string }; outcome: Done | NotFound | { at: 'in-use' } }
  setCatchAll: { input: { domain: string; target: Address | null }; outcome: Done | NotFound }
  /** Makes INBOX and the special-use mailboxes too, subscribed. */
  addAccount: {
    input: {
      address: Address
      credential: Credential
      quotaOctets: number | null
      mailboxes: readonly { name: string; specialUse: SpecialUse | null }[]
      now: number
    }
    outcome: { at: 'done'; accountId: AccountId } | Exists | { at: 'no-domain' }
  }
  /** With all its mail. */
  removeAccount: { input: { accountId: AccountId }; outcome: Done | NotFound }
  /** Ends the account's one-time link. */
  setCredential: { input: { accountId: AccountId; credential: Credential }; outcome: Done | NotFound }
  /** Takes the place of the account's earlier one; null: there is none any more. */
  setOnceLink: {
    input: { accountId: AccountId; link: { tokenHash: string; expiresAt: number } | null }
    outcome: Done | NotFound
  }
  /** Sets the credential and uses the link up, in one. `not-found`: also when it has expired by `now`. */
  useOnceLink: {
    input: { tokenHash: string; credential: Credential; now: number }
    outcome: { at: 'done'; accountId: AccountId } | NotFound
  }
  /** Null: no limit. What is not named stays as it is. */
  setQuota: {
    input: { accountId: AccountId; quotaOctets?: number | null; quotaMessages?: number | null }
    outcome: Done | NotFound
  }
  /** At most ACCESS_KEYS_PER_ACCOUNT_MAX. `exists`: the name is taken, or another account has the certificate. */
  addAccessKey: {
    input: { accountId: AccountId } & Omit<AccessKey, 'keyId' | 'lastUse'>
    outcome: { at: 'done'; keyId: number } | NotFound | Exists | { at: 'too-many' }
  }
  removeAccessKey: { input: { accountId: AccountId; keyId: number }; outcome: Done | NotFound }
  /** An older use than the one that is kept is not. */
  noteAccessKeyUse: { input: { accountId: AccountId; keyId: number; use: AccessKeyUse }; outcome: Done | NotFound }
  addAlias: {
    input: { address: Address; targets: readonly Address[]; until?: number }
    outcome: Done | Exists | { at: 'no-domain' }
  }
  removeAlias: { input: { address: Address }; outcome: Done | NotFound }
  /** What the account may send to other servers in a day; null: what all may. */
  setSendingLimit: {
    input: { accountId: AccountId; limit: { messages: number; recipients: number } | null }
    outcome: Done | NotFound
  }

  // Mail.
  /**
   * `further` are messages that come of this one (copies with another header, answers, notices), and are kept with it or
   * not at all. What nobody is to have is let go.
   */
  accept: {
    input: AcceptInput & { further?: readonly AcceptInput[]; remember?: readonly Remembered[]; sentBy?: SentBy }
    outcome: AcceptOutcome
  }
  /** All or none (RFC 3502). `replaces` goes as they come, and gives its room to them (RFC 8508 §3.4). */
  append: {
    input: {
      accountId: AccountId
      mailboxId: MailboxId
      messages: readonly (MessageDraft & { flags: readonly Flag[]; internalDate: number })[]
      replaces?: { accountId: AccountId; mailboxId: MailboxId; uid: Uid }
      now: number
    }
    outcome:
      | { at: 'done'; uidValidity: UidValidity; uids: readonly Uid[]; modSeq: ModSeq }
      | NotFound
      /** What was to be replaced is gone already. */
      | { at: 'gone' }
      | { at: 'over-quota' }
      | { at: 'too-many-keywords' }
  }
  /** With `unchangedSince`, entries changed after it are left alone and named (RFC 7162 §3.1.3). Entries whose flags stay the same keep their modSeq and are not in `changed`. */
  setFlags: {
    input: {
      accountId: AccountId
      mailboxId: MailboxId
      uids: readonly UidRange[]
      mode: StoreFlagsMode
      flags: readonly Flag[]
      unchangedSince: ModSeq | null
      /** Only flags of these kinds change; default all. */
      only?: FlagClasses
    }
    outcome:
      | {
          at: 'done'
          /** Null when nothing changed. */
          modSeq: ModSeq | null
          changed: readonly { uid: Uid; flags: readonly Flag[] }[]
          /** Named by `uids`, refused by `unchangedSince`. */
          modified: readonly Uid[]
        }
      | NotFound
      | { at: 'too-many-keywords' }
  }
  /**
   * Flags, internal dates and the content go along; `sources` and `uids` are parallel, ascending.
   * `toAccountId`: `to` is another account's, whose quota counts. `keeps`: the kinds of flags that go along; default all.
   */
  copy: {
    input: TransferInput
    outcome:
      | { at: 'done'; uidValidity: UidValidity; sources: readonly Uid[]; uids: readonly Uid[] }
      | NotFound
      | { at: 'over-quota' }
      | { at: 'too-many-keywords' }
  }
  /** As `copy`, and expunge, in one; to the same mailbox gives new uids (RFC 6851 §3.3). */
  move: {
    input: TransferInput
    outcome:
      | { at: 'done'; uidValidity: UidValidity; sources: readonly Uid[]; uids: readonly Uid[] }
      | NotFound
      /** Only of another account. */
      | { at: 'over-quota' }
      | { at: 'too-many-keywords' }
  }
  /** Without `deletedOnly`, entries need no \Deleted (POP3). */
  expunge: {
    input: { accountId: AccountId; mailboxId: MailboxId; uids: readonly UidRange[]; deletedOnly: boolean }
    outcome: { at: 'done'; modSeq: ModSeq | null; uids: readonly Uid[] } | NotFound
  }
  /** Parents are not made here; the caller makes them first. */
  createMailbox: {
    input: {
      accountId: AccountId
      name: string
      specialUse: SpecialUse | null
      /** A mailbox whose rights the new one gets too (RFC 4314 §4). */
      rightsOf?: MailboxId
      now: number
    }
    outcome: { at: 'done'; mailboxId: MailboxId } | Exists | { at: 'special-use-taken' } | { at: 'too-many' }
  }
  deleteMailbox: { input: { accountId: AccountId; mailboxId: MailboxId }; outcome: Done | NotFound }
  /** Children go along (RFC 9051 §6.3.6). For INBOX: its messages move to a new mailbox `name`, INBOX stays, empty. */
  renameMailbox: {
    input: { accountId: AccountId; mailboxId: MailboxId; name: string; now: number }
    outcome: Done | NotFound | Exists
  }
  /** `replace` with no rights, or the last right removed: nobody is named any more (RFC 4314 §3.1, §3.2). */
  setRights: {
    input: {
      accountId: AccountId
      mailboxId: MailboxId
      grantee: Grantee
      mode: StoreFlagsMode
      rights: readonly Right[]
    }
    outcome: Done | NotFound | { at: 'too-many' }
  }
  /**
   * All or none. /private entries are the reader's. A null value takes the entry away. `mailboxId` null: the server's
   * entries, of which an account can set its private ones only.
   */
  setAnnotations: {
    input: {
      accountId: AccountId
      mailboxId: MailboxId | null
      reader: AccountId
      changes: readonly AnnotationChange[]
      /** What the mailbox is for from now on; the mailbox that had this use has none any more (RFC 6154 §4). */
      specialUse?: SpecialUse | null
    }
    outcome: Done | NotFound | { at: 'too-many' }
  }
  /** RFC 4467 §2.2: the key of URLs of a mailbox's messages, where there is none yet; or another one, `anew`. */
  setUrlKey: {
    input: { accountId: AccountId; mailboxId: MailboxId; key: Uint8Array; anew: boolean }
    outcome: { at: 'done'; /** The one that holds. */ key: Uint8Array } | NotFound
  }
  /** All of the account: no URL holds any more. */
  removeUrlKeys: { input: { accountId: AccountId }; outcome: Done }
  /** A name may be subscribed without a mailbox (RFC 9051 §6.3.7). */
  setSubscribed: { input: { accountId: AccountId; name: string; subscribed: boolean }; outcome: Done }

  // Filters (RFC 5228). Names are exact; at most one script of an account is active.
  /** A new text keeps the script active. `too-many`: SIEVE_SCRIPTS_PER_ACCOUNT_MAX. */
  putScript: {
    input: { accountId: AccountId; name: string; text: string }
    outcome: Done | NotFound | { at: 'too-many' }
  }
  /** Null: none is active any more. */
  activateScript: { input: { accountId: AccountId; name: string | null }; outcome: Done | NotFound }
  /** Refused for the active one (RFC 5804 §2.10). */
  removeScript: { input: { accountId: AccountId; name: string }; outcome: Done | NotFound | { at: 'active' } }
  renameScript: { input: { accountId: AccountId; name: string; newName: string }; outcome: Done | NotFound | Exists }

  // Queue.
  /**
   * Leases due entries, oldest due first: at most `limit` in all and `perDestination` per destination, none for a
   * destination in `except`, none held, none under an unexpired lease.
   */
  claimDue: {
    input: {
      now: number
      lease: string
      leaseUntil: number
      limit: number
      perDestination: number
      except: readonly string[]
    }
    outcome: { entries: readonly QueueEntry[] }
  }
  /**
   * Ends a claim. Recipients not named stay waiting. When no recipient waits, the entry is gone.
   * `notices` (DSNs) are accepted in the same transaction: both or neither.
   */
  settle: {
    input: {
      queueId: QueueId
      lease: string
      results: readonly { index: number; to: 'delivered' | 'failed' | 'waiting'; answer: Answer }[]
      now: number
      /** When to try those that still wait. */
      nextAttemptAt: number
      /** False when no attempt was made (shutdown): `attempts` stays. */
      attempted: boolean
      /** True marks the delay notice as sent. */
      delayNoticed: boolean
      notices: readonly AcceptInput[]
    }
    outcome: Done | { at: 'lease-lost' }
  }
  /** At start: ends every lease whose token begins with `prefix`, so what a dead run held is claimable at once. */
  releaseLeases: { input: { prefix: string }; outcome: { queueIds: readonly QueueId[] } }
  /** Operator: due at once, held or not; lifts a hold. Null means all. `last`: it ends now, so that this try is the last one. */
  retryQueued: {
    input: { queueIds: readonly QueueId[] | null; now: number; last?: boolean }
    outcome: { queueIds: readonly QueueId[] }
  }
  /** Operator: not claimed until it is retried. An attempt that runs ends as it would. Null means all. */
  holdQueued: { input: { queueIds: readonly QueueId[] | null }; outcome: { queueIds: readonly QueueId[] } }
  /**
   * The clock that set the queue's times has jumped: arrivals, ends, next attempts and leases go along with it, but not
   * what arrived within `arrivedSince` and `now`, by the clock as it stands (R12).
   */
  shiftQueued: { input: { byMs: number; arrivedSince: number; now: number }; outcome: Done }
  /**
   * At start: mail that has been due for longer than `lateMs` was not served meanwhile, whether the server was down or
   * the clock jumped. It is due now, and its end is put off by as much. An arrival that is still to come counts from now.
   */
  resumeQueued: { input: { now: number; lateMs: number }; outcome: { resumed: number } }
  /** Null: the domain has none any more. Of MTA_STS_POLICIES_MAX the oldest makes way. */
  setStsPolicy: { input: { domain: string; policy: Omit<StoredStsPolicy, 'domain'> | null }; outcome: Done }
  /** Operator: gone, without a DSN. A leased entry is removed too; its settle then finds `lease-lost`. */
  removeQueued: { input: { queueIds: readonly QueueId[] }; outcome: { queueIds: readonly QueueId[] } }
}

export type CommandName = keyof Commands
export type Command = { [K in CommandName]: { readonly do: K } & Readonly<Commands[K]['input']> }[CommandName]
export type OutcomeOf<C extends { do: CommandName }> = Commands[C['do']]['outcome']

// Reads ----------------------------------------------------------------------------------------------------------------

export type DirectoryReads = {
  domains(): Promise<readonly DomainInfo[]>
  domain(name: string): Promise<DomainInfo | null>
  accounts(): Promise<readonly AccountInfo[]>
  account(accountId: AccountId): Promise<AccountInfo | null>
  /** By login address, local part compared without case. Aliases are not followed. */
  accountByAddress(address: Address): Promise<AccountInfo | null>
  aliases(): Promise<readonly AliasInfo[]>
  alias(address: Address): Promise<AliasInfo | null>
  /** By keyId. */
  accessKeys(accountId: AccountId): Promise<readonly AccessKey[]>
  /** Whose the certificate with this `secret` is. */
  certificateKey(secret: string): Promise<{ readonly accountId: AccountId; readonly key: AccessKey } | null>
  /** By the hash of what the link says; an expired one too. */
  onceLink(tokenHash: string): Promise<OnceLink | null>
  /** What an account may send, if something is kept for it, and has sent in these hours since the epoch, oldest first. */
  sending(
    accountId: AccountId,
    hours: { from: number; to: number },
  ): Promise<{
    readonly limit: { readonly messages: number; readonly recipients: number } | null
    readonly hours: readonly { readonly hour: number; readonly messages: number; readonly recipients: number }[]
  }>
}

export type StoredMessage = MailboxEntry & { readonly summary: MessageSummary }

/** What an account was given in another's mailbox, by its name and with `anyone` together. */
export type Grant = {
  readonly owner: { readonly accountId: AccountId; readonly address: Address }
  readonly mailboxId: MailboxId
  readonly rights: Rights
}

export type MailboxRight = {
  readonly grantee: { readonly accountId: AccountId; readonly address: Address } | 'anyone'
  readonly rights: Rights
}

export type Annotation = { readonly entry: string; readonly value: Uint8Array }

/** `email`: the same for all copies of a letter; `thread`: for all letters of a conversation (RFC 8474 §5). As `account_id * 2^32 + key`. */
export type ObjectIds = { readonly email: number; readonly thread: number }

export type FlagRow = Pick<MailboxEntry, 'uid' | 'flags'>

/** What SORT and THREAD look at. `keys` is null for mail that came before they were kept: its summary tells them. */
export type SortRow = Pick<MailboxEntry, 'uid' | 'internalDate' | 'sizeOctets'> & { readonly keys: SortKeys | null }

/** Keys are given out in ascending order and never again: what has a key above `lastKey` is yet to come. */
export type MailMark = {
  readonly accountId: AccountId
  readonly lastKey: MessageKey
  readonly modSeq: ModSeq
  /** Entries of all mailboxes. */
  readonly messages: number
}

/** A message of an account, wherever it lies. */
export type MessageContent = { readonly messageKey: MessageKey; readonly summary: MessageSummary }

/** All messages of an account with keys above `above`, and those of `keys` (ascending, none above it; a handle's keys may need more than 32 bits). */
export type MessageChoice = { readonly above: MessageKey; readonly keys: Float64Array }

export type MailReads = {
  /** Sorted by name, INBOX first. */
  mailboxes(accountId: AccountId): Promise<readonly MailboxInfo[]>
  mailbox(accountId: AccountId, mailboxId: MailboxId): Promise<MailboxInfo | null>
  mailboxByName(accountId: AccountId, name: string): Promise<MailboxInfo | null>
  subscriptions(accountId: AccountId): Promise<readonly string[]>
  /** All uids of a mailbox, ascending: the sequence map. Shared by all who ask: not to be written to. */
  uids(accountId: AccountId, mailboxId: MailboxId): Promise<Uint32Array>
  /**
   * Ascending by uid, in batches. `changedSince`: only entries with a larger modSeq; what changes while this runs may
   * be left to the next call, so the next `changedSince` is the highestModSeq that `mailbox` told before this one.
   */
  entries(
    accountId: AccountId,
    mailboxId: MailboxId,
    uids: readonly UidRange[],
    options?: { changedSince?: ModSeq },
  ): AsyncIterable<readonly MailboxEntry[]>
  /** As `entries`, with what the scan at ingest kept. */
  messages(
    accountId: AccountId,
    mailboxId: MailboxId,
    uids: readonly UidRange[],
    options?: { changedSince?: ModSeq },
  ): AsyncIterable<readonly StoredMessage[]>
  /** As `entries`, flags alone: what a client that comes back asks for first, at a quarter of the cost. */
  flagRows(accountId: AccountId, mailboxId: MailboxId, uids: readonly UidRange[]): AsyncIterable<readonly FlagRow[]>
  /** Ascending by uid, in batches. */
  sortRows(accountId: AccountId, mailboxId: MailboxId, uids: readonly UidRange[]): AsyncIterable<readonly SortRow[]>
  /** Uids expunged with a modSeq above `since`, ascending. */
  expungedSince(accountId: AccountId, mailboxId: MailboxId, since: ModSeq): Promise<readonly Uid[]>
  /** All keywords in use in a mailbox. */
  keywords(accountId: AccountId, mailboxId: MailboxId): Promise<readonly Flag[]>
  /** How far the mail of each account goes, by account. The same list again when nothing was written in between. */
  mailMarks(): Promise<readonly MailMark[]>
  /** Messages that lie in some mailbox, with keys above `after`, ascending by key; fewer than `limit` only at the end. */
  contents(accountId: AccountId, after: MessageKey, limit: number): Promise<readonly MessageContent[]>
  /** Keys of all messages that lie in some mailbox, ascending. */
  messageKeys(accountId: AccountId): Promise<Uint32Array>
  /** Uids whose message is one of these, ascending. */
  uidsOfMessages(accountId: AccountId, mailboxId: MailboxId, messages: MessageChoice): Promise<Uint32Array>
  /** Of messages of one account, in the order of the keys. */
  objectIds(accountId: AccountId, messageKeys: readonly MessageKey[]): Promise<readonly ObjectIds[]>
  /** Messages with this id; a thread's may be in any mailbox of the account. */
  messagesWith(
    accountId: AccountId,
    id: { readonly email: number } | { readonly thread: number },
  ): Promise<ReadonlySet<MessageKey>>
  /** Octets of the entries with \Deleted (RFC 9208 §4.1.4). */
  deletedOctets(accountId: AccountId, mailboxId: MailboxId): Promise<number>
  /** Whom rights were given to, by address; `anyone` last. */
  rights(accountId: AccountId, mailboxId: MailboxId): Promise<readonly MailboxRight[]>
  /** All that reaches an account, sorted by owner. */
  grantsTo(accountId: AccountId): Promise<readonly Grant[]>
  /** What an account may do in one mailbox of another; null: nothing was given to it. */
  grantTo(accountId: AccountId, owner: AccountId, mailboxId: MailboxId): Promise<Grant | null>
  /** What a reader sees: shared entries and its own private ones, sorted. `mailboxId` null: of the server. */
  annotations(accountId: AccountId, mailboxId: MailboxId | null, reader: AccountId): Promise<readonly Annotation[]>
  /** RFC 4467 §2.2; null: there are no URLs of it. */
  urlKey(accountId: AccountId, mailboxId: MailboxId): Promise<Uint8Array | null>
  /** Octets [start, end) of a message. @throws StoreError `damaged` when the record does not verify or is gone */
  read(accountId: AccountId, messageKey: MessageKey, start: number, end: number): Promise<Uint8Array>
}

export type ScriptInfo = { readonly name: string; readonly active: boolean; readonly sizeOctets: number }

export type FilterReads = {
  /** By name. */
  scripts(accountId: AccountId): Promise<readonly ScriptInfo[]>
  script(accountId: AccountId, name: string): Promise<string | null>
  activeScript(accountId: AccountId): Promise<{ readonly name: string; readonly text: string } | null>
  /** Whether it is to be known still. */
  isRemembered(what: Omit<Remembered, 'until'>, now: number): Promise<boolean>
}

/** The MTA-STS policy of another domain (RFC 8461), as fetched. */
export type StoredStsPolicy = {
  /** Lower-case, A-labels. */
  readonly domain: string
  readonly id: string
  readonly mode: 'none' | 'testing' | 'enforce'
  /** Host names, or `*.` and a domain. */
  readonly mx: readonly string[]
  readonly maxAgeSeconds: number
  /** Epoch milliseconds. */
  readonly fetchedAt: number
}

export type QueueReads = {
  list(filter?: { destination?: string }): Promise<readonly QueueEntry[]>
  entry(queueId: QueueId): Promise<QueueEntry | null>
  /** Octets [start, end) of what is to be relayed (without `skipOctets`). */
  read(queueId: QueueId, start: number, end: number): Promise<Uint8Array>
  /** As it was kept, old or not. */
  stsPolicy(domain: string): Promise<StoredStsPolicy | null>
  /** When the next entry falls due, or null when none waits. */
  nextDueAt(): Promise<number | null>
  /** How many entries there are, by state, without reading them. */
  depth(now: number): Promise<QueueDepth>
}

export type QueueDepth = {
  /** Leased: being delivered. */
  readonly active: number
  readonly due: number
  readonly waiting: number
  readonly held: number
  /** Of the oldest entry, or null when there is none. */
  readonly oldestAcceptedAt: number | null
}

// Changes --------------------------------------------------------------------------------------------------------------

/** Told after the commit, to every thread. Says only where to look; readers ask what changed. */
export type ChangeNotice =
  | { readonly kind: 'mailbox'; readonly accountId: AccountId; readonly mailboxId: MailboxId; readonly modSeq: ModSeq }
  /** Also to those who were given rights, or lost some. */
  | { readonly kind: 'mailbox-list'; readonly accountId: AccountId }
  /** `mailboxId` null: the server's, private to the account. `reader`: only this one can see it; null: whoever may. */
  | {
      readonly kind: 'annotations'
      readonly accountId: AccountId
      readonly mailboxId: MailboxId | null
      readonly reader: AccountId | null
      readonly entries: readonly string[]
    }
  | { readonly kind: 'account-removed'; readonly accountId: AccountId }
  /** The password was changed, or an access key removed: who signed in with what is gone is out. */
  | { readonly kind: 'credentials'; readonly accountId: AccountId }
  /** Which script is active, or what it or another says, has changed. */
  | { readonly kind: 'filters'; readonly accountId: AccountId }
  | { readonly kind: 'queue' }
  | { readonly kind: 'directory' }

export type Changes = {
  /** Notices of one account (those that name one). @returns the end of the subscription */
  watchAccount(accountId: AccountId, heard: (notice: ChangeNotice) => void): () => void
  watchQueue(heard: () => void): () => void
  watchDirectory(heard: () => void): () => void
}

// Search ---------------------------------------------------------------------------------------------------------------

/**
 * An index beside the store, which can be lost at any time: it says which messages may hold a text, by the grams that
 * core/search/grams.ts makes of texts. It forgets nobody: what it does not know is a candidate.
 */
export type SearchReads = {
  /**
   * Messages that hold all of these grams, as far as is known: `above` are those not indexed yet.
   * Never throws: null when there is no index of the account, or none that can be used.
   */
  candidates(accountId: AccountId, grams: readonly number[]): Promise<MessageChoice | null>
  status(): Promise<SearchStatus | null>
  close(): void
}

export type SearchStatus = {
  /** Octets on the device. */
  readonly octets: number
  readonly accounts: readonly {
    readonly accountId: AccountId
    readonly upTo: MessageKey
    readonly modSeq: ModSeq
    /** In the index, whether they live or not. */
    readonly messages: number
  }[]
}

/** Grams, each once, in any order; null: not known, so always a candidate. */
export type IndexedMessage = { readonly messageKey: MessageKey; readonly grams: Uint16Array | null }

/** The one writer of the index. Throws StoreError; `damaged` asks for `reset`. */
export type SearchIndex = {
  /** How far an account is indexed, as `add` was told; null: not at all. */
  mark(accountId: AccountId): MailMark | null
  accounts(): readonly AccountId[]
  /** Atomic. Keys are above those indexed before, ascending; `mark.lastKey` is how far the account is indexed with them. */
  add(messages: readonly IndexedMessage[], mark: MailMark): void
  /** Lets go of messages that live no longer, where that gives room back. @param living ascending */
  retain(accountId: AccountId, living: Uint32Array): void
  forget(accountId: AccountId): void
  /** Begins anew, with everything. */
  reset(): void
  /** Whether its files are gone, or a reader found them damaged. */
  needsReset(): boolean
  /** Accounts that somebody wants indexed anew, told once; null among them: all. */
  takeWishes(): readonly (AccountId | null)[]
  /** Whether the device has room for more. */
  hasRoom(): boolean
  status(): SearchStatus
  close(): void
}

// Junk -----------------------------------------------------------------------------------------------------------------

/** What was learnt, beside the store: it can be lost at any time, and is learnt again from the mail. docs/adr/0016-junk.md */
export type JunkWords = {
  /** Another number each time they change. */
  readonly version: number
  /** Letters that were learnt. */
  readonly good: number
  readonly junk: number
  /** core/junk/word-table.ts */
  readonly octets: Uint8Array
}

export type JunkSender = { readonly written: number; readonly good: number; readonly junk: number }

/** Never throws: null when nothing is known. `accountId` null: of all accounts together. */
export type JunkReads = {
  words(accountId: AccountId | null): JunkWords | null
  /** The version of the words alone. */
  version(accountId: AccountId | null): number | null
  senders(accountId: AccountId, names: readonly string[]): ReadonlyMap<string, JunkSender>
  status(): JunkStatus
  close(): void
}

export type JunkStatus = readonly {
  readonly accountId: AccountId | null
  readonly good: number
  readonly junk: number
  readonly octets: number
}[]

/**
 * What a letter counts as. `verdict`: put into Junk by our own verdict, which nobody has confirmed; `waiting`: may be good
 * once it was kept for a while; `unread`: it was kept, and nobody has read it yet.
 */
export type JunkLabel = 'junk' | 'good' | 'sent' | 'verdict' | 'waiting' | 'unread'
export type JunkLetter = {
  readonly messageKey: MessageKey
  readonly label: JunkLabel
  /** Epoch milliseconds: when it came to the place that it was labelled for. */
  readonly savedAt: number
  /** The kept names that were counted with it. */
  readonly senders: readonly string[]
}

/** The one writer. Throws StoreError; `damaged` asks for `reset`. */
export type JunkMemory = Pick<JunkReads, 'words'> & {
  /** How far the changes of an account were looked at; null: not at all. */
  mark(accountId: AccountId): ModSeq | null
  accounts(): readonly AccountId[]
  letters(accountId: AccountId, messageKeys: readonly MessageKey[]): ReadonlyMap<MessageKey, JunkLetter>
  /** Those that wait and came before `savedBefore`. */
  waiting(accountId: AccountId, savedBefore: number): readonly MessageKey[]
  /** Atomic; `words` null: they stay. `senders` are added to what is there. */
  keep(
    accountId: AccountId,
    learnt: {
      readonly modSeq: ModSeq
      readonly letters: readonly JunkLetter[]
      readonly senders: ReadonlyMap<string, JunkSender>
      readonly words: { readonly own: Omit<JunkWords, 'version'>; readonly all: Omit<JunkWords, 'version'> } | null
    },
  ): void
  /** With `all` as the words of all accounts without this one's. */
  forget(accountId: AccountId, all: Omit<JunkWords, 'version'> | null): void
  reset(): void
  needsReset(): boolean
  takeWishes(): readonly (AccountId | null)[]
  close(): void
}

// The store ------------------------------------------------------------------------------------------------------------

/**
 * `no-space`: device or quota of the file system full, or below the kept-free limit · `busy`: locked too long ·
 * `device`: an I/O error; after a failed fsync no write succeeds until restart · `damaged`: stored bytes do not verify · `closed`.
 */
export type StoreErrorKind = 'no-space' | 'busy' | 'device' | 'damaged' | 'closed'

export class StoreError extends Error {
  override name = 'StoreError'
  readonly kind: StoreErrorKind
  constructor(kind: StoreErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.kind = kind
  }
}

export type Store = {
  /** @throws StoreError; then nothing of the command was kept */
  run<C extends Command>(command: C): Promise<OutcomeOf<C>>
  /** A place for the bytes of one message. */
  stage(): BodySink
  /** Octets [start, end) of a staged body that no command took yet. @throws StoreError */
  readStaged(body: StagedBody, start: number, end: number): Promise<Uint8Array>
  /** Lets go of a staged body that no command took. */
  discard(body: StagedBody): Promise<void>
  readonly directory: DirectoryReads
  readonly mail: MailReads
  readonly queue: QueueReads
  readonly filters: FilterReads
  readonly changes: Changes
  /** Finishes what was given to `run`, then closes. */
  close(): Promise<void>
}
