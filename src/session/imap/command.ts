import type { Log } from '../../std/log.ts'
import type { Random } from '../../std/random.ts'
import type { Clock } from '../../std/clock.ts'
import type { Connection } from '../../model/connection.ts'
import type { ContentSearch, Mailboxes, UrlAccess } from '../../core/contract.ts'
import type { Cursor, Fault } from '../../protocol/imap/cursor.ts'
import type { Framed } from '../../protocol/framer/framer.ts'
import type { NameForm } from '../../protocol/imap/mailbox-name.ts'
import type { AccessPolicy } from '../../roles/contract.ts'
import type { LoginGate } from '../sasl.ts'
import type { Input } from './input.ts'
import type { ToldEntries } from './metadata.ts'
import type { Notify } from './notify/watch.ts'
import type { Output } from './output.ts'
import type { Selected } from './selected.ts'

/** RFC 9051 §3. */
export type ImapState =
  | { readonly at: 'connected' }
  | { readonly at: 'logged-in'; readonly handle: Mailboxes }
  | { readonly at: 'selected'; readonly handle: Mailboxes; readonly selected: Selected }

export type At = ImapState['at']
export type StateAt<S extends At> = Extract<ImapState, { at: S }>

/** What ENABLE can switch on; CONDSTORE also comes by use (RFC 7162 §3.1). */
export type Feature = 'CONDSTORE' | 'METADATA' | 'QRESYNC' | 'IMAP4REV2' | 'UIDONLY' | 'UTF8=ACCEPT'

/** One session, as the commands see it, whatever its state. */
export type Session = {
  readonly connection: Connection
  readonly policy: AccessPolicy
  readonly contentSearch: ContentSearch
  readonly urls: UrlAccess
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly hostname: string
  readonly messageMaxOctets: number
  readonly gate: LoginGate
  readonly input: Input
  readonly output: Output
  /** Of the command that runs. */
  readonly tag: string
  readonly enabled: Set<Feature>
  /** How mailbox names and quoted strings travel now. */
  form(): NameForm
  utf8(): boolean
  /** Null until NOTIFY is first used (RFC 5465). */
  notify: Notify | null
  /** After ENABLE METADATA (RFC 5464 §4.1). */
  entries: ToldEntries | null
  /** `$` (RFC 5182): uids, ascending. */
  savedSearch: Uint32Array
  become(state: ImapState): void
  /** Waits for octets in the middle of a command. @throws Ended */
  more(): Promise<void>
  /** One line of the client's within a command, after what was written is out. @throws Ended */
  line(maxOctets: number): Promise<Exclude<Framed, { kind: 'need-more' }>>
  /** What the connection offers as it is now (RFC 9051 §7.2.2). */
  capabilities(): string
}

/** `state` is narrowed to the states that the command names. */
export type Conversation<S extends At> = Session & { readonly state: StateAt<S> }

/** The tagged line: `status [code] text`. */
export type Tagged = {
  readonly status: 'OK' | 'NO' | 'BAD'
  /** Without brackets. */
  readonly code?: string
  readonly text: string
  /** What the session does once the line is out. */
  readonly then?: 'close' | 'start-tls' | 'start-deflate' | 'log-out'
}

/** Whole response lines with their CRLF, in pieces as they come; the session writes them with back-pressure. */
export type Answer = AsyncGenerator<string | Uint8Array, Tagged, void>

export type CommandDefinition<S extends At, Args> = {
  readonly name: string
  readonly rfc: string
  /** What announces it; null belongs to the base. */
  readonly capability: string | null
  readonly states: readonly S[]
  /**
   * Which changes by others are told at its end: not EXPUNGE while numbers are in use (RFC 9051 §7.5.1);
   * default `all`.
   */
  readonly tells?: 'all' | 'no-expunge'
  parse(cursor: Cursor, form: NameForm): Args
  run(conversation: Conversation<S>, args: Args): Answer
}

/** A command ready for the table: checks of state and types are done by whoever runs it. */
export type Command = CommandDefinition<At, unknown>

/** `states` is both the check and the type. */
export const command = <const S extends At, Args>(definition: CommandDefinition<S, Args>): Command => definition

/** A command that carries messages: it runs while they come in (APPEND). Asked at the first literal that may be one. */
export type StreamedCommand<Start extends { readonly tag: string }> = {
  readonly name: string
  readonly rfc: string
  readonly capability: string | null
  readonly states: readonly At[]
  /** Reads the command up to a literal's announcement; null: that literal is no message. */
  start(
    text: Buffer,
    options: { form: NameForm; nestingMax: number },
  ): { ok: true; value: Start | null } | { ok: false; error: Fault }
  run(conversation: Conversation<'logged-in' | 'selected'>, start: Start): Promise<Tagged>
}

/** Ready for the table. */
export const streamed = <Start extends { readonly tag: string }>(
  definition: StreamedCommand<Start>,
): StreamedCommand<{ readonly tag: string }> => definition

export const untagged = (text: string): string => `* ${text}\r\n`

export const ok = (text: string, code?: string): Tagged =>
  code === undefined ? { status: 'OK', text } : { status: 'OK', text, code }
export const no = (text: string, code?: string): Tagged =>
  code === undefined ? { status: 'NO', text } : { status: 'NO', text, code }
export const bad = (text: string): Tagged => ({ status: 'BAD', text })

export const printTagged = (tag: string, { status, code, text }: Tagged): string =>
  `${tag} ${status} ${code === undefined ? '' : `[${code}] `}${text}\r\n`
