import { token } from '../../std/random.ts'
import { isIpv4, isIpv6 } from '../../format/address/domain.ts'
import type { Endpoint, TlsFacts } from '../../model/connection.ts'
import {
  MESSAGES_PER_OUTBOUND_CONNECTION_MAX,
  OUT_CONNECT_TIMEOUT_MS,
  RECIPIENTS_PER_TRANSACTION_MAX,
} from '../../model/limits.ts'
import type { Recipient } from '../../model/envelope.ts'
import type { Answer } from '../../model/queue.ts'
import { ConnectFailed, type ClientTlsOptions, type Dialler } from '../../net/contract.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { Random } from '../../std/random.ts'
import type { Secret } from '../../std/secret.ts'
import type { Extensions } from '../../protocol/smtp/client-ehlo.ts'
import type { Stage } from '../../protocol/smtp/client-judge.ts'
import { open, type TlsWish } from '../../protocol/smtp/client-open.ts'
import { createReplyParser } from '../../protocol/smtp/client-reply.ts'
import {
  inquire,
  quit,
  transact,
  type Inquired,
  type OutgoingMail,
  type Transacted,
} from '../../protocol/smtp/client-transact.ts'
import type { OutgoingContent } from '../contract.ts'
import { drive, type Wire } from './drive.ts'

/** One address of one host, and how to speak to it. */
export type Target = {
  /** The host's name: what TLS is verified against and answers are ascribed to. */
  readonly host: string
  readonly address: string
  readonly port: number
  readonly tls: TlsWish
  readonly verify: boolean
  readonly ca?: string | undefined
  /** SNI, where it is another than the host. */
  readonly serverName?: string | undefined
  /** DANE's; a certificate that passes is verified. */
  readonly check?: ClientTlsOptions['check']
  readonly credentials: { readonly user: string; readonly password: Secret } | null
}

/** A connection on which mail can be sent. */
export type Remote = {
  readonly host: string
  readonly endpoint: Endpoint
  readonly extensions: Extensions
  readonly tls: TlsFacts | null
  /** TLS with a certificate that was checked, by its name or by DANE (RFC 8689 §4.2.1). */
  readonly secure: boolean
  readonly local: Endpoint
  readonly recipientsMax: number
  /** Messages sent on it. */
  readonly sent: number
  /** Whether one more message may be sent. */
  readonly usable: boolean
  /** Never throws for the network's sake; a throw is the store's and leaves the connection unusable. */
  send(mail: OutgoingMail, content: OutgoingContent): Promise<Transacted>
  /** Whether an address would be taken; nothing is sent. */
  inquire(recipient: Recipient): Promise<Inquired>
  /** With QUIT where it can still be said. Never throws. */
  close(): Promise<void>
  /** Breaks a conversation under way. */
  destroy(): void
}

export type ConnectOutcome =
  | { readonly at: 'open'; readonly remote: Remote }
  /** No connection came about. */
  | { readonly at: 'unreachable'; readonly answer: Answer }
  | {
      readonly at: 'refused'
      readonly to: 'waiting' | 'failed'
      readonly stage: Stage
      readonly answer: Answer
      readonly tlsFailed: boolean
      /** Of a handshake. */
      readonly tlsError: Error | null
      readonly local: Endpoint
    }

export type ConnectOptions = {
  readonly dialler: Dialler
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Said at EHLO. */
  readonly hostname: string
  readonly signal: AbortSignal
  /** For those who take the time (`gavan dial`): what was just heard. */
  readonly mark?: (what: 'connect' | Stage) => void
}

const NONCE_CHARACTERS = 24

