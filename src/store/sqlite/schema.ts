/**
 * The schema, as steps that only go forward. A step that has been released is never edited.
 *
 * What belongs to an account has `account_id` first in every key. A message's row is clustered by one integer,
 * `account_id * 2^32 + message_key`: the same order, in a table whose leaves hold long rows well.
 */
export type Migration = { readonly version: number; readonly sql: string }

/** Rows of this schema and of all since can be read as they are: later steps have only added tables. */
export const READABLE_SCHEMA_MIN = 1

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE domain (
        name TEXT PRIMARY KEY,
        catch_all TEXT -- address as JSON
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE account (
        account_id INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused
        local_part TEXT NOT NULL,
        domain TEXT NOT NULL REFERENCES domain (name),
        credential TEXT NOT NULL, -- JSON
        quota_octets INTEGER,
        used_octets INTEGER NOT NULL DEFAULT 0,
        used_messages INTEGER NOT NULL DEFAULT 0,
        mod_seq INTEGER NOT NULL DEFAULT 0,
        next_mailbox_id INTEGER NOT NULL DEFAULT 1,
        next_message_key INTEGER NOT NULL DEFAULT 1,
        uid_validity INTEGER NOT NULL DEFAULT 0 -- the last one given out
      ) STRICT;

      CREATE INDEX account_domain ON account (domain);

      -- Accounts' and aliases' addresses: unique over both.
      CREATE TABLE address (
        domain TEXT NOT NULL REFERENCES domain (name),
        local_key TEXT NOT NULL, -- lower-case
        local_part TEXT NOT NULL,
        account_id INTEGER REFERENCES account (account_id), -- null: an alias
        targets TEXT, -- addresses as JSON; null: an account
        PRIMARY KEY (domain, local_key)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX address_account ON address (account_id) WHERE account_id IS NOT NULL;

      CREATE TABLE mailbox (
        account_id INTEGER NOT NULL,
        mailbox_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        special_use TEXT,
        uid_validity INTEGER NOT NULL,
        uid_next INTEGER NOT NULL DEFAULT 1,
        highest_mod_seq INTEGER NOT NULL,
        flags_mod_seq INTEGER NOT NULL DEFAULT 0, -- of the newest change to flags: entries above it are the newest uids
        messages INTEGER NOT NULL DEFAULT 0,
        unseen INTEGER NOT NULL DEFAULT 0,
        deleted INTEGER NOT NULL DEFAULT 0,
        size_octets INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (account_id, mailbox_id)
      ) STRICT, WITHOUT ROWID;
      CREATE UNIQUE INDEX mailbox_name ON mailbox (account_id, name);
      CREATE UNIQUE INDEX mailbox_special_use ON mailbox (account_id, special_use) WHERE special_use IS NOT NULL;

      CREATE TABLE subscription (
        account_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (account_id, name)
      ) STRICT, WITHOUT ROWID;

      -- Keywords ever stored in a mailbox, in the case they were first stored with.
      CREATE TABLE keyword (
        account_id INTEGER NOT NULL,
        mailbox_id INTEGER NOT NULL,
        name_key TEXT NOT NULL, -- lower-case
        name TEXT NOT NULL,
        PRIMARY KEY (account_id, mailbox_id, name_key)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE entry (
        account_id INTEGER NOT NULL,
        mailbox_id INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        mod_seq INTEGER NOT NULL,
        flags INTEGER NOT NULL, -- bits of flags.ts
        keywords TEXT NOT NULL, -- ' a  b ': each between two spaces
        internal_date INTEGER NOT NULL,
        saved_at INTEGER NOT NULL,
        size_octets INTEGER NOT NULL,
        message_key INTEGER NOT NULL,
        PRIMARY KEY (account_id, mailbox_id, uid)
      ) STRICT, WITHOUT ROWID;

      -- Runs of uids expunged by one command.
      CREATE TABLE expunged (
        account_id INTEGER NOT NULL,
        mailbox_id INTEGER NOT NULL,
        mod_seq INTEGER NOT NULL,
        first_uid INTEGER NOT NULL,
        last_uid INTEGER NOT NULL,
        PRIMARY KEY (account_id, mailbox_id, mod_seq, first_uid)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE message (
        message_id INTEGER PRIMARY KEY, -- account_id * 2^32 + message_key
        body_id INTEGER NOT NULL,
        entries INTEGER NOT NULL,
        summary TEXT NOT NULL -- summary-codec.ts
      ) STRICT;
      CREATE INDEX message_dead ON message (entries) WHERE entries = 0;

      -- Immutable content, shared by accounts and queue.
      CREATE TABLE body (
        body_id INTEGER PRIMARY KEY,
        segment_id INTEGER NOT NULL,
        offset INTEGER NOT NULL, -- of the content, behind its record's head
        length INTEGER NOT NULL,
        crc32 INTEGER NOT NULL,
        record_octets INTEGER NOT NULL,
        refs INTEGER NOT NULL -- message rows and queue entries
      ) STRICT;
      CREATE INDEX body_segment ON body (segment_id);
      CREATE INDEX body_dead ON body (refs) WHERE refs = 0;

      CREATE TABLE segment (
        segment_id INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused
        size_octets INTEGER NOT NULL, -- what lies behind was never committed
        live_octets INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX segment_dead ON segment (live_octets) WHERE live_octets = 0;

      CREATE TABLE queue (
        queue_id INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused
        trace_id TEXT NOT NULL,
        destination TEXT NOT NULL,
        envelope TEXT NOT NULL, -- JSON
        recipients TEXT NOT NULL, -- JSON
        body_id INTEGER NOT NULL,
        skip_octets INTEGER NOT NULL,
        size_octets INTEGER NOT NULL,
        accepted_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_attempt_at INTEGER NOT NULL,
        delay_notice_at INTEGER,
        sender_verified INTEGER NOT NULL,
        held INTEGER NOT NULL DEFAULT 0,
        lease TEXT,
        due_at INTEGER NOT NULL -- next_attempt_at, or the end of the lease
      ) STRICT;
      CREATE INDEX queue_due ON queue (due_at, queue_id, destination) WHERE held = 0;
      CREATE INDEX queue_destination ON queue (destination);
    `,
  },
  {
    version: 2,
    sql: `
      -- Octets that are in their segment and may not be on the device yet (journal.ts).
      CREATE TABLE journal (
        journal_id INTEGER PRIMARY KEY,
        segment_id INTEGER NOT NULL,
        position INTEGER NOT NULL, -- in the segment
        crc32 INTEGER NOT NULL,
        octets BLOB NOT NULL -- whole records
      ) STRICT;
    `,
  },
  {
    version: 3,
    sql: `
      -- An invitation, or a way to a new password. One for each account; only a hash of what its link says.
      CREATE TABLE once_link (
        account_id INTEGER PRIMARY KEY,
        token_hash TEXT NOT NULL, -- SHA-256, hex
        expires_at INTEGER NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX once_link_token ON once_link (token_hash);

      -- What signs in for one device: an app password, or a client's certificate.
      CREATE TABLE access_key (
        account_id INTEGER NOT NULL,
        key_id INTEGER NOT NULL,
        kind TEXT NOT NULL, -- 'app-password', 'certificate'
        name TEXT NOT NULL,
        scope TEXT NOT NULL, -- protocols as JSON
        secret TEXT NOT NULL, -- never the password: core/accounts
        scram TEXT, -- JSON
        created_at INTEGER NOT NULL,
        last_use TEXT, -- JSON
        PRIMARY KEY (account_id, key_id)
      ) STRICT, WITHOUT ROWID;
      CREATE UNIQUE INDEX access_key_name ON access_key (account_id, kind, name);
      CREATE UNIQUE INDEX access_key_certificate ON access_key (secret) WHERE kind = 'certificate';

      -- How many messages an account may hold; no row: as many as fit.
      CREATE TABLE message_quota (
        account_id INTEGER PRIMARY KEY,
        messages INTEGER NOT NULL
      ) STRICT;

      -- Filters (RFC 5228), as their owners wrote them.
      CREATE TABLE script (
        account_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        text TEXT NOT NULL,
        active INTEGER NOT NULL, -- 1 or 0
        PRIMARY KEY (account_id, name)
      ) STRICT, WITHOUT ROWID;
      CREATE UNIQUE INDEX script_active ON script (account_id) WHERE active = 1;

      -- What filters are to know for a while: whom they have answered, what they have seen.
      CREATE TABLE remembered (
        account_id INTEGER NOT NULL,
        what TEXT NOT NULL,
        key TEXT NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (account_id, what, key)
      ) STRICT, WITHOUT ROWID;

      -- What others may do in a mailbox (RFC 4314). The owner may do everything, without a row.
      CREATE TABLE mailbox_right (
        account_id INTEGER NOT NULL, -- the owner
        mailbox_id INTEGER NOT NULL,
        grantee INTEGER NOT NULL, -- an account; 0: every account of the owner's domain
        rights TEXT NOT NULL, -- letters of model/rights.ts, in their order
        PRIMARY KEY (account_id, mailbox_id, grantee)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX mailbox_right_grantee ON mailbox_right (grantee, account_id);

      -- Annotations (RFC 5464). The server's: account 0 what is shared, a reader's own account what is private.
      CREATE TABLE annotation (
        account_id INTEGER NOT NULL, -- the mailbox's owner
        mailbox_id INTEGER NOT NULL, -- 0: the server
        reader INTEGER NOT NULL, -- the account that a /private entry belongs to; 0: /shared
        entry TEXT NOT NULL, -- lower-case, with its prefix
        value BLOB NOT NULL,
        PRIMARY KEY (account_id, mailbox_id, reader, entry)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX annotation_reader ON annotation (reader) WHERE reader <> 0;

      -- Keys of URLs that let others read a message (RFC 4467).
      CREATE TABLE url_key (
        account_id INTEGER NOT NULL,
        mailbox_id INTEGER NOT NULL,
        secret BLOB NOT NULL,
        PRIMARY KEY (account_id, mailbox_id)
      ) STRICT, WITHOUT ROWID;

      -- Threads (RFC 8474): a letter without a row begins one. Goes with its message.
      CREATE TABLE message_thread (
        message_id INTEGER PRIMARY KEY, -- as in message
        thread INTEGER NOT NULL, -- message_id of the one that began it
        original INTEGER NOT NULL, -- message_id of what it is a copy of, in another account; else its own
        own_key INTEGER, -- of its Message-ID (thread-key.ts)
        root_key INTEGER -- of the first that it refers to
      ) STRICT;
      CREATE INDEX message_thread_own ON message_thread (message_id >> 32, own_key) WHERE own_key IS NOT NULL;
      CREATE INDEX message_thread_root ON message_thread (message_id >> 32, root_key) WHERE root_key IS NOT NULL;
    `,
  },
  {
    version: 4,
    sql: `
      -- MTA-STS policies of other domains (RFC 8461): they hold when DNS does not tell of them.
      CREATE TABLE sts_policy (
        domain TEXT PRIMARY KEY, -- lower-case, A-labels
        id TEXT NOT NULL,
        mode TEXT NOT NULL, -- 'enforce', 'testing'
        mx TEXT NOT NULL, -- patterns as JSON
        max_age INTEGER NOT NULL, -- seconds
        fetched_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX sts_policy_oldest ON sts_policy (fetched_at);

      -- What accounts send to other servers, by the hour; a day of it is kept.
      CREATE TABLE sent (
        account_id INTEGER NOT NULL,
        hour INTEGER NOT NULL, -- since the epoch
        messages INTEGER NOT NULL,
        recipients INTEGER NOT NULL,
        PRIMARY KEY (account_id, hour)
      ) STRICT, WITHOUT ROWID;

      -- What an account may send in a day, where it is not what all may.
      CREATE TABLE sending_limit (
        account_id INTEGER PRIMARY KEY,
        messages INTEGER NOT NULL,
        recipients INTEGER NOT NULL
      ) STRICT;

      -- Aliases that end. Goes with its alias.
      CREATE TABLE alias_end (
        domain TEXT NOT NULL,
        local_key TEXT NOT NULL, -- both as in address
        until INTEGER NOT NULL,
        PRIMARY KEY (domain, local_key)
      ) STRICT, WITHOUT ROWID;
    `,
  },
]
