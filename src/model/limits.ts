/**
 * All limits of the program, in one file: name, unit, source. A test goes one over each (`limits.test.ts` beside what obeys it).
 * Sources are RFC sections or numbers of docs/rules.md (docs/adr/0007-limits.md).
 */
const KIB = 1024
const MIB = 1024 * KIB
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

// SMTP, both directions ------------------------------------------------------------------------------------------------

/** RFC 5321 §4.5.3.1.4 asks for 512 with room for extensions. */
export const SMTP_COMMAND_LINE_MAX_OCTETS = 2048
/** RFC 5321 §4.5.3.1.6 asks for 1000; longer lines are taken inward and kept as they are. */
export const SMTP_DATA_LINE_MAX_OCTETS = 64 * KIB
/** RFC 5321 §4.5.3.1.1. */
export const LOCAL_PART_MAX_OCTETS = 64
/** RFC 5321 §4.5.3.1.2. */
export const DOMAIN_MAX_OCTETS = 255
/** RFC 5321 §4.5.3.1.3, with the angle brackets. */
export const PATH_MAX_OCTETS = 256
/** RFC 5321 §4.5.3.1.8: a server must take at least 100. */
export const RECIPIENTS_MAX = 1000
/** Submission: one account's single message. */
export const SUBMISSION_RECIPIENTS_MAX = 500
/** RFC 1870: announced by SIZE, APPENDLIMIT. */
export const MESSAGE_MAX_OCTETS = 50 * MIB
export const TRANSACTIONS_PER_CONNECTION_MAX = 100
/** Replies to errors are slowed from here on. */
export const SMTP_ERRORS_SLOW_FROM = 5
/** The connection is closed with 421 at this many errors. */
export const SMTP_ERRORS_MAX = 10
export const SMTP_ERROR_DELAY_MS = 1 * SECOND
/** NOOP, VRFY, RSET, HELP per transaction. */
export const SMTP_JUNK_COMMANDS_MAX = 50
/** RFC 5321 §4.5.3.2.7: at least 5 minutes. */
export const SMTP_COMMAND_TIMEOUT_MS = 5 * MINUTE
export const SMTP_BEFORE_EHLO_TIMEOUT_MS = 60 * SECOND
export const SMTP_DATA_IDLE_TIMEOUT_MS = 3 * MINUTE
export const SMTP_DATA_TOTAL_TIMEOUT_MS = 10 * MINUTE
/** A DATA that has lasted past the total time-out goes on while it is faster than this. */
export const SMTP_DATA_MIN_OCTETS_PER_SECOND = 500
/** RFC 5321 §6.3: loops; R21. */
export const RECEIVED_HEADERS_MAX = 50
/** Unread pipelined input of one connection; past it we stop reading. */
export const PIPELINE_MAX_OCTETS = 64 * KIB

// Message format -------------------------------------------------------------------------------------------------------

export const HEADER_BLOCK_MAX_OCTETS = 256 * KIB
export const HEADER_LINES_MAX = 1000
export const ADDRESSES_PER_HEADER_MAX = 2000
export const ADDRESSES_PER_MESSAGE_MAX = 10_000
export const ADDRESS_NESTING_MAX = 10
/** RFC 2231 continuation pieces of one header. */
export const PARAMETER_PIECES_MAX = 100
export const MIME_DEPTH_MAX = 50
export const MIME_PARTS_MAX = 2000
/** Headers of all parts of one message together; past it the rest is one leaf. */
export const MIME_HEADERS_MAX_OCTETS = 2 * MIB
/** RFC 2046 §5.1.1 says 70; we tolerate more. */
export const BOUNDARY_MAX_OCTETS = 256
/** RFC 8970 §3.3: as kept, in UTF-16 units. */
export const PREVIEW_MAX_CHARACTERS = 256
/** Of a text that SORT compares: what a line may hold (RFC 5322 §2.1.1). */
export const SORT_TEXT_MAX_CHARACTERS = 998
/** Of a message's References, for THREADID (RFC 8474). */
export const THREAD_LOOKUPS_MAX = 20
/** Of a message's References, for THREAD. */
export const THREAD_REFERENCES_MAX = 100

// IMAP -----------------------------------------------------------------------------------------------------------------

