/**
 * Every number that the program tells Prometheus, in one file: name, labels, what it counts. docs/metrics.md is made from it.
 * Names: base units, `_total` for what only grows. Labels hold our own words, never addresses or names of people.
 */
import type { Counter, Gauge, Histogram, Metric } from '../std/metrics.ts'

const counter = <L extends string = never>(name: string, help: string, ...labels: L[]): Counter<L> => ({
  kind: 'counter',
  name,
  help,
  labels,
})
const gauge = <L extends string = never>(name: string, help: string, ...labels: L[]): Gauge<L> => ({
  kind: 'gauge',
  name,
  help,
  labels,
})
const histogram = <L extends string = never>(
  name: string,
  help: string,
  buckets: readonly number[],
  ...labels: L[]
): Histogram<L> => ({ kind: 'histogram', name, help, labels, buckets })

const DEVICE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
const NETWORK_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]
const GROUP_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

// Connections ----------------------------------------------------------------------------------------------------------

export const CONNECTIONS = gauge('gavan_connections', 'Connections open now.', 'protocol')
export const CONNECTIONS_REFUSED = counter(
  'gavan_connections_refused_total',
  'Connections that were turned away at once, by reason.',
  'protocol',
  'reason',
)
export const SMTP_CONNECTIONS = counter(
  'gavan_smtp_connections_total',
  'SMTP conversations that have ended, by what the port is for and the TLS version they came to.',
  'role',
  'tls',
)
export const BANS = gauge('gavan_bans', 'Networks that are banned now, by the ports that are shut to them.', 'group')
export const AUTH_ATTEMPTS = counter('gavan_auth_attempts_total', 'Attempts to sign in.', 'protocol', 'result')

// Mail -----------------------------------------------------------------------------------------------------------------

export const SMTP_MESSAGES = counter(
  'gavan_smtp_messages_total',
  'Messages by way: in (from other servers), submission (from our users), out (one attempt to deliver), and what came of it.',
  'direction',
  'result',
)
export const SMTP_REJECTS = counter(
  'gavan_smtp_rejects_total',
  'Replies to SMTP clients that were 4yz or 5yz, by code (docs/errors.md).',
  'reason',
)
export const SCREENING_EXAMINED = counter(
  'gavan_screening_examined_total',
  'Letters that another program was asked about (clamav, rspamd), and what came of it.',
  'by',
  'result',
)
export const DELIVERY_RECIPIENTS = counter(
  'gavan_delivery_recipients_total',
  'Recipients of outgoing mail, counted at each attempt, by what came of it.',
  'result',
)
export const DELIVERY_ATTEMPT_SECONDS = histogram(
  'gavan_delivery_attempt_seconds',
  'How long one attempt to deliver took.',
  NETWORK_SECONDS,
)
export const QUEUE_MESSAGES = gauge(
  'gavan_queue_messages',
  'Entries of the outgoing queue: active (being delivered), due, waiting for their time, held.',
  'state',
)
export const QUEUE_OLDEST_SECONDS = gauge('gavan_queue_oldest_seconds', 'Age of the oldest entry of the queue.')

// Store ----------------------------------------------------------------------------------------------------------------

export const STORE_BYTES = gauge(
  'gavan_store_bytes',
  'Octets on the device: the database, its log, bodies that live, bodies that are dead and not yet collected; and octets free.',
  'part',
)
export const STORE_FAILED = gauge(
  'gavan_store_failed',
  '1 after a write has failed for good: nothing more is acknowledged.',
)
export const STORE_DAMAGED = gauge(
  'gavan_store_damaged',
  '1 when the last look through the database found damaged pages: gavan repair --check.',
)
export const STORE_COMMANDS_FAILED = counter(
  'gavan_store_commands_failed_total',
  'Commands that the store could not do, by reason.',
  'kind',
)
export const STORE_GROUP_COMMANDS = histogram(
  'gavan_store_group_commands',
  'How many commands one commit carried.',
  GROUP_SIZES,
)
export const STORE_COMMIT_SECONDS = histogram(
  'gavan_store_commit_seconds',
  'How long one group took, from its first command to its commit.',
  DEVICE_SECONDS,
)
export const STORE_SYNC_SECONDS = histogram(
  'gavan_store_sync_seconds',
  'How long the device took: bodies (write and fsync of segments), log (the commit of the rows with its fsync).',
  DEVICE_SECONDS,
  'what',
)

// Search ---------------------------------------------------------------------------------------------------------------

export const SEARCH_INDEX_WAITING = gauge(
  'gavan_search_index_waiting_messages',
  'Messages that are not in the search index yet: searches look into them one by one.',
)
export const SEARCH_INDEX_BYTES = gauge(
  'gavan_search_index_bytes',
  'Octets on the device: the search index with its log.',
)
export const SEARCH_INDEXED = counter('gavan_search_indexed_total', 'Messages that were put into the search index.')

// The program ----------------------------------------------------------------------------------------------------------

export const EVENT_LOOP_DELAY_SECONDS = gauge(
  'gavan_event_loop_delay_seconds',
  'How late the event loop was in the last seconds.',
  'thread',
  'quantile',
)
export const STRESSED = gauge('gavan_stressed', '1 while a thread is in stress mode.', 'thread')
export const STRESS_BEGINNINGS = counter(
  'gavan_stress_total',
  'How often stress mode began, by what brought it.',
  'reason',
)
export const THREADS_SILENT = gauge(
  'gavan_threads_silent',
  'Threads that did not tell their numbers in time: these lack here.',
)
export const TLS_EXPIRY = gauge(
  'gavan_tls_certificate_expiry_timestamp_seconds',
  'When the first of our certificates ends.',
)
export const ACME_ERRORS = counter(
  'gavan_acme_errors_total',
  'Times that a certificate was asked for and not given, by reason.',
  'kind',
)
export const MEMORY_BYTES = gauge('gavan_resident_memory_bytes', 'Memory of the whole program.')
export const BUILD_INFO = gauge('gavan_build_info', 'Always 1; the labels say what runs.', 'version', 'node')

export const ALL_METRICS: readonly Metric[] = [
  CONNECTIONS,
  CONNECTIONS_REFUSED,
  SMTP_CONNECTIONS,
  BANS,
  AUTH_ATTEMPTS,
  SMTP_MESSAGES,
  SMTP_REJECTS,
  DELIVERY_RECIPIENTS,
  DELIVERY_ATTEMPT_SECONDS,
  QUEUE_MESSAGES,
  QUEUE_OLDEST_SECONDS,
  STORE_BYTES,
  STORE_FAILED,
  STORE_DAMAGED,
  STORE_COMMANDS_FAILED,
  STORE_GROUP_COMMANDS,
  STORE_COMMIT_SECONDS,
  STORE_SYNC_SECONDS,
  SEARCH_INDEX_WAITING,
  SEARCH_INDEX_BYTES,
  SEARCH_INDEXED,
  EVENT_LOOP_DELAY_SECONDS,
  STRESSED,
  STRESS_BEGINNINGS,
  THREADS_SILENT,
  TLS_EXPIRY,
  ACME_ERRORS,
  MEMORY_BYTES,
  BUILD_INFO,
]
