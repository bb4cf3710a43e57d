import type { AccountRef } from '../../core/contract.ts'
import type { Connection } from '../../model/connection.ts'
import type { SmtpReply } from '../../model/reply.ts'
import type { SmtpState } from '../../protocol/smtp/state.ts'
import type { SmtpFacts, SmtpPolicy } from '../../roles/contract.ts'
import type { Clock } from '../../std/clock.ts'
import type { Load } from '../../std/load.ts'
import type { Log } from '../../std/log.ts'
import type { Metrics } from '../../std/metrics.ts'
import type { Random } from '../../std/random.ts'
import type { Input } from '../input.ts'
import type { LoginGate } from '../sasl.ts'
import type { Incoming } from './incoming.ts'

/** One SMTP conversation: what the commands work on. */
export type SmtpContext = {
  readonly connection: Connection
  readonly policy: SmtpPolicy
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly load: Load
  readonly input: Input
  readonly loginGate: LoginGate
  /** REQUIRETLS is offered over TLS (RFC 8689). */
  readonly offerRequireTls: boolean
  /** Queues a reply; it leaves before the next wait, or with `flush`. */
  say(reply: SmtpReply): void
  flush(): Promise<void>
  state: SmtpState
  account: AccountRef | null
  /** The message that is coming in by BDAT, or in DATA. */
  incoming: Incoming | null
  /** Messages begun on this connection. */
  transactions: number
}

/** What a command came to. */
export type Done = {
  readonly reply: SmtpReply
  /** A refusal that says nothing about the peer's manners. */
  readonly pardoned?: boolean
  readonly close?: boolean
}

/** The facts a policy looks at. @param context past EHLO */
export function factsOf(context: SmtpContext): SmtpFacts {
  const { state, connection, account } = context
  const greeted = state.at === 'connected' ? { helo: '', esmtp: false } : state
  return { connection, helo: greeted.helo, esmtp: greeted.esmtp, account }
}