export const IMAP_LINE_MAX_OCTETS = 64 * KIB
export const IMAP_LINE_BEFORE_LOGIN_MAX_OCTETS = 8 * KIB
/** A literal that is not a message. */
export const IMAP_LITERAL_MAX_OCTETS = 100 * KIB
export const IMAP_LITERAL_BEFORE_LOGIN_MAX_OCTETS = 1 * KIB
/** All literals of one command together, APPEND's messages aside. */
export const IMAP_COMMAND_MAX_OCTETS = 1 * MIB
export const IMAP_LITERALS_MAX = 1000
export const IMAP_LITERALS_BEFORE_LOGIN_MAX = 4
/** A literal that is not a message and does not wait to be asked for: up to this it is passed over, above it the connection ends. */
export const IMAP_LITERAL_SKIP_MAX_OCTETS = 1 * MIB
/** EMAILID and THREADID keys of one SEARCH (RFC 8474 §8.3 has clients ask for many at once). */
export const IMAP_SEARCH_IDS_MAX = 1000
/** RFC 3502: messages of one APPEND. */
export const IMAP_MESSAGES_PER_APPEND_MAX = 1000
/** RFC 4469: literals and URLs of one message. */
export const IMAP_CATENATE_PARTS_MAX = 1000
/** RFC 4467 §2.2: at least 128 bits. */
export const URL_KEY_OCTETS = 32
/** RFC 4467: URLs of one command. */
export const IMAP_URLS_PER_COMMAND_MAX = 100
/** RFC 4469, RFC 4467: one URL. */
export const IMAP_URL_MAX_OCTETS = 8 * KIB
/** RFC 2971 §3.3: pairs, and octets of a value. */
export const IMAP_ID_FIELDS_MAX = 30
export const IMAP_ID_VALUE_MAX_OCTETS = 1024
/** `*` and `%` of one LIST pattern. */
export const IMAP_PATTERN_WILDCARDS_MAX = 50
export const IMAP_NESTING_MAX = 20
export const IMAP_NESTING_BEFORE_LOGIN_MAX = 2
export const IMAP_ERRORS_MAX = 20
/** RFC 9051 §5.4: at least 30 minutes. */
export const IMAP_AUTOLOGOUT_MS = 30 * MINUTE
export const IMAP_BEFORE_LOGIN_TIMEOUT_MS = 60 * SECOND
export const IMAP_IDLE_KEEPALIVE_MS = 2 * MINUTE
export const MAILBOX_NAME_MAX_OCTETS = 255
export const MAILBOX_DEPTH_MAX = 20
export const KEYWORDS_PER_MAILBOX_MAX = 100
export const KEYWORD_MAX_OCTETS = 50
export const MAILBOXES_PER_ACCOUNT_MAX = 10_000
/** RFC 7377 §2.4: sources of one ESEARCH, and names in them. */
export const IMAP_SEARCH_SOURCES_MAX = 1000
/** RFC 10022 §3.1: a server must take batches of 500 messages and need not take smaller ones. */
export const IMAP_UID_BATCH_MIN = 500
/** RFC 5267 §4.3.1: searches of a session that are kept up to date, and the results of a sorted one. */
export const IMAP_UPDATES_MAX = 16
export const IMAP_SORTED_UPDATE_MAX = 10_000
/** RFC 9585 §4: a command that takes long says so this often. */
export const IMAP_PROGRESS_EVERY_MS = 10 * SECOND
/** Sorting and threading compute so long before others get a turn of the event loop; S25. */
export const COMPUTE_AT_ONCE_MAX_MS = 5
/** RFC 5464 §4.1: at least 1024 octets, and 10 for a mailbox. */
export const ANNOTATION_VALUE_MAX_OCTETS = 16 * KIB
export const ANNOTATION_NAME_MAX_OCTETS = 255
/** Of one mailbox: those that all see, and each reader's own. */
export const ANNOTATIONS_PER_MAILBOX_MAX = 100
/** In all mailboxes of an account, and of the server, together. */
export const ANNOTATIONS_PER_ACCOUNT_MAX = 2000
/** Identifiers with rights (RFC 4314). */
export const RIGHTS_PER_MAILBOX_MAX = 100
export const RIGHTS_PER_ACCOUNT_MAX = 1000

/** RFC 5465: mailboxes that one NOTIFY may name. */
export const IMAP_NOTIFY_NAMES_MAX = 1000
/** RFC 5465 §5.8: mailboxes with news that a session has not been told; above it the client hears of no more. */
export const IMAP_NOTIFY_PENDING_MAX = 1000
/** RFC 8970 §3.3: as told, in characters; at most 256. */
export const IMAP_PREVIEW_MAX_CHARACTERS = 200
/** RFC 4978: an encoder that has had nothing to say for so long gives its memory back; the next one begins with an empty window. */
export const DEFLATE_KEEP_MS = 30 * SECOND
/** RFC 4978, bombs: a connection may inflate so much freely (a message of nothing but zeros), and beyond it so many times what came. */
export const INFLATE_FREE_OCTETS = 64 * MIB
export const INFLATE_RATIO_MAX = 100

// POP3 -----------------------------------------------------------------------------------------------------------------

/** RFC 2449 §4: 255 octets. */
export const POP3_COMMAND_LINE_MAX_OCTETS = 255
/** SASL responses may be longer (RFC 5034 §4). */
export const POP3_SASL_LINE_MAX_OCTETS = 12 * KIB
/** RFC 1939 §3: at least 10 minutes. */
export const POP3_AUTOLOGOUT_MS = 10 * MINUTE
export const POP3_BEFORE_LOGIN_TIMEOUT_MS = 60 * SECOND
export const POP3_ERRORS_MAX = 20

// Connections and logins -----------------------------------------------------------------------------------------------