/** Dials one address and opens the conversation. */
export async function connect(target: Target, options: ConnectOptions): Promise<ConnectOutcome> {
  const { dialler, clock, random, hostname, signal } = options
  const { host, address, port } = target
  let connection
  try {
    connection = await dialler.dial({ address, port, timeoutMs: OUT_CONNECT_TIMEOUT_MS, signal })
  } catch (error) {
    if (!(error instanceof ConnectFailed)) throw error
    const text = `No connection to ${host} (${address}, port ${port}): ${error.code}`
    return { at: 'unreachable', answer: { code: 451, status: '4.4.1', text, remote: null } }
  }
  const destroy = (): void => connection.destroy()
  signal.addEventListener('abort', destroy, { once: true })
  const forget = (): void => signal.removeEventListener('abort', destroy)

  const isName = !isIpv4(address) || host !== address
  const tls: ClientTlsOptions = {
    serverName: target.serverName ?? (isName && !host.startsWith('[') && !isIpv6(host) ? host : address),
    verify: target.verify ? 'required' : 'none',
    ...(target.ca === undefined ? {} : { ca: target.ca }),
    ...(target.check === undefined ? {} : { check: target.check }),
  }
  options.mark?.('connect')
  const marks = options.mark === undefined ? {} : { mark: options.mark }
  const wire: Wire = { connection, parser: createReplyParser(), clock, tls, ...marks }
  try {
    if (target.tls === 'implicit') {
      await connection.startClientTls(tls)
    }
  } catch (error) {
    forget()
    connection.destroy()
    const detail = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    const answer = { code: 451, status: '4.7.5', text: `No TLS with ${host}: ${detail}`, remote: null }
    const tlsError = error instanceof Error && error.cause instanceof Error ? error.cause : null
    return { at: 'refused', to: 'waiting', stage: 'tls', answer, tlsFailed: true, tlsError, local: connection.local }
  }
  const credentials =
    target.credentials === null ? null : { ...target.credentials, nonce: token(random, NONCE_CHARACTERS) }
  const opened = await drive(open({ hostname, remote: host, tls: target.tls, credentials }), wire)
  if (opened.at === 'refused') {
    forget()
    if (opened.close) connection.destroy()
    else await sayQuit(wire)
    const { to, stage, answer, tlsFailed } = opened
    const tlsError = wire.tlsError ?? null
    return { at: 'refused', to, stage, answer, tlsFailed, tlsError, local: connection.local }
  }
  return { at: 'open', remote: createRemote({ target, wire, extensions: opened.extensions, forget }) }
}

async function sayQuit(wire: Wire): Promise<void> {
  try {
    await drive(quit(), wire)
  } finally {
    await wire.connection.end()
  }
}

function createRemote(options: { target: Target; wire: Wire; extensions: Extensions; forget: () => void }): Remote {
  const { target, wire, extensions, forget } = options
  const messagesMax = Math.min(extensions.messagesMax ?? Infinity, MESSAGES_PER_OUTBOUND_CONNECTION_MAX)
  let sent = 0
  let alive = true
  let closed = false

  return {
    host: target.host,
    endpoint: { address: target.address, port: target.port },
    extensions,
    get tls() {
      return wire.connection.tls
    },
    get secure() {
      return (target.verify || target.check !== undefined) && wire.connection.tls !== null
    },
    local: wire.connection.local,
    recipientsMax: Math.min(extensions.recipientsMax ?? Infinity, RECIPIENTS_PER_TRANSACTION_MAX),
    get sent() {
      return sent
    },
    get usable() {
      return alive && sent < messagesMax
    },
    async send(mail, content) {
      alive = false // Until the transaction has come to a good end.
      sent++
      const outcome = await drive(transact(mail, extensions, target.host), wire, content)
      alive = outcome.usable
      return outcome
    },
    async inquire(recipient) {
      const inquired = await drive(inquire(recipient, extensions, target.host), wire)
      alive = inquired.usable
      return inquired
    },
    async close() {
      if (closed) return
      closed = true
      forget()
      if (alive) await sayQuit(wire)
      else wire.connection.destroy()
    },
    destroy() {
      closed = true
      forget()
      wire.connection.destroy()
    },
  }
}
