import type { Connection } from '../../model/connection.ts'
import type { AccountRef, Scripts } from '../../core/contract.ts'
import type { ManageSieveReply } from '../../protocol/managesieve/print.ts'
import type { AccessPolicy } from '../../roles/contract.ts'
import type { Log } from '../../std/log.ts'
import type { Random } from '../../std/random.ts'
import type { Input } from '../input.ts'
import type { LoginGate } from '../sasl.ts'

export type ManageSieveContext = {
  readonly connection: Connection
  readonly policy: AccessPolicy
  readonly openScripts: (account: AccountRef) => Scripts
  /** Name and version (RFC 5804 §1.7 IMPLEMENTATION). */
  readonly implementation: string
  /** What scripts may require. */
  readonly extensions: readonly string[]
  readonly random: Random
  readonly log: Log
  readonly input: Input
  readonly loginGate: LoginGate
  /** Queues output; it leaves before the next wait, or with `flush`. */
  say(text: string): void
  flush(): Promise<void>
  /** Null before login. */
  scripts: Scripts | null
}

/** `close`: the conversation ends with it. */
export type Done = ManageSieveReply & { readonly close?: boolean }

export const okay = (text?: string): Done => ({ condition: 'OK', ...(text === undefined ? {} : { text }) })
export const no = (text: string, code?: ManageSieveReply['code']): Done => ({
  condition: 'NO',
  text,
  ...(code === undefined ? {} : { code }),
})
export const bye = (text: string, code?: ManageSieveReply['code']): Done => ({
  ...no(text, code),
  condition: 'BYE',
  close: true,
})