export const TLS_HANDSHAKE_TIMEOUT_MS = 10 * SECOND
/** To a peer that does not read; long writes go in pieces, and each piece has this long. */
export const WRITE_TIMEOUT_MS = 5 * MINUTE
export const WRITE_BEFORE_LOGIN_TIMEOUT_MS = 30 * SECOND
export const MX_CONNECTIONS_PER_ADDRESS_MAX = 20
export const ACCESS_CONNECTIONS_PER_ADDRESS_MAX = 30
export const MX_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX = 60
export const ACCESS_NEW_CONNECTIONS_PER_ADDRESS_AND_MINUTE_MAX = 120
/** Recipients that are not here, named by one address: so many at once, then one each interval (50 in an hour); S7. */
export const UNKNOWN_RECIPIENTS_AT_ONCE_MAX = 50
export const UNKNOWN_RECIPIENTS_INTERVAL_MS = 72 * SECOND
export const UNKNOWN_RECIPIENTS_PER_PREFIX_FACTOR = 3
/** How long a stranger must be silent before it is greeted. People wait for first letters only; postscreen's is 6 s. */
export const GREETING_DELAY_S = 3
export const GREETING_DELAY_MAX_S = 10
/** What a /24 or /48 may have and begin, as a multiple of one address. */
export const CONNECTIONS_PER_PREFIX_FACTOR = 3
/** In each row of the tables that count connections, for all addresses together; S14. */
export const CONNECTION_COUNT_WORDS = 32_768
export const FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX = 10
export const FAILED_LOGINS_PER_ADDRESS_AND_DAY_MAX = 50
/** What a /24 or /48 may fail, as a multiple of one address; S6. */
export const FAILED_LOGINS_PER_PREFIX_FACTOR = 3
/** Addresses that the guard remembers; the longest unseen are forgotten. */
export const GUARD_ADDRESSES_MAX = 10_000
/** After the 1st, 2nd, 3rd, … failed login of a connection. */
export const FAILED_LOGIN_DELAYS_MS = [2 * SECOND, 4 * SECOND, 8 * SECOND, 15 * SECOND] as const
export const FAILED_LOGINS_PER_CONNECTION_MAX = 3
/** Guesses at one user's password from addresses that were never right: so many at once, then one each interval; S6 (55 in an hour). */
export const GUESSES_PER_USER_AT_ONCE_MAX = 15
export const GUESSES_PER_USER_INTERVAL_MS = 90 * SECOND
/** Users, wrong guesses, and pairs of user and address that the guard remembers; the longest unseen are forgotten. */
export const GUARD_USERS_MAX = 10_000
export const GUARD_GUESSES_MAX = 20_000
export const GUARD_KNOWN_PAIRS_MAX = 2000
/** For how long an address where a user has signed in is his; UX.md §0.7. */
export const GUARD_KNOWN_PAIR_MS = 60 * DAY
/** Different wrong guesses of one address within the window that ban it. */
export const BAN_GUESSES = 10
export const BAN_WINDOW_MS = 10 * MINUTE
/** For the first ban of an address, the second, …; the last for all that follow. */
export const BAN_DURATIONS_MS = [15 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY] as const
/** After this long without a ban an address begins anew. */
export const BAN_MEMORY_MS = 30 * DAY
/** The longest that `gavan ban add --for` takes. */
export const BAN_MANUAL_MAX_MS = 3650 * DAY
export const BANS_MAX = 10_000
/** Failed attempts that `gavan ban why` can tell of one address. */
export const BAN_EVIDENCE_MAX = 20
/** Changes of bans reach the device after this. */
export const BAN_KEEP_DELAY_MS = 2 * SECOND
/** The router hides senders' addresses when of so many visitors more than this share look like one inside address. */
export const HIDDEN_VISITORS_LEAST = 50
export const HIDDEN_VISITORS_SHARE = 0.9
/** PROXY protocol, version 1: 107 octets with CRLF. Version 2: the header of 16 octets and what it says follows; more is refused. */
export const PROXY_V1_LINE_MAX_OCTETS = 107
export const PROXY_V2_MAX_OCTETS = 16 + 2048
export const PROXY_HEADER_TIMEOUT_MS = 5 * SECOND
/** Password hashes computed at once, per core; S15. */
export const PASSWORD_HASHES_PER_CORE_MAX = 2
export const PASSWORD_HASH_QUEUE_MAX = 100
export const CREDENTIAL_CACHE_MS = 5 * MINUTE
export const CREDENTIAL_CACHE_MAX = 10_000
/** Longer ones would only make hashing dearer. */
export const PASSWORD_MAX_OCTETS = 1024
/** Of one that a person chooses; NIST SP 800-63B (2017) §5.1.1.1. */
export const PASSWORD_CHOSEN_MIN_CHARACTERS = 8
/** Invitations and ways to a new password. */
export const ONCE_LINK_LIFETIME_MS = 7 * DAY
/** 144 bits. */
export const ONCE_LINK_TOKEN_OCTETS = 18
/** The page of `gavan setup --web` waits this long for its person, and stays so long when all is done. */
export const SETUP_PAGE_LIFETIME_MS = 60 * MINUTE
export const SETUP_PAGE_AFTER_MS = 15 * MINUTE
export const SETUP_PAGE_CONNECTIONS_MAX = 100
/** Ids of accounts lie below: 2^53 over the 2^32 message keys of one. */
export const ACCOUNTS_MAX = 2 ** 21
/** App passwords and client certificates; a wrong password costs one HMAC for each. */
export const ACCESS_KEYS_PER_ACCOUNT_MAX = 50
/** In characters; of an access key. */
export const ACCESS_KEY_NAME_MAX = 64
/** A use is written down when the one that is kept is older: a phone that asks every minute costs a commit an hour. */
export const ACCESS_KEY_USE_NOTED_EVERY_MS = HOUR
/** A bearer token; what SASL carries is longer by a third. */
export const OAUTH_TOKEN_MAX_OCTETS = 8 * KIB
/** Between the issuer's clock and ours. */
export const OAUTH_CLOCK_SKEW_MS = MINUTE
/** An issuer's keys are asked for anew after that, or for a key that is not among them, but not more often than the second. */
export const OAUTH_KEYS_LIFETIME_MS = HOUR
export const OAUTH_KEYS_REFETCH_MS = 30 * SECOND
/** While the issuer is silent, its keys go on for so long. */
export const OAUTH_KEYS_STALE_MS = DAY
export const OAUTH_KEYS_MAX = 64
/** Questions about tokens that are not signed, under way in one thread; more are told to try later. */
export const OAUTH_QUESTIONS_AT_ONCE_MAX = 16
/** An answer of the issuer. */
export const OAUTH_ANSWER_MAX_OCTETS = 256 * KIB
export const OAUTH_ANSWER_TIMEOUT_MS = 10 * SECOND
/** Longest time between two POP3 logins that may be asked for. */
export const POP3_LOGIN_DELAY_MAX_S = 3600
/** RFC 4954 §4. */
export const SASL_RESPONSE_MAX_OCTETS = 12 * KIB
/** After our FIN: how long we wait for the peer's before the connection is dropped. */
export const CLOSE_LINGER_MS = 5 * SECOND
/** Connections waiting to be accepted, per listener. */
export const LISTEN_BACKLOG = 511
export const TCP_KEEPALIVE_DELAY_MS = 60 * SECOND
/** Descriptors kept back from connections: store, queue, resolver; R8. */
export const DESCRIPTORS_RESERVED = 256
/** TLS ticket keys are replaced this often. */
export const TLS_TICKET_KEY_LIFETIME_MS = 1 * DAY
/** Sessions get this long to end after SIGTERM. */
export const DRAIN_TIMEOUT_MS = 10 * SECOND

// HTTP -----------------------------------------------------------------------------------------------------------------

