import type { Connection } from '../../model/connection.ts'
import type { MaildropLocks } from '../../core/contract.ts'
import type { AccessPolicy } from '../../roles/contract.ts'
import type { Clock } from '../../std/clock.ts'
import type { Load } from '../../std/load.ts'
import type { Log } from '../../std/log.ts'
import type { Random } from '../../std/random.ts'
import type { Input } from '../input.ts'
import type { LoginGate } from '../sasl.ts'
import type { Language } from './language.ts'
import type { Maildrop } from './maildrop.ts'

export type Pop3Context = {
  readonly connection: Connection
  readonly policy: AccessPolicy
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly load: Load
  readonly input: Input
  readonly loginGate: LoginGate
  /** Queues output; it leaves before the next wait, or with `flush`. */
  say(text: string): void
  /** As `say`; resolves when there is room for more, which is the back-pressure. */
  send(bytes: Uint8Array): Promise<void>
  flush(): Promise<void>
  /** True between a multi-line answer's +OK and its end. */
  answering: boolean
  /** The name given with USER. */
  user: string | null
  utf8: boolean
  language: Language
  readonly locks: MaildropLocks
  /** Null before login (AUTHORIZATION state). */
  drop: Maildrop | null
  /** Gives the maildrop free; idempotent. */
  release: () => void
}

/** What a command came to: a line without CRLF, or null when it has said all itself. */
export type Pop3Done = { readonly say: string | null; readonly close?: boolean }

export const okay = (text: string): Pop3Done => ({ say: `+OK ${text}` })
export const error = (text: string): Pop3Done => ({ say: `-ERR ${text}` })

/** RFC 3206 §4: not the client's fault, and over some time. */
export const TRY_LATER = error('[SYS/TEMP] Local error, try again later')