export const HTTP_HEADERS_MAX_OCTETS = 16 * KIB
export const HTTP_HEADERS_TIMEOUT_MS = 30 * SECOND
export const HTTP_REQUEST_TIMEOUT_MS = 60 * SECOND
export const HTTP_KEEPALIVE_MS = 65 * SECOND
/** How long the web's pages may go on with domains that were changed. */
export const DOMAINS_CACHE_MS = 5 * SECOND
/** How long others hold on to our MTA-STS policy (RFC 8461 §3.2: weeks or more, 31,557,600 s at most). */
export const MTA_STS_ENFORCE_MAX_AGE_MS = 30 * DAY
/** While it is tried out, and when it is taken back: short, so that a mistake goes soon. */
export const MTA_STS_TESTING_MAX_AGE_MS = 1 * DAY
/** Of a request's content: an autodiscover question is less than 1 KiB. */
export const HTTP_BODY_MAX_OCTETS = 64 * KIB
export const HTTP_REQUESTS_PER_CONNECTION_MAX = 1000
/** RFC 8555 §8.3: a token is base64url of at least 128 bits. */
export const ACME_TOKEN_MAX_OCTETS = 256

// Queue and outbound ---------------------------------------------------------------------------------------------------

/** RFC 5321 §4.5.4.1: 4 to 5 days. */
export const QUEUE_LIFETIME_MS = 5 * DAY
export const QUEUE_DSN_LIFETIME_MS = 2 * DAY
/** How long a temporary alias may hold: 10 years; who wants more wants an alias. */
export const ALIAS_TERM_MAX_MS = 3650 * DAY
/** What an administrator may let an account send in a day. */
export const SENDING_LIMIT_MAX = 100_000_000
/** What an account may send to other servers in a day (RELIABILITY.md §5), and how long what was sent counts. */
export const SENDING_MESSAGES_PER_DAY = 500
export const SENDING_RECIPIENTS_PER_DAY = 2000
export const SENDING_WINDOW_HOURS = 24
/** Characters of base32 that prove a name of the Sender Rewriting Scheme to be ours, and how long it leads back: PostSRSd's 21 days. */
export const SRS_HASH_CHARACTERS = 8
export const SRS_KEPT_DAYS = 21
/** Waits between attempts; the last repeats. RFC 5321 §4.5.4.1. The second try is after most greylists' five minutes (R20). */
export const RETRY_DELAYS_MS = [
  6 * MINUTE,
  10 * MINUTE,
  20 * MINUTE,
  40 * MINUTE,
  1 * HOUR,
  2 * HOUR,
  4 * HOUR,
] as const
/** ± share of each delay. */
export const RETRY_JITTER = 0.15
export const DELAY_NOTICE_AFTER_MS = 4 * HOUR
export const DESTINATION_CONCURRENCY_START = 2
export const DESTINATION_CONCURRENCY_MAX = 20
export const OUTBOUND_CONNECTIONS_MAX = 200
export const RECIPIENTS_PER_TRANSACTION_MAX = 50
export const MESSAGES_PER_OUTBOUND_CONNECTION_MAX = 100
export const OUTBOUND_CONNECTION_IDLE_MS = 5 * SECOND
export const QUEUE_LEASE_MS = 45 * MINUTE
/** One attempt starts no new host or transaction after this; with the wait after the dot it stays within the lease. */
export const OUT_ATTEMPT_MAX_MS = 30 * MINUTE
/** Claimed entries in memory. From half of it on, each destination gets two more at most, so that slow ones starve nobody (R19). */
export const QUEUE_CLAIMED_MAX = 2000
/** Claimed entries of one destination that wait for a connection. */
export const QUEUE_CLAIMED_PER_DESTINATION_MAX = 40
/** A claimed entry that has waited this long for a connection is given back. */
export const QUEUE_CLAIM_WAIT_MAX_MS = 10 * MINUTE
/** An attempt that has lasted this long no longer counts against OUTBOUND_CONNECTIONS_MAX: black holes starve nobody (R19). */
export const OUTBOUND_PARKED_AFTER_MS = 2 * SECOND
/** With the parked ones. */
export const OUTBOUND_SOCKETS_MAX = 1000
export const OUT_CONNECT_TIMEOUT_MS = 30 * SECOND
/** RFC 5321 §4.5.3.2.1–6. */
export const OUT_GREETING_TIMEOUT_MS = 5 * MINUTE
export const OUT_EHLO_TIMEOUT_MS = 5 * MINUTE
export const OUT_MAIL_TIMEOUT_MS = 5 * MINUTE
export const OUT_RCPT_TIMEOUT_MS = 5 * MINUTE
export const OUT_DATA_TIMEOUT_MS = 2 * MINUTE
export const OUT_BLOCK_TIMEOUT_MS = 3 * MINUTE
export const OUT_DOT_TIMEOUT_MS = 10 * MINUTE
export const OUT_QUIT_TIMEOUT_MS = 5 * SECOND
/** A reply of the remote: lines and octets we keep. */
export const OUT_REPLY_LINES_MAX = 100
export const OUT_REPLY_LINE_MAX_OCTETS = 2048
export const MX_HOSTS_MAX = 10
/** RFC 8461 §3.2: a policy's max_age is cut to this. */
export const MTA_STS_MAX_AGE_SECONDS = 31_557_600
/** RFC 8461 §3.3: limits on a policy's size and on the wait for it; 64 KiB and a minute are its own examples. */
export const MTA_STS_POLICY_MAX_OCTETS = 64 * KIB
export const MTA_STS_FETCH_TIMEOUT_MS = 1 * MINUTE
/** mx lines of a policy that count as one. */
export const MTA_STS_MX_MAX = 200
/** Policies of other domains that are kept; RFC 8461 §10.2 names who would fill this up. */
export const MTA_STS_POLICIES_MAX = 10_000
/** RFC 8461 §3.3: after a failed fetch the next one waits 5 minutes or longer. */
export const MTA_STS_REFETCH_AFTER_MS = 5 * MINUTE
/** A policy is fetched again at this age, changed or not, so that it does not end (RFC 8461 §3.3, §10.2). */
export const MTA_STS_REFRESH_AFTER_MS = 1 * DAY
/** After a failed handshake the clear fallback of D3 is remembered per domain. */
export const TLS_FALLBACK_MEMORY_MS = 24 * HOUR
export const DSN_RETURNED_MAX_OCTETS = 64 * KIB
export const DNS_TIMEOUT_MS = 5 * SECOND
export const DNS_TRIES = 2
export const DNS_CACHE_MAX = 10_000
/** EDNS: fits one unfragmented packet (DNS flag day 2020). */
export const DNS_UDP_MAX_OCTETS = 1232
/** Longer TTLs are cut to this. */
export const DNS_TTL_MAX_SECONDS = 24 * 3600
/** RFC 2308 §5: negative answers. */
export const DNS_NEGATIVE_TTL_MAX_SECONDS = 600
/** RFC 2308 §7.1: how long a server's failure is remembered. */
export const DNS_FAILURE_TTL_SECONDS = 5
export const DNS_CNAMES_MAX = 8
export const ALIAS_DEPTH_MAX = 10
export const ALIAS_MEMBERS_MAX = 1000

// Store ----------------------------------------------------------------------------------------------------------------

/** A body up to this size travels in memory to the writer; a larger one is streamed to a file of its own. */
export const BODY_IN_MEMORY_MAX_OCTETS = 128 * KIB
/** What may come before a body once it is there: Return-Path and the verdicts about it. */
export const BODY_FRONT_MAX_OCTETS = 8 * KIB
export const SEGMENT_MAX_OCTETS = 64 * MIB
/** Commands, and octets of their bodies in memory, that one commit carries at most. */
export const COMMIT_GROUP_MAX = 512
export const COMMIT_GROUP_MAX_OCTETS = 16 * MIB
/**
 * Records of bodies, and a group of them, up to this size are kept by the commit's own sync, in the journal; larger ones
 * by a sync of their segment, which is then the cheaper one. docs/adr/0010-one-sync.md
 */
export const JOURNAL_RECORD_MAX_OCTETS = 64 * KIB
export const JOURNAL_GROUP_MAX_OCTETS = 256 * KIB
/** What the journal holds at most, before the segment is synced. */
export const JOURNAL_MAX_OCTETS = 1 * MIB
/** Free space below which nothing more is taken (or 5 % of the device, whichever is smaller); R6. */
export const FREE_SPACE_MIN_OCTETS = 75 * MIB
/** How long a command may wait for a locked database before it fails with a temporary error; R10. */
export const STORE_BUSY_TIMEOUT_MS = 10 * SECOND
export const ENTRIES_PER_BATCH = 500
/** Rows of uid and flags alone are one text for each batch, and cost an eighth. */
export const FLAG_ROWS_PER_BATCH = 8 * ENTRIES_PER_BATCH
/** Messages that one STORE or EXPUNGE changes in one commit: some 10 ms, in which others wait; a larger one takes several. */
export const STORE_PORTION_MESSAGES = 8192
/** A start waits so long for a command that works on the store, and looks this often. */
export const STORE_LOCK_WAIT_MS = 5 * SECOND
export const STORE_LOCK_RETRY_MS = 250
/** The database is looked through for damaged pages so long after a start, and then again. */
export const STORE_CHECK_DELAY_MS = 5 * MINUTE
export const STORE_CHECK_EVERY_MS = 7 * DAY
/** Read from the store in one turn of the event loop: some 30 ms of a search, 3 ms of a list (S25). */
export const READ_AT_ONCE_MAX_OCTETS = 256 * KIB
/** What any read costs besides its octets, and what a row of a list costs, counted in octets of that. */
export const READ_COST_OCTETS = 4 * KIB
export const ROW_COST_OCTETS = 0.5 * KIB
/** Bodies without a row are collected after this long; R5. */
export const ORPHAN_BODY_GRACE_MS = 24 * HOUR

// Search ---------------------------------------------------------------------------------------------------------------

/** Messages of a block of the index, and grams that may wait for one (two octets each); docs/adr/0012-search-index.md. */
export const SEARCH_BLOCK_MESSAGES = 1024
export const SEARCH_FRESH_GRAMS_MAX = 4 * 1024 * 1024
/** A message with more text, or more different grams, is not indexed: each search looks into it. */
export const SEARCH_TEXT_MAX_CHARACTERS = 4 * 1024 * 1024
export const SEARCH_GRAMS_PER_MESSAGE_MAX = 32_768
/** Of a long text so many grams are asked for, and of one search so many texts; the rest is looked for in what is found. */
export const SEARCH_NEEDLE_GRAMS_MAX = 32
export const SEARCH_NEEDLES_MAX = 32
/** With more candidates than this a mailbox is read as a whole, and what is no candidate passed over. */
export const SEARCH_PICKED_MAX = 20_000
/** One step of the indexer: so many messages, or octets of them. */
export const SEARCH_BATCH_MESSAGES = 128
export const SEARCH_BATCH_OCTETS = 4 * MIB
/** How often the indexer looks for new mail, and after an error. */
export const SEARCH_LOOK_EVERY_MS = 2 * SECOND
export const SEARCH_RETRY_MS = 30 * SECOND
/** Of one core, at the lowest priority: what the indexer takes at most. */
export const SEARCH_CPU_SHARE = 0.5
/** Heap of its thread: with more it is ended and begins again, and the server goes on. The largest letter that is indexed takes a tenth of it. */
export const SEARCH_HEAP_MAX_MIB = 256

// Junk filter ------------------------------------------------------------------------------------------------------------

/** Of one letter: characters of text that are looked at (all parts together), words with their pairs, names of hosts; docs/adr/0016-junk.md. */
export const JUNK_TEXT_MAX_CHARACTERS = 64 * KIB
export const JUNK_TOKENS_MAX = 4096
export const JUNK_HOSTS_MAX = 64
/** Words and pairs that are remembered of one account, eight octets each; the rarest go first. */
export const JUNK_WORDS_MAX = 262_144
/** Letters of each kind that must be learnt before an account's own words decide, and before those of all accounts do. */
export const JUNK_LEARNT_MIN = 20
export const JUNK_LEARNT_OF_ALL_MIN = 100
/** A letter that was read and still lies among the good ones after so long is one. */
export const JUNK_KEPT_MS = 3 * DAY
/** Correspondents, domains and networks that are remembered of one account; more are not learnt. */
export const JUNK_SENDERS_MAX = 50_000
/** Recipients of one sent letter that are learnt. */
export const JUNK_RECIPIENTS_MAX = 100
/** Letters learnt in one commit, which writes all words anew; how often the learner looks for new ones, and for kept ones. */
export const JUNK_BATCH_MESSAGES = 1024
export const JUNK_LOOK_EVERY_MS = 10 * SECOND
export const JUNK_KEPT_LOOK_EVERY_MS = HOUR
/** Octets of words that a thread keeps at hand. */
export const JUNK_AT_HAND_MAX_OCTETS = 32 * MIB

// Admin API ------------------------------------------------------------------------------------------------------------

export const ADMIN_BODY_MAX_OCTETS = 1 * MIB
export const ADMIN_ANSWER_MAX_OCTETS = 64 * MIB
export const ADMIN_TIMEOUT_MS = 60 * SECOND
/** An import sends this many letters, or octets of them, for one commit; a longer letter goes alone. */
export const TRANSFER_BATCH_MAX = 64
export const TRANSFER_BATCH_MAX_OCTETS = 8 * MIB
/** A letter travels in pieces of at most this. */
export const TRANSFER_PIECE_MAX_OCTETS = 1 * MIB

// Threads --------------------------------------------------------------------------------------------------------------

/** R31: a dead thread is replaced within 2 seconds. */
export const THREAD_RESTART_DELAY_MS = 200
/** A thread says that it goes by new certificates, or by what a CA looks for; a busy one is not waited for longer. */
export const THREAD_USE_TIMEOUT_MS = 5 * SECOND
/** A port of no other well-known exporter. */
export const METRICS_PORT = 9465
/** How long a scrape waits for the numbers of a busy thread. */
export const METRICS_TIMEOUT_MS = 2 * SECOND

// Stress: what holds while there is more work than room ------------------------------------------------------------------

/** Share of a thread's connections from which on it is in stress mode, and below which it is no longer. */
export const STRESS_CONNECTIONS_FROM = 0.8
export const STRESS_CONNECTIONS_BELOW = 0.7
/** The event loop is judged over this long; S25. */
export const STRESS_WINDOW_MS = 5 * SECOND
/** One tick in ten comes later than this, in two windows on end: nobody new is let in. (One long turn is not stress.) */
export const STRESS_LOOP_DELAY_MS = 200
/** For a whole command of SMTP, and before login for a whole IMAP or POP3 conversation or command. */
export const STRESS_COMMAND_TIMEOUT_MS = 30 * SECOND
/** SMTP's, and IMAP's and POP3's before login. */
export const STRESS_ERRORS_MAX = 2
/** NOOP, VRFY, RSET, HELP per transaction of SMTP; greetings aside, since STARTTLS needs two. */
export const STRESS_JUNK_COMMANDS_MAX = 1

// Screening of what strangers bring --------------------------------------------------------------------------------------

/** Questions about a visitor, and about his letter once it is there; RELIABILITY.md R14: filters before the dot have 30 s. */
export const SCREENING_TIMEOUT_MS = 12 * SECOND
/** After that, questions about who is of the author's organization. */
export const SCREENING_ALIGNMENT_TIMEOUT_MS = 8 * SECOND
/** DNS questions about a visitor, and about his letter: SPF may ask for a hundred hosts (RFC 7208 §4.6.4), DMARC for as many. */
export const SCREENING_QUESTIONS_MAX = 250
/** Other programs that look at a letter, all together; with the questions before, what R14 allows. rspamd's own is 8 s. */
export const EXAMINERS_TIMEOUT_MS = 10 * SECOND
export const EXAMINER_CONNECT_TIMEOUT_MS = 2 * SECOND
/** Of a letter, so much at once is in memory for each of them. */
export const EXAMINER_CHUNK_OCTETS = 64 * KIB
export const EXAMINER_ANSWER_MAX_OCTETS = 256 * KIB
/** Of rspamd's symbols, the heaviest. */
export const RSPAMD_SYMBOLS_TOLD_MAX = 5
/** So many points are junk; core/screening/findings.ts says what gives how many. */
export const JUNK_POINTS = 5
/** For an address that is on a list of the administrator's choice: enough. */
export const DNSBL_POINTS = 6
/** A list that refuses to answer is told of so often. */
export const DNSBL_REFUSED_TOLD_EVERY_MS = 24 * HOUR
/** Of an address, names that are looked at; RFC 8601 §3 leaves it to us. */
export const IPREV_NAMES_MAX = 5
/** Together with Return-Path and X-Spam-Status they come in front of the body: BODY_FRONT_MAX_OCTETS. */
export const AUTHENTICATION_RESULTS_MAX_OCTETS = 5 * KIB
export const SPAM_STATUS_MAX_CHARACTERS = 1000

// Trace ----------------------------------------------------------------------------------------------------------------

/** What happened to letters is kept so long, unless gavan.toml says otherwise. */
export const TRACE_DAYS = 14
/** All of it together; the oldest goes first. */
export const TRACE_MAX_OCTETS = 512 * MIB
/** Letters that `gavan trace` tells of, the newest. */
export const TRACE_LETTERS_SHOWN = 10
/** Recipients that are named with a letter. */
export const TRACE_RECIPIENTS_MAX = 20

// SPF ------------------------------------------------------------------------------------------------------------------

/** Terms of a record that ask DNS, includes and redirects counted together; RFC 7208 §4.6.4. */
export const SPF_LOOKUPS_MAX = 10
/** Of them, those that find nothing; RFC 7208 §4.6.4. */
export const SPF_VOID_LOOKUPS_MAX = 2
/** Hosts of one `mx`; RFC 7208 §4.6.4. */
export const SPF_MX_MAX = 10
/** Names of an address that are looked at; RFC 7208 §4.6.4. */
export const SPF_PTR_MAX = 10
/** Longest record, and longest explanation; the largest domains keep below 4 KiB. Ours: macros make much of little. */
export const SPF_RECORD_MAX_CHARACTERS = 16 * KIB
/** Of a domain's own words in our reply; so that they fit into one line of it. */
export const SPF_EXPLANATION_MAX_CHARACTERS = 300

// DKIM -----------------------------------------------------------------------------------------------------------------

/** RFC 8301 §3.2: signers use at least 2048; longer ones do not fit into one DNS packet everywhere. */
export const DKIM_RSA_BITS = 2048
/** Shorter keys prove nothing; RFC 8301 §3.2. */
export const DKIM_RSA_BITS_MIN = 1024
/** RFC 8301 §3.2 wants 4096 at least; longer ones cost too much to look at. */
export const DKIM_RSA_BITS_MAX = 4096
/** Signatures of one letter that are looked at; RELIABILITY.md §3. */
export const DKIM_SIGNATURES_MAX = 10
/** Published keys that are kept ready for use, for each thread. */
export const DKIM_KEYS_KEPT_MAX = 1000
/** How far ahead of ours a signer's clock may be; RFC 6376 §3.5 leaves it to us. */
export const DKIM_CLOCK_SKEW_MS = 5 * MINUTE
/** x=: longer than a letter is tried, short enough that nobody sends it again for long (S8). */
export const DKIM_SIGNATURE_LIFETIME_SECONDS = 7 * 24 * 3600
/** Signatures of letters that are on their way, and how long one is used again. */
export const DKIM_SIGNATURES_KEPT_MAX = 1000
export const DKIM_SIGNATURES_KEPT_MS = HOUR
/** Whether a key is published is asked again after so long; where it is not, sooner. */
export const DKIM_PUBLISHED_FOR_MS = HOUR
export const DKIM_UNPUBLISHED_FOR_MS = 5 * MINUTE
/** Sets of ARC fields; RFC 8617 §5.2. */
export const ARC_SETS_MAX = 50

// DMARC ----------------------------------------------------------------------------------------------------------------

/** Labels of a name from which on the walk to its organization leaves some out; RFC 9989 §4.10. */
export const DMARC_WALK_LABELS_MAX = 8
/** Domains in one From that are asked; more make no author anyway. RFC 7489 §6.6.1 leaves it to us. */
export const DMARC_AUTHORS_MAX = 4
/** Addresses of one record that get reports; RFC 9990 leaves it to us, two at least. */
export const DMARC_REPORT_ADDRESSES_MAX = 5

// Doctor ---------------------------------------------------------------------------------------------------------------

/** A clock further off than this is worth a word. */
export const DOCTOR_CLOCK_OFF_MS = 2 * SECOND
/** TOTP steps and DKIM expiry stand 30 s and more. */
export const DOCTOR_CLOCK_OFF_BAD_MS = 60 * SECOND
/** R6: mail is refused when less of the disk is free. */
export const DOCTOR_DISK_FREE_MIN_SHARE = 0.05
/** One check; all run beside one another. */
export const DOCTOR_CHECK_TIMEOUT_MS = 20 * SECOND
/** A server elsewhere that says nothing for so long does not answer: SYN is sent again after 1, 3 and 7 s. */
export const DOCTOR_CONNECT_TIMEOUT_MS = 8 * SECOND
/** An authoritative name server, and a time server. */
export const DOCTOR_DNS_TIMEOUT_MS = 3 * SECOND
/** `gavan dns` asks whether the host's zone is signed; without an answer it says what it knows. */
export const DNS_SIGNED_TIMEOUT_MS = 2 * SECOND
/** `gavan probe`: from one machine to another, until it is taken for shut. */
export const PROBE_TIMEOUT_MS = 8 * SECOND
/** Renewal by ACME comes long before this. */
export const DOCTOR_CERTIFICATE_DAYS_LEFT_MIN = 14

// ACME -----------------------------------------------------------------------------------------------------------------

/** Of Let's Encrypt: 100 names per certificate. */
export const ACME_AUTHORIZATIONS_MAX = 100
/** What a CA says, kept for people: longer is cut. */
export const ACME_DETAIL_MAX_CHARACTERS = 500
/** A chain has some 6 KiB, a directory 1. */
export const ACME_ANSWER_MAX_OCTETS = 256 * KIB
export const ACME_REQUEST_TIMEOUT_MS = 30 * SECOND
/** RFC 8555 §6.5: a nonce refused is no failure; a server that refuses so many is. */
export const ACME_NONCE_TRIES = 10
/** How often an order or authorization is looked at, unless the CA says (RFC 8555 §7.5.1), and for how long in all. */
export const ACME_POLL_MS = 2 * SECOND
export const ACME_POLL_MAX_MS = 60 * SECOND
export const ACME_POLL_TIMEOUT_MS = 5 * MINUTE
/** One run: names that fail are left out, challenges changed. Let's Encrypt allows 5 failures per name and hour. */
export const ACME_ORDERS_PER_RUN_MAX = 4
/** After a failed run; doubles with each further one up to the second, give or take the third share. */
export const ACME_RETRY_MS = 1 * HOUR
export const ACME_RETRY_MAX_MS = 24 * HOUR
export const ACME_RETRY_JITTER = 0.1
/** How often it is looked at what is to be done: new domains, names that have come to resolve, a clock that jumped. */
export const ACME_CHECK_MS = 1 * HOUR
/** A name that the CA refused, or that failed its check, is tried again with the others after so long. */
export const ACME_NAME_RETRY_MS = 24 * HOUR
/** RFC 9773 §4.3.1: how often to ask; what the CA says is kept within these. */
export const ACME_RENEWAL_INFO_MS = 6 * HOUR
export const ACME_RENEWAL_INFO_MIN_MS = 1 * MINUTE
export const ACME_RENEWAL_INFO_MAX_MS = 24 * HOUR
/** Where the CA does not say: this share of a certificate's life is over (Let's Encrypt's advice). */
export const ACME_RENEW_AT_SHARE = 2 / 3
/** Our own look at port 80. */
export const ACME_SELF_CHECK_TIMEOUT_MS = 5 * SECOND
/** One dynamic update of DNS; then how long the zone's servers are waited for. */
export const DNS_UPDATE_TIMEOUT_MS = 10 * SECOND
export const DNS_UPDATE_WAIT_MS = 2 * MINUTE
export const DNS_UPDATE_LOOK_MS = 2 * SECOND
/** Of the TXT record. */
export const DNS_UPDATE_TTL_SECONDS = 60
/** RFC 8945 §10: clocks may differ so far. */
export const TSIG_FUDGE_SECONDS = 300

// Filters --------------------------------------------------------------------------------------------------------------

/** Compiled scripts that a thread remembers. */
export const FILTER_PROGRAMS_MAX = 256
/** How often the owner of a script is told that it fails; RFC 5228 §2.10.6. */
export const FILTER_FAILURE_TOLD_EVERY_MS = 1 * DAY

/** What of a script's refusal (RFC 5429) goes into the SMTP reply. */
export const REFUSAL_LINES_MAX = 20
export const REFUSAL_LINE_MAX_CHARACTERS = 400

// ManageSieve ----------------------------------------------------------------------------------------------------------

/** All lines of a command together, without its literals. */
export const MANAGESIEVE_LINE_MAX_OCTETS = 8 * KIB
/** Literals of one command: names and SASL before login, a script after it (SIEVE_SCRIPT_MAX_OCTETS). */
export const MANAGESIEVE_BEFORE_LOGIN_MAX_OCTETS = 8 * KIB
/** A larger script than is taken is read so far, to be refused politely; beyond it the connection ends. */
export const MANAGESIEVE_LITERAL_SKIP_MAX_OCTETS = 16 * MIB
export const MANAGESIEVE_BEFORE_LOGIN_TIMEOUT_MS = 1 * MINUTE
/** RFC 5804 §1.2 wants at least 30 minutes. */
export const MANAGESIEVE_AUTOLOGOUT_MS = 30 * MINUTE
export const MANAGESIEVE_ERRORS_MAX = 20

// Sieve ----------------------------------------------------------------------------------------------------------------

/** Of one script; Pigeonhole's default. */
export const SIEVE_SCRIPT_MAX_OCTETS = 1 * MIB
export const SIEVE_SCRIPTS_PER_ACCOUNT_MAX = 64
/** RFC 5804 §1.6 wants at least 128 octets. */
export const SIEVE_SCRIPT_NAME_MAX_OCTETS = 512
/** Blocks within blocks, and tests within tests; RFC 5228 §2.10.7: at least 15. */
export const SIEVE_NESTING_MAX = 32
/** Commands and tests of one script. */
export const SIEVE_COMMANDS_MAX = 20_000
/** Strings of one script. */
export const SIEVE_STRINGS_MAX = 50_000
/** Errors, and warnings, that a script is told at once. */
export const SIEVE_PROBLEMS_MAX = 20
/** A run's work: a command or test is one step at least, text costs by its length. A step is some 50 ns. */
export const SIEVE_STEPS_MAX = 10_000_000
/** Other work of the thread has its turn after so many, between commands; one test may do no more than the second (S25). */
export const SIEVE_STEPS_PER_TURN_MAX = 500_000
export const SIEVE_STEPS_PER_TEST_MAX = 2_000_000
/** Pigeonhole's default. */
export const SIEVE_ACTIONS_MAX = 32
/** RFC 5228 §2.10.4 asks for a limit; Pigeonhole's default. */
export const SIEVE_REDIRECTS_MAX = 4
/** RFC 5229 §6: at least 128 variables of 4000 characters, names of 32. */
export const SIEVE_VARIABLES_MAX = 255
export const SIEVE_VARIABLE_MAX_CHARACTERS = 4000
export const SIEVE_VARIABLE_NAME_MAX_CHARACTERS = 64
/** RFC 5229 §6: at least ${1} to ${9}. */
export const SIEVE_MATCH_VARIABLES_MAX = 32
/** A string after its variables have been put in. */
export const SIEVE_EXPANDED_MAX_CHARACTERS = 256 * KIB
/** RFC 6609 §3.1: at least three levels; Pigeonhole's defaults. */
export const SIEVE_INCLUDE_DEPTH_MAX = 10
export const SIEVE_INCLUDES_MAX = 255
/** An expression, what it is made into, and POSIX' RE_DUP_MAX. */
export const SIEVE_REGEX_MAX_CHARACTERS = 2000
export const SIEVE_REGEX_INSTRUCTIONS_MAX = 2000
export const SIEVE_REGEX_REPEAT_MAX = 255
/** RFC 5230 §4.1, RFC 6131 §2: what `:days` and `:seconds` are kept within, and what stands without them. */
export const SIEVE_VACATION_MIN_MS = 10 * MINUTE
export const SIEVE_VACATION_MAX_MS = 365 * DAY
export const SIEVE_VACATION_DEFAULT_MS = 7 * DAY
/** RFC 7352 §3.3. */
export const SIEVE_DUPLICATE_DEFAULT_MS = 7 * DAY
export const SIEVE_DUPLICATE_MAX_MS = 30 * DAY
/** RFC 5293 §4: at least 998; Pigeonhole's default. */
export const SIEVE_HEADER_FIELD_MAX_OCTETS = 2048
/** Fields that a script may add. */
export const SIEVE_HEADERS_ADDED_MAX = 100
/** Tests of bodies look at so many octets of each part, and of all parts of a letter together. */
export const SIEVE_PART_MAX_OCTETS = 1 * MIB
export const SIEVE_BODY_MAX_OCTETS = 4 * MIB
/** Of one notification; Pigeonhole's default. */
export const SIEVE_NOTIFY_RECIPIENTS_MAX = 8
/** Message-IDs in References of what is sent: the first and the last ones. */
export const SIEVE_REFERENCES_MAX = 20
